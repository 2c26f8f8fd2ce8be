#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# watch.sh - tmemctl watch tells each change of the level, a cgroup's own
# trigger, and the end of the module.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

cgroup=/sys/fs/cgroup/tmemctl-watch.$$

lines() {
	[ "$(wc -l <$work/out)" -ge "$1" ]
}

# start ARG... - a watch in the background, which has printed its first line.
start() {
	: >$work/out
	$tmemctl watch "$@" >$work/out 2>$work/err </dev/null &
	watcher=$!
	until_true lines 1
}

ended() {
	status=0
	wait $watcher || status=$?
}

stop() {
	kill -TERM $watcher
	ended
}

# levels - the first, and where each change led.
levels() {
	sed -n 's/.*"level":"\([a-z]*\)".*/\1/p' $work/out | xargs
}

# numbers - of the changes: none is missing.
consecutive() {
	sed -n 's/.*"changes":\([0-9]*\).*/\1/p' $work/out |
		awk 'NR > 1 && $1 != last + 1 { bad = 1 } { last = $1 }
			END { exit bad || !NR }'
}

has() {
	grep -qE -- "$1" $work/out
}

raise() {
	setting pressure/use_medium 1
	until_true level_is medium
}

calm() {
	echo 98 >$sys/pressure/use_medium
	until_true level_is low
}

echo "TAP version 13"

quick_levels
start --json
raise
calm
raise
calm
check "all changes come" until_true lines 5
stop
check "in their order" equal "$(levels)" "low medium low medium low"
check "and none is missing" consecutive
check "SIGTERM ends it well" equal "$status $(wc -c <$work/err)" "0 0"

start --count 1
raise
ended
check "--count 1 ends with the first, as text" has ' low -> medium +use '
check "with status 0" equal "$status" 0
calm
run watch --count 1 --timeout 0
check "without a change in the time it fails" said 'time is up after 0 of 1'

run_as_nobody watch --timeout 0
check "everybody may watch" equal "$status" 0

# A cgroup above its memory.high is slowed down, and that is a stall.
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
if [ "$(cat $sys/pressure/psi)" = on ]; then
	mkdir $cgroup
	echo 1M >$cgroup/memory.high
	start --json --cgroup $cgroup --trigger 'some 100000 1000000'
	sh -c "echo \$\$ >$cgroup/cgroup.procs
		exec dd if=/dev/zero of=/dev/shm/stall bs=1M count=16" \
		>/dev/null 2>&1 &
	stalled=$!
	check "a stall in a cgroup fires its trigger" \
		until_true has '"event":"trigger".*"cgroup":"'$cgroup'"'
	check "the module cannot be removed meanwhile" \
		eval '! rmmod tmem 2>/dev/null'
	kill -KILL $stalled
	wait $stalled 2>/dev/null
	rm -f /dev/shm/stall
	until_true rmdir $cgroup 2>/dev/null
	check "when the cgroup goes, so does the trigger" \
		until_true has '"event":"trigger_gone"'
	stop
	check "it goes on without" equal "$status" 0
else
	run watch --cgroup /sys/fs/cgroup
	check "without PSI a trigger is refused" equal "$status" 1
fi

# Last, as all settings go with it.
start --json
saved=
rmmod tmem
ended
check "the module is removed: status 69" equal "$status" 69
check "and an event" has '"event":"removed"'
check "and a line" grep -q '^tmemctl: the module was removed$' $work/err
insmod /lib/modules/tmem.ko

finish
