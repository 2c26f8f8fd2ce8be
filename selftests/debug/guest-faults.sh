#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-faults.sh - fail every allocation of every call.  Runs in the guest.
#
# usage: guest-faults.sh [CALL]...       (default: all of failnth)
#
# failnth does it for the kinds of allocation that are switched on here: all of
# them, each in turn; only huge pages; and at random, but only below the
# module's own code, where they reach its workers.  Leaks are looked for after
# each part.

cd /tmem || exit 1
# shellcheck source-path=SCRIPTDIR source=guest-lib.sh
. selftests/debug/guest-lib.sh
failnth=build/selftests/debug/failnth
# A fault in what the kernel writes to a task behind its back ends the task.
export GLIBC_TUNABLES=glibc.pthread.rseq=0
EVERYWHERE="0 18446744073709551615"
NOWHERE="1 2"

# code_of FIRST LAST - where these functions lie, as "start end"
code_of() {
	awk '{ print $1, $3 }' /proc/kallsyms | sort |
		awk -v first="$1" -v last="$2" '
		done { print "0x" start, "0x" $1; exit }
		$2 == first { start = $1 }
		$2 == last && start { done = 1 }'
}

# What kmemleak allocates to remember an allocation: it has a reserve.
kmemleak_code=$(code_of kmemleak_alloc kmemleak_vmalloc)

# set_fault NAME START END - count allocations below code from START to END.
set_fault() {
	dir=$DEBUGFS/$1
	echo 0 >"$dir/verbose"
	echo 32 >"$dir/stacktrace-depth"
	echo "$2" >"$dir/require-start"
	echo "$3" >"$dir/require-end"
	echo "${kmemleak_code% *}" >"$dir/reject-start"
	echo "${kmemleak_code#* }" >"$dir/reject-end"
}

# set_faults MIN-ORDER SLAB-AND-USERCOPY PAGES
set_faults() {
	echo N >$DEBUGFS/failslab/ignore-gfp-wait
	echo N >$DEBUGFS/fail_page_alloc/ignore-gfp-wait
	echo N >$DEBUGFS/fail_page_alloc/ignore-gfp-highmem
	echo "$1" >$DEBUGFS/fail_page_alloc/min-order
	# shellcheck disable=SC2086 # two words each
	{
		set_fault failslab $2
		set_fault fail_usercopy $2
		set_fault fail_page_alloc $3
	}
}

# part NAME COMMAND... - with a look at the kernel's messages and for leaks
part() {
	name=$1 mark="tmem-test: $1 $$"
	shift
	begin "$name"
	echo "$mark" >/dev/kmsg
	"$@" || all_good=0
	if ! selftests/vm/dmesg-check.sh "$mark" >/tmp/dmesg; then
		sed 's/^/# kernel: /' /tmp/dmesg
		echo "not ok - $name: the kernel complained"
		all_good=0
	fi
	check "$name: no leak" no_leak
	end
}

# A module's init function is called from there.
load_faults() {
	code=$(code_of do_one_initcall do_one_initcall)
	set_faults 0 "$code" "$code"
	rmmod tmem
	$failnth "any allocation" insmod
	result=$?
	check "the module can be inserted" insmod /lib/modules/tmem.ko
	return $result
}

any_faults() {
	set_faults 0 "$EVERYWHERE" "$EVERYWHERE"
	$failnth "any allocation" "$@"
}

# Without pools, which would give what the allocation does not.  A new module
# has them again.
huge_faults() {
	set_faults 9 "$NOWHERE" "$EVERYWHERE"
	for node in /sys/class/misc/tmem/node*; do
		echo 0 >"$node/pool_low_bytes"
		echo 0 >"$node/pool_target_bytes"
	done
	$failnth "huge pages" "first touch"
	result=$?
	rmmod tmem && insmod /lib/modules/tmem.ko
	return $result
}

module_code() {
	awk '$1 == "tmem" { printf "%s %s\n", $6, $2 }' /proc/modules | {
		read -r first size
		printf '%s 0x%x\n' "$first" $((first + size))
	}
}

random_faults() {
	set_faults 0 "$(module_code)" "$(module_code)"
	$failnth --random 30 "at random" create "first touch" purge populate \
		trigger
}

begin machine
machine_setup
check "swap on zram" quiet swap_on
end
part faults-load load_faults
part faults any_faults "$@"
part faults-huge huge_faults
part faults-random random_faults
begin faults-end
check "lockdep has seen all of it" lockdep_lives
end
finish
