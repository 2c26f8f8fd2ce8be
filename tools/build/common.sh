# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# common.sh - what the build scripts share: speaking, and where things lie.
# Sourced, not run.

# The repository's root; all paths are taken from here.
TMEM_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export TMEM_ROOT

# Kernels are large and do not change with the sources: they are kept outside
# build/, so that `make clean` does not throw them away.  Who is not root uses
# root's if there is one.
if [[ -z ${TMEM_CACHE:-} ]]; then
	if [[ $(id -u) -eq 0 || -e /var/cache/tmem/.lock ]]; then
		TMEM_CACHE=/var/cache/tmem
	else
		TMEM_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/tmem
	fi
fi
export TMEM_CACHE

# The distribution's package with the kernel sources, of which the test
# harness and checkpatch are taken.
export TMEM_LINUX_SOURCE=linux-source-6.12

say() {
	echo "$*" >&2
}

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# apt_quiet LOG COMMAND... - run an apt command; its chatter goes to LOG and
# is shown only if it fails.
apt_quiet() {
	local log=$1
	shift
	if ! DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; then
		tail -n 5 "$log" >&2
		return 1
	fi
}

# need_apt - one clear line where packages cannot be had.
need_apt() {
	command -v apt-get >/dev/null ||
		die "this needs a Debian system (no apt-get here)"
}
