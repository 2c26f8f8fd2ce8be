#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# watch.sh - the lines of tmemctl watch, that none is missing or late, and how
# it ends.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

need_built "$helpers/fake_module.so"
cgroup=$work/cgroup
mkdir "$cgroup"
: >"$cgroup/memory.pressure"

# The second column and what follows, up to the figures.
told() {
	sed -E 's/^[0-9:.]{12}  //; s/ +use .*//' "$work/out" | paste -sd,
}

events() {
	sed -n 's/.*"event":"\([a-z_]*\)".*/\1/p' "$work/out" | xargs
}

# lines N - the output has as many, or more.
lines() {
	[[ $(wc -l <"$work/out") -ge $1 ]]
}

# start LINES [NAME=VALUE]... COMMAND... - tmemctl watch in the
# background, until the output has so many lines; sets $watcher.
start() {
	local wanted=$1
	shift
	: >"$work/out" # what is in it is of the one before
	env LD_PRELOAD="$helpers/fake_module.so" "$@" >"$work/out" \
		2>"$work/err" &
	watcher=$!
	until_true lines "$wanted"
}

# ignores SIGNAL - the kernel drops it.
ignores() {
	local mask
	mask=$(sed -n 's/^SigIgn:\t//p' "/proc/$watcher/status")
	(((16#$mask >> ($(kill -l "$1") - 1)) & 1))
}

# ended_by SIGNAL - in silence, and well.
ended_by() {
	kill "-$1" "$watcher"
	status=0
	wait "$watcher" || status=$?
	passed
}

echo "TAP version 13"

check_without_module "without the module it says so" watch

fake watch --timeout 0
check "the first line is the pressure now" equal "$status $(told)" "0 low"
check "with its figures" \
	printed '  use +42\.1 %  stall +1\.1 %  available 3\.0 GiB$'
check "in 80 columns" narrow

fake FAKE_EVENTS="medium critical low" watch --timeout 0
check "then come the changes" equal "$status $(told)" \
	"0 low,low -> medium,medium -> critical,critical -> low"
fake FAKE_EVENTS="old medium old" watch --timeout 0
check "what the first line says is not said again" \
	equal "$(told)" "low,low -> medium"

# Each change has a number, so that what is missing is noticed.
fake FAKE_EVENTS="medium gap high" watch --timeout 0
check "a gap is said where it is" equal "$(told)" \
	"low,low -> medium,3 changes lost: they came faster than they were \
read,medium -> high"
fake FAKE_EVENTS="medium lost" watch --timeout 0 --json
check "a loss at the end is said, and then the pressure" \
	equal "$(events)" "now level lost now"
check "with how many" printed '"event":"lost".*"count":3'
fake FAKE_EVENTS="lost lost low medium" watch --timeout 0 --json
check "a loss in the middle is said once" \
	equal "$(events)" "now lost level level"

fake FAKE_EVENTS="medium low high" watch --count 2
check "--count ends it" equal "$status $(told)" \
	"0 low,low -> medium,medium -> low"
fake FAKE_EVENTS="medium" watch --count 2 --timeout 1
check "fewer in the time are a failure" \
	equal "$status" 1
check "which is said" one_line '^tmemctl: time is up after 1 of 2 events$'

fake FAKE_EVENTS="medium low" watch --json --count 2
check "--json passes" passed
if command -v python3 >/dev/null; then
	check "each line is a JSON object" json_lines
else
	skip "each line is a JSON object" "no python3"
fi
check "with the level and the one before" \
	printed '"level":"medium","previous":"low","changes":6,"psi":true'
check "with figures" printed '"use_percent":42\.130,"stall_percent":1\.070'
check "and a time" printed '"time":"20[0-9-]{8}T[0-9:]{8}\.[0-9]{3}Z"'

fake FAKE_EVENTS="medium removed" watch
check "the module is removed: status 69" \
	equal "$status $(told)" "69 low,low -> medium"
check "and one line" one_line '^tmemctl: the module was removed$'
fake FAKE_EVENTS=removed watch --json
check "as JSON it is an event too" equal "$status $(events)" "69 now removed"

# --- ends from outside ------------------------------------------------------

start 2 FAKE_EVENTS=medium "$tmemctl" watch
check "a line is out before the next comes" equal "$(told)" "low,low -> medium"
check "SIGTERM ends it well" ended_by TERM
start 2 FAKE_EVENTS=medium "$tmemctl" watch --json
check "a line of JSON is out, too" equal "$(events)" "now level"
ended_by TERM
start 1 env --default-signal=INT "$tmemctl" watch --json
check "so does SIGINT" ended_by INT
start 1 "$tmemctl" watch # a shell's background ignores SIGINT
check "one that is to ignore SIGINT goes on" ignores INT
check "until SIGTERM" ended_by TERM

limited env LD_PRELOAD="$helpers/fake_module.so" "$tmemctl" watch >/dev/full \
	2>"$work/err" && status=0 || status=$?
: >"$work/out"
check "a full disk ends it" \
	complained 1 '^tmemctl: cannot write to standard output'

# --- a trigger of one's own -------------------------------------------------

watch_cgroup() {
	fake FAKE_DEVICE=1 "$@" watch --timeout 0 --cgroup "$cgroup"
}
watch_cgroup FAKE_TRIGGERS="trigger level gone"
check "a trigger that fires, and one that goes" equal "$status $(told)" \
	"0 low,trigger, 2 times    $cgroup,trigger is gone     $cgroup"
check "the kernel was told when" equal "$(tr -d '\0' \
	<"$cgroup/memory.pressure")" "some 150000 1000000"
fake FAKE_DEVICE=1 FAKE_TRIGGERS=trigger FAKE_EVENTS=high watch --json \
	--count 2 --cgroup "$cgroup" --trigger "full 70000 500000"
check "events of both sides" equal "$status $(events)" "0 now level trigger"
check "name the cgroup" printed "\"cgroup\":\"$cgroup\",\"count\":2"
check "--trigger is told instead" equal "$(tr -d '\0' \
	<"$cgroup/memory.pressure" | head -c 17)" "full 70000 500000"

watch_cgroup FAKE_ADD=22
check "a file that is no cgroup's" \
	complained 1 'memory.pressure is not the file of a cgroup'
watch_cgroup FAKE_ADD=95
check "a module that cannot" complained 1 'cannot watch .*not supported'
if [[ -e /dev/tmem ]]; then
	skip "no device" "/dev/tmem is there"
else
	watch_cgroup FAKE_DEVICE=0
	check "no device" complained 1 '^tmemctl: /dev/tmem is missing'
fi
fake watch --cgroup "$work/nothing"
check "a folder that is not there" \
	complained 1 'nothing/memory.pressure does not exist: is that'
ln -sf /dev/full "$cgroup/memory.pressure"
watch_cgroup FAKE_ADD=0
check "a trigger that cannot be written" \
	complained 1 '^tmemctl: --trigger: No space left'
# Text that it does not understand is EINVAL to this file, as to the real one.
ln -sf /proc/self/oom_score_adj "$cgroup/memory.pressure"
watch_cgroup FAKE_ADD=0
check "one that the kernel does not understand" \
	complained 1 "^tmemctl: --trigger: the kernel refuses 'some 150000"

finish
