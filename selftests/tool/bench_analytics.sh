#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench_analytics.sh - what the analytics cost is measured, and printed in one
# line.  The figures are not judged.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

analytics=$here/build/bench/analytics
need_built "$analytics"

# bench ARG... - the benchmark.  Its status says whether the bars were kept.
bench() {
	status=0
	TMEM_BACKEND=anon limited "$analytics" "$@" >"$work/out" \
		2>"$work/err" </dev/null || status=$?
}

echo "TAP version 13"
make_trace 1 20000 "$work/trace"

bench "$work/trace" page 7
check "a trace is measured" test "$status" -lt 2
sed 's/^/# /' "$work/out"
check "in one line" equal "$(wc -l <"$work/out")" 1
check "with all figures" printed \
	'^trace +page +[0-9.]+ ns( +-?[0-9.]+){4}( +-?[0-9.]+ %){2}  '

bench "$work/nothing" page 3
check "no trace is refused" test "$status" -eq 2
bench
check "wrong usage is said" one_line '^usage:'

finish
