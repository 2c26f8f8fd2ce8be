# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# group.sh - the group "debug" of selftests/run.sh, which sources this: all on
# the kernel of tools/build/debug-kernel.sh, in two-node machines.

# What kmod/tmem.h forbids, and lockdep must report; the module commits it on
# demand.  A line is a boot.
DEBUG_CONTROLS=(
	"alloc-under-lock"
	"inode-under-lock"
	"folio-lock-in-reclaim"
	"span-lock-in-reclaim"
	"alloc-under-i-mmap"
	"mmap-lock-in-reclaim leak use-after-free"
)

# debug_machine NAME OPTIONS... -- COMMAND...
debug_machine() {
	local name=$1
	shift
	run_guest "debug-$name" --kernel debug --nodes 2 --mem 768 \
		--timeout 3000 --file selftests/debug \
		--file build/selftests/debug "$@"
}

run_debug_controls() {
	local names
	for names in "${DEBUG_CONTROLS[@]}"; do
		# shellcheck disable=SC2086 # words are wanted
		debug_machine "${names%% *}" --may-complain -- \
			selftests/debug/guest-control.sh $names
	done
}

# The script itself looks at what the kernel says in each part, and knows the
# leaks that are the kernel's own.
run_debug_faults() {
	debug_machine faults --may-complain -- selftests/debug/guest-faults.sh
}

# run_debug [PART] - recall takes nearly as long as all the other tests.
run_debug() {
	case ${1:-all} in
	all) run_lanes debug-tests "debug-recall debug-faults debug-controls" ;;
	tests | recall)
		debug_machine "$1" -- selftests/debug/guest-tests.sh "--$1"
		;;
	faults) run_debug_faults ;;
	controls) run_debug_controls ;;
	*)
		echo "run.sh: no part '$1' of the debug run" >&2
		exit 2
		;;
	esac
}
