#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# reaction.sh - the benchmark of the library's threads: how long an event takes is
# measured, by FIFO and by socket, and how long an end takes; lines are predicted
# and steps are not; a trace is read, and what is none is refused.  Times are not
# judged.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

reaction=$here/build/bench/reaction
need_built "$reaction"

# react ARG... - the benchmark.
react() {
	status=0
	TMEM_BACKEND=anon limited "$reaction" "$@" >"$work/out" \
		2>"$work/err" || status=$?
}

# hits SERIES - its share of hits, from the table.
hits() {
	sed -nE "s/^  $1  +[a-z]* +[0-9]+ +([0-9.]+) %.*/\1/p" "$work/out" |
		head -n 1
}

echo "TAP version 13"

for kind in fifo socket; do
	react latency "$kind" 5 </dev/null
	check "an event by $kind is measured" test "$status" -lt 2
	check "and what it freed" printed 'last +[0-9.]+ MiB'
	check "the bar is named" \
		printed '^bar: first byte within 10 ms: (kept|MISSED)$'
done

react threads 2 </dev/null
check "the threads are measured" test "$status" -lt 2
check "each by its bar" equal "$(grep -cE '^bar: .*: (kept|MISSED)$' \
	"$work/out")" 5

react synthetic 7 </dev/null
check "made-up programs are predicted" passed
for series in constant rise fall; do
	check "$series: always" equal "$(hits "$series")" 100.0
done
check "a rise with noise: nearly always" calc "$(hits 'rise . 2 %') >= 80"
check "a step is no trend" calc "$(hits step) >= 75"

# 100 blocks of 1 MiB, one each 100 ms, none freed.
for ((i = 0; i < 100; i++)); do
	echo "a $i 1048576 64 0 $((i * 100000000)) 1"
done >"$work/trace"
react predict rising 100 500 <"$work/trace"
check "a trace is read" passed
check "its rise is predicted" calc "$(hits rising) >= 90"
react predict none 100 500 </dev/null
check "no trace is refused" one_line 'no trace'
react nonsense </dev/null
check "so is no command" one_line '^usage:'

finish
