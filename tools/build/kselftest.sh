#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kselftest.sh - take the kernel's test harness and runner, and its style checker,
# out of the distribution's kernel sources, so that no copy lives in the
# repository.
#
# usage: kselftest.sh DIR
#
# Writes DIR/kselftest.h, kselftest_harness.h, kselftest/ (the runner), and
# checkpatch.pl with its word lists.  Reading the archive takes seconds; the
# Makefile does it once.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

dir=${1:?usage: kselftest.sh DIR}
tarball=/usr/src/$TMEM_LINUX_SOURCE.tar.xz
top=$TMEM_LINUX_SOURCE

[[ -f $tarball ]] ||
	die "$tarball is missing; run as root: tools/build/packages.sh"
mkdir -p "$dir"
tar -xJf "$tarball" -C "$dir" \
	--transform="s:^$top/tools/testing/selftests/::" \
	--transform="s:^$top/scripts/::" \
	"$top/tools/testing/selftests/kselftest.h" \
	"$top/tools/testing/selftests/kselftest_harness.h" \
	"$top/tools/testing/selftests/kselftest/runner.sh" \
	"$top/tools/testing/selftests/kselftest/prefix.pl" \
	"$top/scripts/checkpatch.pl" \
	"$top/scripts/spelling.txt" \
	"$top/scripts/const_structs.checkpatch"
