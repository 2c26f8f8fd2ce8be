#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-tests.sh - tests of the module on the debug kernel.  Runs in the guest.
#
# usage: guest-tests.sh NAME...
#
# A report of the kernel - KASAN, lockdep, DEBUG_VM ... - fails the test during
# which it came (vm/guest-tests.sh looks).  Leaks show at the end.

cd /tmem || exit 1
# shellcheck source-path=SCRIPTDIR source=guest-lib.sh
. selftests/debug/guest-lib.sh

run_tests() {
	selftests/vm/guest-tests.sh "$@" || all_good=0
}

begin machine
machine_setup
end

# Where all memory is in use that cannot be swapped, swapping something in ends
# in an OOM kill: the test that expects to live goes first, without swap.
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
