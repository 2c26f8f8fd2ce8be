#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench_leaks.sh - the leak detector's figures on made-up programs of two seeds
# hold, the study gives the same tables for the same seed, and in
# a trace the leak alone is named, by itself and merged with what shares its
# native addresses.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

leaks=$here/build/bench/leaks
trace=$work/leaky.trace
need_built "$leaks"

# leaks ARG... - the study.
leaks() {
	status=0
	limited "$leaks" "$@" >"$work/out" 2>"$work/err" </dev/null ||
		status=$?
}

# make_leaky STEPS - in each step, site 1 keeps a block, site 2 keeps the last
# 64, site 3 all until it releases them every 40 steps, site 4 none; sites 1
# and 2 share their addresses.
make_leaky() {
	awk -v steps="$1" '
	function alloc(site, bytes) {
		print "a", n, bytes, 64, 0, ++time, site
		return n++
	}
	function drop(block) {
		print "f", block, 0, ++time
	}
	BEGIN {
		n = 0
		print "# memtrace 1  min=64 all=0"
		print "s 1 app+0x10;app+0x20 - run.py:1:leak run.py:1:leak"
		print "s 2 app+0x10;app+0x20 - run.py:2:buffer run.py:2:buffer"
		print "s 3 app+0x40;app+0x20 - run.py:3:list run.py:3:list"
		print "s 4 app+0x30;app+0x20 - run.py:4:step run.py:4:step"
		for (i = 0; i < steps; i++) {
			print "m 0", ++time, "step", i
			alloc(1, 65536)
			buffer[i] = alloc(2, 131072)
			if (i >= 64)
				drop(buffer[i - 64])
			for (j = 0; i % 40 == 0 && j < 40 && i; j++)
				drop(list[j])
			list[i % 40] = alloc(3, 100000)
			drop(alloc(4, 4194304))
		}
		print "m 0", ++time, "end"
	}' >"$trace"
}

named() {
	[[ $(grep -c ' leaks: ' "$work/out") -eq $1 ]]
}

echo "TAP version 13"

leaks --bars --programs 600
cp "$work/out" "$work/first"
check "the figures hold" equal "$status" 0
check "each of them" equal "$(grep -c '^bar: .*: kept$' "$work/out")" 5
leaks --bars --programs 600
check "a seed gives the same figures again" cmp -s "$work/out" "$work/first"
leaks --bars --programs 600 --seed 77
check "another seed gives others" calc "$(cmp -s "$work/out" "$work/first"
echo $?)"
check "and they hold, too" equal "$status" 0

make_leaky 300
leaks --programs 0 "$trace"
check "a trace is judged" passed
check "the leak is named, with its place" printed ' leaks: run.py:1:leak$'
check "after as many steps as promised" \
	printed 'named after 144 steps, growing since its step 1, 65536 bytes'
check "merged, it is said with how many others" \
	printed ' leaks: run.py:1:leak and 1 more that share all addresses$'
check "and nothing else is" named 2
check "leaks put into the trace are found" \
	printed 'one free in 1 left out: [1-9]'

make_leaky 140
leaks --programs 0 "$trace"
check "a shorter one" passed
check "nothing is named before" named 0

echo "f 7 0 1" >>"$trace"
echo "f 7 0 1" >>"$trace"
leaks --programs 0 "$trace"
check "a free of no block" equal "$status" 1
check "is said to be wrong" one_line 'leaky.trace:[0-9]+: a free of no block'
leaks --programs 0 "$work/none"
check "a trace that is missing" equal "$status" 1
leaks --nonsense
check "an unknown option" equal "$status" 2
finish
