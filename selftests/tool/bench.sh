#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench.sh - the benchmark of the library writes its table, its JSON and its
# chart, and notices what goes wrong.  The figures are not judged.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

bench=$here/build/bench/alloc
trace=$work/small.trace
need_built "$bench"

# bench ARG... - the benchmark.
bench() {
	status=0
	limited "$bench" --out "$work" "$@" >"$work/out" \
		2>"$work/err" </dev/null || status=$?
}

# check_query TEXT PYTHON - a result: true of the last run's JSON.
check_query() {
	check_holds "$1" "$work/alloc.json" "$2"
}

# Well-formed, as far as can be said without a parser of XML.
valid_svg() {
	if command -v xmllint >/dev/null; then
		xmllint --noout "$work/alloc.svg" 2>"$work/err"
	else
		[[ $(head -c 5 "$work/alloc.svg") == '<svg ' &&
			$(tail -n 1 "$work/alloc.svg") == '</svg>' ]]
	fi
}

complained_about_usage() {
	[[ $status -eq 2 && ! -s $work/out ]] && grep -q '^usage: ' "$work/err"
}

names=tmem,glibc-keep,glibc,tcmalloc
have_tcmalloc=true
if LD_PRELOAD=libtcmalloc_minimal.so.4 true 2>&1 | grep -q .; then
	have_tcmalloc=false
fi

make_trace 1 400 "$trace"
read -r events _ peak _ <"$trace.facts"

echo "TAP version 13"

bench --quick --only "$names" "$trace"
check "one quick round" equal "$status" 0
check "the table has the trace" \
	printed "^small: $events events"
check "a line for warm page faults" printed '^  warm, page faults .* [0-9]'
check "how long single calls take" printed '^  free, 99 % +us +[0-9]'
check "the ladder" printed '^  256 B +ns +[0-9.]+'
check "the promises" printed '^ +ladder +alloc and free of 256 B.* (kept|MISSED)'
check "how it was taken" printed '^  transparent huge pages '
check "that it is only a look" printed 'ONLY A LOOK'
check "the chart is XML" valid_svg
check_query "the JSON says what the trace is" \
	"d['traces'][0]['peak_live_bytes'] == $peak"
check_query "every figure has its median between its lowest and highest" \
	"all(s['min'] <= s['median'] <= s['max'] for f in d['figures']
	for s in f.values() if isinstance(s, dict))"
check_query "cold and warm apart, for every heap" \
	"{('page.' + p + '.cpu', h) for p in ('cold', 'warm')
	for h in ('tmem', 'glibc-keep', 'glibc')} <= {(f['figure'], h)
	for f in d['figures'] if f['subject'] == 'small'
	for h in f if type(f[h]) is dict and f[h]['samples']}"
check_query "nothing failed" "d['failures'] == []"
if $have_tcmalloc; then
	check_query "tcmalloc was really loaded" \
		"[f['tcmalloc']['samples'] for f in d['figures']
		if f['subject'] == 'ladder' and f['figure'] == 'pair.64'][0]"
else
	check "tcmalloc is left out where it is missing" \
		printed 'tcmalloc +left out: .* is not installed'
fi

bench --quick --measure none --only tmem --also odd=TMEM_BACKEND=nonsense \
	"$trace"
check "a heap that cannot be set up is a failure" equal "$status" 1
check "and the table says so" printed '^FAILED: odd, small, none: exit status'
check_query "and the JSON" "d['failures'][0].startswith('odd, small')"

make_trace 2 200 "$trace"
bench --quick --measure none2,crew --only tmem,glibc "$trace"
check "a trace of two threads" equal "$status" 0
check "is replayed by one, and that is said" printed '^\(of 2 threads'
check "and by two" printed '^ by as many threads as recorded'

echo "# no trace" >"$trace"
bench --quick "$trace"
check "what is no trace" complained 2 '^bench: .*small.trace:1: '
bench --quick --measure nonsense
check "what is no measurement" complained_about_usage
finish
