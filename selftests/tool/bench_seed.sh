#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench_seed.sh - the page of promised numbers has a figure in every row, takes
# it from what the benchmarks print, and says so where there is none.  Whether
# promises are kept is not judged: other tests run on this machine.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

seed=$here/build/bench/seed
need_built "$seed"

# page ARG... - the page, for four minutes at most.
page() {
	status=0
	timeout -k 5 240 "$here/tools/bench/seed.sh" --out "$work/seed" "$@" \
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
	TMEM_BACKEND=anon timeout -k 5 60 "$seed" "$@" >"$work/out" \
		2>"$work/err" </dev/null || status=$?
}

# says KEY - the figure beside it.
says() {
	awk -v key="$1" '$1 == key { print $2 }' "$work/out"
}

# figures EXPRESSION - of the page's JSON, "rows", by promise; true or false.
figures() {
	python3 -c 'import json, sys
rows = json.load(open(sys.argv[1]))["rows"]
def row(text):
	return [r for r in rows if text in r["promise"]][0]
sys.exit(not eval(sys.argv[2]))' "$work/seed/seed.json" "$1"
}

check_figures() {
	if command -v python3 >/dev/null; then
		check "$1" figures "$2"
	else
		skip "$1" "no python3"
	fi
}

echo "TAP version 13"

own records 20000
check "as many records as blocks" equal "$(says records)" 20000
check "none lost" equal "$(says records_dropped)" 0
check "the hottest ten are the ten that were made so" \
	equal "$(says hotspots_right)" 10
own history 30
check "every look is kept" equal "$(says kept)" "$(says looks)"
own views 3
check "views and copies are counted" equal "$(says views)/$(says copies)" 45/3
own path 64
if [[ $status -eq 77 ]]; then
	skip "a pair without locks" "$(cat "$work/err")"
else
	check "most pairs need no lock" calc "$(says pair_clean) > 80"
	check "one thread's block, freed by another: no lock to wait for" \
		calc "$(says remote_locked) < 10"
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
	r['measured'] < r['promised']) for r in rows)"
check_figures "each promise of the design has its row" "len(rows) == 21"
check_figures "memory is used again" \
	"0 < row('already held')['measured'] <= 100"
check_figures "glibc has to ask the kernel" \
	"row('trace replayed')['measured'] > 1"
check_figures "the records are those that were asked for" \
	"row('one by one')['measured'] == 100000"

TRACES=$work/nothing page --quick
check "no such trace" one_line '^seed.sh: no trace '
page --nonsense
check "no such option" one_line '^seed.sh: unknown option --nonsense'

finish
