#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench_analytics.sh - what the analytics cost, with room for a loaded machine:
# memory within its bar on a trace of some size, time not far from its own.
# `make bench-analytics` prints both beside the bars.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

analytics=$here/build/bench/analytics
need_built "$analytics"

# bench ARG... - the benchmark, for a minute at most.  Its status says whether
# the bars were kept, which a loaded machine cannot.
bench() {
	status=0
	TMEM_BACKEND=anon timeout -k 5 60 "$analytics" "$@" >"$work/out" \
		2>"$work/err" </dev/null || status=$?
}

# field N - of the only line: 5 time "on" by "off", 6 that of the fastest turns,
# 9 percent of memory.
field() {
	awk -v n="$1" '{ print $n }' "$work/out"
}

echo "TAP version 13"
make_trace 1 20000 "$work/trace"

bench "$work/trace" page 7
check "a trace is measured" test "$status" -lt 2
sed 's/^/# /' "$work/out"
check "memory of the analytics is below 1 %" calc "$(field 9) < 1"
check "time is not far from 1.01" calc "$(field 6) < 1.3"

bench "$work/nothing" page 3
check "no trace is refused" test "$status" -eq 2
bench
check "wrong usage is said" one_line '^usage:'

finish
