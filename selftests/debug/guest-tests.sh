#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-tests.sh - the module's tests on the debug kernel.  Runs in the guest.
#
# usage: guest-tests.sh [--recall | --tests] [NAME]...
#
# Without a NAME: all of build/selftests/kmod; with --recall those of recall,
# with --tests all but these.
#
# A report of the kernel - KASAN, lockdep, DEBUG_VM ... - fails the test during
# which it came (vm/guest-tests.sh looks).  Leaks show at the end.

cd /tmem || exit 1
part=all
case ${1:-} in
--recall | --tests)
	part=${1#--}
	shift
	;;
esac
# shellcheck source-path=SCRIPTDIR source=guest-lib.sh
. selftests/debug/guest-lib.sh

run_tests() {
	LD_PRELOAD=$PWD/build/selftests/debug/patience.so \
		selftests/vm/guest-tests.sh "$@" || all_good=0
}

begin machine
machine_setup
end

export TMEM_TIME_SCALE=4
# KASAN holds freed objects of slabs back, up to a 32nd of memory, and more of
# them the longer the machine runs.  So much more is not free again at once.
export TMEM_FREE_SLACK_MIB=64
# What runs for as long as it is told to does so longer on usual kernels; here
# each second finds more.
export TMEM_SOAK_SECONDS=20 TMEM_TEST_SECONDS=5 TMEM_FUZZ_SECONDS=30
if [ $# -eq 0 ]; then
	for program in build/selftests/kmod/*; do
		case ${program##*/} in
		*.d) continue ;;
		# It uses up all memory five times: a quarter of an hour here.
		# Give its name to run it.
		recall_oom) continue ;;
		recall*) [ "$part" != tests ] || continue ;;
		*) [ "$part" != recall ] || continue ;;
		esac
		[ -x "$program" ] && set -- "$@" "${program##*/}"
	done
fi
# Where all memory is in use that cannot be swapped, swapping something in kills
# somebody: the test that expects to live goes first, without swap.
for name in "$@"; do
	[ "$name" != full ] || run_tests full
done
begin swap
check "swap on zram" quiet swap_on
end
for name in "$@"; do
	shift
	[ "$name" = full ] || set -- "$@" "$name"
done
[ $# -eq 0 ] || run_tests "$@"

begin leaks
check "no leak after the tests" no_leak
check "the module can be removed" rmmod tmem
check "no leak after the removal" no_leak
check "lockdep has seen all of it" lockdep_lives
check "the module can be inserted" insmod /lib/modules/tmem.ko
end
finish
