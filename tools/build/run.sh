#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - what `make run` does: from a fresh checkout to the report of a GPT
# training trace replayed on /dev/tmem.
#
# The module is loaded into this machine's kernel if that is one it is made
# for; else a virtual machine with two NUMA nodes is booted.  TMEM_RUN=vm or
# TMEM_RUN=here decides instead.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

cd "$TMEM_ROOT"
trace=tools/traces/c_gpt.trace.zst
# The trace has one thread.  With the policy "local" all its memory would be
# on that thread's node; interleaved, it is on every node.
snapshot=build/run.json
replay=(build/tmemctl replay --backend dev --numa interleave --touch page
	--repeat 3 --snapshot "$snapshot" "$trace")
page=build/report.html

step() {
	echo "[$1/6] $2" >&2
}

in_container() {
	[[ -e /.dockerenv || -e /run/.containerenv ]] ||
		grep -qsz '^container=' /proc/1/environ
}

# Prints why the module cannot be loaded here; nothing if it can.
why_not_here() {
	local release
	release=$(uname -r)
	if [[ $release != 6.1.* && $release != 6.12.* ]]; then
		echo "this kernel is $release, the module is for 6.1 and 6.12"
	elif [[ $(id -u) -ne 0 ]]; then
		echo "only root can load a module"
	elif [[ ! -e /proc/modules ]]; then
		echo "this kernel cannot load modules"
	elif in_container; then
		echo "this is a container"
	elif [[ ! -e /lib/modules/$release/build/Makefile ]]; then
		echo "the headers of $release are not installed"
	elif grep -q '^tmem ' /proc/modules; then
		echo "a tmem module is loaded already"
	fi
}

run_here() {
	local ko status=0
	ko=build/kmod/$(uname -r)/tmem.ko
	step 4 "loading the module into this kernel ($(uname -r))"
	make --no-print-directory KDIR="/lib/modules/$(uname -r)/build" modules
	PATH=$PATH:/usr/sbin:/sbin
	insmod "$ko" || die "insmod $ko failed; dmesg says why"
	trap 'rmmod tmem' EXIT
	build/tmemctl doctor || true
	step 5 "replaying $trace on /dev/tmem, all nodes in turn"
	"${replay[@]}" || status=$?
	[[ $status -ne 0 ]] || report
	exit "$status"
}

# What all of it says together: here, and as a page to look at.
report() {
	step 6 "the report on what the replay left"
	build/tmemctl report "$snapshot"
	build/tmemctl report --html -o "$page" "$snapshot"
	echo "with pictures: $page"
}

run_in_vm() {
	step 4 "booting a two-node virtual machine ($1)"
	# A host without something is no failure: doctor only tells.
	selftests/vm/run.sh --kernel 6.12 --timeout 600 --get "$snapshot" -- \
		sh -c "build/tmemctl doctor
		echo '[5/6] replaying $trace on /dev/tmem, all nodes in turn'
		exec ${replay[*]}"
	report
}

main() {
	local reason
	step 1 "installing packages that are missing"
	tools/build/packages.sh
	step 2 "fetching kernels that are missing (kept in $TMEM_CACHE)"
	tools/build/kernels.sh >/dev/null
	step 3 "building library, tool and module"
	make --no-print-directory -j"$(nproc)" lib tool modules
	reason=$(why_not_here)
	case ${TMEM_RUN:-} in
	vm) run_in_vm "TMEM_RUN=vm" ;;
	here)
		[[ -z $reason ]] || die "TMEM_RUN=here: $reason"
		run_here
		;;
	'') if [[ -z $reason ]]; then run_here; else run_in_vm "$reason"; fi ;;
	*) die "TMEM_RUN is '$TMEM_RUN'; it may be here or vm" ;;
	esac
}

main "$@"
