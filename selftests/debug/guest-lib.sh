#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-lib.sh - what the guest's scripts of the debug run share: results, the
# machine's set-up, leaks.  Sourced.

DEBUGFS=/sys/kernel/debug
all_good=1

# begin NAME / end - the lines between which selftests/run.pl takes results.
begin() {
	program=$1 part_status=0
	started=$(date +%s)
	echo "# program $program"
}

end() {
	echo "# end $program $(($(date +%s) - started)) s, status $part_status"
}

# check TEXT COMMAND... - one result
check() {
	text=$1
	shift
	if "$@"; then
		echo "ok - $text"
	else
		echo "not ok - $text"
		all_good=0 part_status=1
	fi
}

equal() {
	if [ "$1" != "$2" ]; then
		echo "# '$1', not '$2'"
		return 1
	fi
}

# finish - the script's exit status
finish() {
	[ $all_good -eq 1 ]
}

quiet() {
	if ! "$@" >/tmp/quiet 2>&1; then
		sed 's/^/# /' /tmp/quiet
		return 1
	fi
}

# Enough that reclaim looks at anonymous memory at all; with more, tests that
# make the machine short of memory would make it swap for minutes instead.
swap_on() {
	echo 64M >/sys/block/zram0/disksize &&
		mkswap /dev/zram0 && swapon /dev/zram0
}

# All but swap.
machine_setup() {
	echo 7 >/sys/kernel/mm/lru_gen/enabled
	check "multi-generational LRU" \
		equal "$(cat /sys/kernel/mm/lru_gen/enabled)" 0x0007
	echo 1 >/proc/sys/kernel/numa_balancing
	check "NUMA balancing" \
		equal "$(cat /proc/sys/kernel/numa_balancing)" 1
	# It scans when it is told to; what the boot left is not ours.
	echo scan=off >$DEBUGFS/kmemleak
	check "kmemleak is at work" quiet sh -c \
		"echo scan >$DEBUGFS/kmemleak && echo clear >$DEBUGFS/kmemleak"
	check "lockdep is at work" grep -q '^ *debug_locks: *1$' \
		/proc/lockdep_stats
}

# Objects count as lost when they are five seconds old.  The second scan
# drops those that were on their way somewhere during the first.
scan_for_leaks() {
	sleep 6
	echo scan >$DEBUGFS/kmemleak && echo scan >$DEBUGFS/kmemleak &&
		without_core_leaks <$DEBUGFS/kmemleak >/tmp/leaks
}

# Leaks of the kernel itself, which a module cannot help: sysfs_slab_add() loses
# the name of a cache that it could not add (6.12).
without_core_leaks() {
	awk 'function flush() {
		if (object !~ /sysfs_slab_add/)
			printf "%s", object
		object = ""
	}
	/^unreferenced object/ { flush() }
	{ object = object $0 "\n" }
	END { flush() }'
}

no_leak() {
	if ! scan_for_leaks; then
		echo "# kmemleak cannot scan; see the console"
		return 1
	fi
	if [ -s /tmp/leaks ]; then
		head -n 100 /tmp/leaks | sed 's/^/# /'
		echo clear >$DEBUGFS/kmemleak
		return 1
	fi
}

# Lockdep says nothing any more after its first report, or without room.
lockdep_lives() {
	grep -q '^ *debug_locks: *1$' /proc/lockdep_stats
}
