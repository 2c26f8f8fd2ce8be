# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# common.sh - what the tests of tmemctl in the guest share: TAP, the settings of
# the module, a program that holds an arena.  Sourced; not a test itself.  The
# guest's shell is busybox's.

cd /tmem || exit 1
unset TMEM_BACKEND TMEM_NUMA
# shellcheck disable=SC2034 # for those who source this
tmemctl=/tmem/build/tmemctl sys=/sys/class/misc/tmem
work=/tmp/tool.$$
mkdir -p $work
count=0 failures=0 status=0 holder='' saved=''

# limited COMMAND... - ended after ten minutes: then it hangs.
limited() {
	timeout 600 "$@"
}

# run ARG... - leaves $status, $work/out and $work/err.
run() {
	status=0
	limited $tmemctl "$@" >$work/out 2>$work/err </dev/null || status=$?
}

# run_as_nobody ARG... - without any right.
run_as_nobody() {
	status=0
	limited start-stop-daemon -S -c nobody:nogroup -n "none$$" \
		-a $tmemctl -- "$@" >$work/out 2>$work/err </dev/null ||
		status=$?
}

# check TEXT COMMAND... - one result: "ok" if the command succeeds.
check() {
	text=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count $text"
		return
	fi
	failures=$((failures + 1))
	echo "# exit status $status; failed: $*"
	sed 's/^/# stdout: /' $work/out | head -n 20
	sed 's/^/# stderr: /' $work/err | head -n 20
	echo "not ok $count $text"
}

skip() {
	count=$((count + 1))
	echo "ok $count $1 # SKIP $2"
}

# The settings are as they were, no process is left, and the plan.
finish() {
	drop_arena
	restore
	rm -rf $work
	echo "1..$count"
	[ $failures -eq 0 ]
}

equal() {
	[ "$1" = "$2" ]
}

at_least() {
	[ "$1" -ge "$2" ]
}

printed() {
	grep -qE -- "$1" $work/out
}

# said REGEX - exit status 1, and one line on stderr, which matches.
said() {
	[ $status -eq 1 ] && [ "$(wc -l <$work/err)" -eq 1 ] &&
		grep -qE -- "$1" $work/err
}

# values KEY - of all objects of the JSON report, one per line.
values() {
	sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" \
		$work/out
}

# sum KEY - of the objects in an array.
sum() {
	sed -n "s/^ \{6,\}\"$1\": \([0-9]*\),\{0,1\}\$/\1/p" $work/out |
		awk '{ n += $1 } END { print n + 0 }'
}

# until_true COMMAND... - until it succeeds; gives up after a minute's pauses,
# and says so.
until_true() {
	pauses=0
	until "$@"; do
		pauses=$((pauses + 1))
		if [ $pauses -gt 1200 ]; then
			echo "# waited in vain for: $*"
			return 1
		fi
		usleep 50000
	done
}

# --- the module's settings --------------------------------------------------

# setting FILE VALUE - until restore.
setting() {
	saved="$1 $(cat $sys/"$1")
$saved"
	echo "$2" >$sys/"$1"
}

restore() {
	while read -r file value; do
		[ -z "$file" ] || echo "$value" >$sys/"$file"
	done <<-END
		$saved
	END
	saved=
}

# level_is LEVEL... - one of them.
level_is() {
	now=$(cat $sys/pressure/level)
	for level; do
		[ "$now" != "$level" ] || return 0
	done
	return 1
}

# quick_levels - the level follows its thresholds at once, and these are so
# high that only a test raises it.
quick_levels() {
	setting pressure/hold_ms 0
	setting pressure/hysteresis 0
	setting pressure/use_critical 100
	setting pressure/use_high 99
	setting pressure/use_medium 98
	setting pressure/stall_critical 100
	setting pressure/stall_high 99
	setting pressure/stall_medium 98
	until_true level_is low
}

# --- a program with an arena ------------------------------------------------

arena_is_large() {
	[ "$(cat $sys/resident_bytes)" -ge $((64 << 20)) ]
}

# No thread of it runs on.
is_stopped() {
	! cat "/proc/$holder"/task/*/status | grep '^State:' | grep -qv T
}

# hold_arena - a replay that is stopped in the middle; sets $holder.
hold_arena() {
	$tmemctl replay --backend dev --repeat 1000 --quiet \
		tools/traces/c_gpt.trace.zst >/dev/null 2>&1 &
	holder=$!
	until_true arena_is_large
	kill -STOP $holder
	until_true is_stopped
}

drop_arena() {
	[ -n "$holder" ] || return 0
	kill -KILL "$holder"
	wait "$holder" 2>/dev/null
	holder=
}
