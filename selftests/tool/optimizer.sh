#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# optimizer.sh - a replay with --optimizer tells the library the trace's steps,
# says what it foresaw and held, and refuses what makes no sense.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

if [[ ! -e $here/include/tmem/optimizer.h ]]; then
	echo "1..0 # SKIP the library has no optimizer"
	exit 0
fi

# 30 steps of ten blocks of 2 MiB.
trace=$work/steps.trace
awk 'BEGIN {
	print "# memtrace 1\ns 1 - - - -"
	for (step = 0; step < 30; step++) {
		for (i = 0; i < 10; i++)
			print "a", step * 10 + i, 2097152, 64, 0, ++t, 1
		for (i = 0; i < 10; i++)
			print "f", step * 10 + i, 0, ++t
		print "m", 0, ++t, "step", step
	}
	print "# end allocs=300 frees=300 sites=1 threads=1"
	print "# end not_recorded_malloc_calls=0 bytes=0"
}' >"$trace"
anon=(replay --backend anon --quiet --repeat 2)
# No thread: each step is learned at its mark, in the trace's own time.
export TMEM_GC=off

# The steps of both repeats but for the last of each, whose mark has no event
# behind it: it is passed with the next repeat's first event, or never.
steps_seen() {
	calc "$(values steps | head -n 1) >= 29" &&
		calc "$(inner requested_bytes) >= 50 * 20971520"
}

# inner KEY - of the object "optimizer".
inner() {
	sed -n "/^  \"optimizer\": {/,/^  }/s/^    \"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" \
		"$work/out"
}

foreseen() {
	calc "$(inner foreseen_bytes) > 0.7 * $(inner requested_bytes)" &&
		equal "$(inner pattern)" steady &&
		calc "$(inner confidence) >= 0.7"
}

echo "TAP version 13"

run "${anon[@]}" --optimizer off --json "$trace"
check "off, the steps are marked only" passed
check_json "stdout is one JSON object"
check "it does not run" equal "$(inner running)" false
check "what was held at the steps is known" \
	calc "$(values held_mean_bytes | tail -n 1) >= 20971520"

for strategy in balanced memory-first speed-first adaptive; do
	run "${anon[@]}" --optimizer "$strategy" --rest 5 --json "$trace"
	check "$strategy: it passes" passed
	check "$strategy: it runs, so" equal \
		"$(inner running) $(inner strategy)" "true $strategy"
	check "$strategy: it saw the steps" steps_seen
	check "$strategy: equal steps are foreseen" foreseen
	check "$strategy: no more is held than the peak and some" \
		calc "$(values held_peak_bytes | tail -n 1) <= 1.3 * 20971520"
done

run "${anon[@]}" --optimizer balanced "$trace"
check "the report has its rows" printed '^foreseen +[0-9.]+ % '
check "and the others" printed '^held at steps +[0-9.]+ MiB'
check "no line is wider than 80 columns" narrow
run "${anon[@]}" "$trace"
check "without the option it has none" not_printed '^foreseen'

run "${anon[@]}" --optimizer fast "$trace"
check "an unknown strategy is refused" complained 64 "'fast' is no strategy"
run "${anon[@]}" --rest 5 "$trace"
check "a rest alone is refused" complained 64 "goes with --optimizer"
run replay --backend malloc --optimizer off "$trace"
check "malloc has none" complained 64 "malloc has none"

finish
