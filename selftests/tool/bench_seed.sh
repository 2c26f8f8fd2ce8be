#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench_seed.sh - the page of promised numbers has a figure in every row, takes
# it from what the benchmarks print, and says so where there is none.  The
# figures are not judged.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

bench=$here/build/bench/seed
need_built "$bench"

# page ARG... - the page.
page() {
	status=0
	limited "$here/tools/bench/seed.sh" --out "$work/seed" "$@" \
		>"$work/out" 2>"$work/err" </dev/null || status=$?
}

# Where the page goes without --out; programs lie beside it.
usual_is_free() {
	local usual
	usual=$("$here/tools/bench/seed.sh" --help |
		sed -n 's/.*(default \(build.*\));$/\1/p')
	[[ -n $usual && (! -e $here/$usual || -d $here/$usual) ]]
}

# own ARG... - what only this benchmark measures.
own() {
	status=0
	TMEM_BACKEND=anon limited "$bench" "$@" >"$work/out" \
		2>"$work/err" </dev/null || status=$?
}

# says KEY... - a figure beside each.
says() {
	local key
	for key; do
		printed "^$key +[0-9.]+$" || { echo "# no $key"; return 1; }
	done
}

# check_figures TEXT PYTHON - a result: true of the page's JSON.
check_figures() {
	check_holds "$1" "$work/seed/seed.json" "$2"
}

echo "TAP version 13"

own records 20000
check "records" says records records_dropped hotspots_right
own history 30
check "looks" says kept looks
own views 3
check "views and copies" says views copies
own path 64
if [[ $status -eq 77 ]]; then
	skip "a pair without locks" "$(cat "$work/err")"
else
	check "a pair without locks" says pair_clean remote_locked
fi
own nonsense
check "what is not known is said" one_line '^usage:'
own records 0
check "a count of none" one_line '^usage:'

# A few of the 60 steps are enough to see where figures come from.
zstd -dcq "$here/tools/traces/c_gpt.trace.zst" | awk '
	$1 == "m" && $4 == "step" { steps++ }
	steps >= 13 { next }
	{ print; n[$1]++ }
	END { print "# end allocs=" n["a"], "frees=" n["f"], "sites=" n["s"],
		"threads=1" }' | zstd -q -o "$work/short.trace.zst"
TRACES=$work/short.trace.zst page --quick
check "all is measured" equal "$status" 0
check "the folder that it takes by itself is no program's" usual_is_free
check "the page says what it is of" printed 'traces: short'
check "and that it is only a look" printed 'ONLY A LOOK'
check_figures "every row has a figure, and says if it is kept" \
	"all(r['measured'] is not None and r['kept'] == (
	r['measured'] >= r['promised'] if r['operator'] == '>=' else
	r['measured'] < r['promised']) for r in d['rows'])"
check_figures "each promise of the design has its row" "len(d['rows']) == 21"

TRACES=$work/nothing page --quick
check "no such trace" one_line '^seed.sh: no trace '
page --nonsense
check "no such option" one_line '^seed.sh: unknown option --nonsense'

finish
