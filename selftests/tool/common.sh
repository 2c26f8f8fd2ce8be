# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# common.sh - what the tests of tmemctl share.  Sourced; not a test itself.
#
# $TMEMCTL is the program under test.  Output is TAP.  After run, fake
# or clocked, $status, $work/out and $work/err hold what the program left.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tmemctl=${TMEMCTL:-$here/build/tmemctl}
helpers=$here/build/selftests/tool # what is preloaded
work=$(mktemp -d)
count=0
failures=0
status=0
pids=() # of programs in the background, which end with the test

end_all() {
	local pid
	for pid in ${pids[@]+"${pids[@]}"}; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap end_all EXIT

# The caller's environment must not decide.
unset TMEM_BACKEND TMEM_NUMA TMEM_STRATEGY TMEM_MAX_BYTES TMEMCTL_SYSROOT NO_COLOR
export SHELL=/bin/sh # of script(1)

# limited COMMAND... - ended after ten minutes: then it hangs.
limited() {
	timeout -k 5 600 "$@"
}

# run ARG... - tmemctl.
run() {
	status=0
	limited "$tmemctl" "$@" >"$work/out" 2>"$work/err" </dev/null ||
		status=$?
}

# preloaded LIBRARIES [NAME=VALUE]... ARG... - the same, with these settings.
preloaded() {
	local settings=(LD_PRELOAD="$1")
	shift
	while [[ $1 == *=* ]]; do
		settings+=("$1")
		shift
	done
	status=0
	limited env "${settings[@]}" "$tmemctl" "$@" >"$work/out" \
		2>"$work/err" </dev/null || status=$?
}

# fake [NAME=VALUE]... ARG... - with a module that says what the test wants.
fake() {
	preloaded "$helpers/fake_module.so" TMEM_BACKEND=anon "$@"
}

# clocked [NAME=VALUE]... ARG... - with a clock that the test moves: no answer
# comes too late.
clocked() {
	preloaded "$helpers/fake_clock.so" "$@"
}

# until_true COMMAND... - until it succeeds; gives up after a minute's pauses,
# and says so.
until_true() {
	local pauses=0
	until "$@"; do
		pauses=$((pauses + 1))
		if [[ $pauses -gt 1200 ]]; then
			echo "# waited in vain for: $*"
			return 1
		fi
		sleep 0.05
	done
}

# need_built PROGRAM... - before their first use.  Ends the test if one is
# missing.
need_built() {
	local program
	for program; do
		if [[ ! -x $program ]]; then
			echo "1..0 # SKIP $program is not built"
			exit 0
		fi
	done
}

# What the program did last, for who has to find out why a test failed.
show_last() {
	echo "# exit status $status"
	head -n 20 "$work/out" | sed 's/^/# stdout: /'
	head -n 20 "$work/err" | sed 's/^/# stderr: /'
}

# check TEXT COMMAND... - one result: "ok" if the command succeeds.
check() {
	local text=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count $text"
	else
		failures=$((failures + 1))
		show_last
		echo "# failed: $*"
		echo "not ok $count $text"
	fi
}

skip() {
	count=$((count + 1))
	echo "ok $count $1 # SKIP $2"
}

# check_without_module TEXT ARG... - a result of tmemctl ARG on a host without it.
check_without_module() {
	local text=$1
	shift
	if [[ -e /dev/tmem ]]; then
		skip "$text" "/dev/tmem is there"
	else
		run "$@"
		check "$text" complained 1 '^tmemctl: the module is not loaded'
	fi
}

# finish - the plan, and the verdict.
finish() {
	echo "1..$count"
	[[ $failures -eq 0 ]]
}

# --- conditions for check ---------------------------------------------------

equal() {
	[[ $1 == "$2" ]]
}

# calc EXPRESSION - true if awk says so; false if a number is missing in it.
calc() {
	awk "BEGIN { exit !($1) }"
}

# passed - exit status 0 and nothing on stderr.
passed() {
	[[ $status -eq 0 && ! -s $work/err ]]
}

# complained STATUS REGEX - that exit status, nothing on stdout, and exactly
# one line on stderr, which matches.
complained() {
	[[ $status -eq $1 && ! -s $work/out ]] && one_line "$2"
}

# one_line REGEX - stderr has exactly one line, which matches.
one_line() {
	[[ $(wc -l <"$work/err") -eq 1 ]] &&
		grep -qE -- "$1" "$work/err" &&
		[[ $(tail -c 1 "$work/err" | od -An -tx1) == " 0a" ]]
}

printed() {
	grep -qE -- "$1" "$work/out"
}

not_printed() {
	! printed "$1"
}

# narrow - no line of stdout is wider than a terminal.
narrow() {
	awk 'length($0) > 80 { bad = 1 } END { exit bad || !NR }' "$work/out"
}

# valid_json - stdout is one JSON object.
valid_json() {
	python3 -c 'import json, sys
sys.exit(not isinstance(json.load(sys.stdin), dict))' <"$work/out"
}

# check_json TEXT - a result of valid_json, if there is a second opinion.
check_json() {
	if command -v python3 >/dev/null; then
		check "$1" valid_json
	else
		skip "$1" "no python3"
	fi
}

# value KEY - of the last run's JSON; the first one of that name at the top.
value() {
	sed -n "s/^  \"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" \
		"$work/out"
}

# values KEY - of the objects in an array, one per line.
values() {
	sed -n "s/^ \{6,\}\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" \
		"$work/out"
}

# json_lines - each line of stdout is one JSON object, and there are some.
json_lines() {
	python3 -c 'import json, sys
lines = sys.stdin.read().splitlines()
sys.exit(not lines or any(type(json.loads(l)) is not dict for l in lines))' \
		<"$work/out"
}

# holds_of FILE PYTHON - true if that is, of the JSON in FILE as "d".
holds_of() {
	"${python:-python3}" -c 'import json, sys
d = json.load(open(sys.argv[2]))
sys.exit(not eval("(" + sys.argv[1] + ")"))' "$2" "$1"
}

# check_holds TEXT FILE PYTHON - a result of holds_of, if there is Python.
check_holds() {
	if command -v "${python:-python3}" >/dev/null; then
		check "$1" holds_of "$2" "$3"
	else
		skip "$1" "no python3"
	fi
}

# --- programs in the background ---------------------------------------------

# background COMMAND... - until the test ends, without output; sets $pid.
background() {
	"$@" >/dev/null 2>&1 </dev/null &
	pid=$!
	disown
	pids+=("$pid")
}

# can_be_asked PID - its socket is there.
can_be_asked() {
	grep -q "@tmem/$1\$" /proc/net/unix
}

# at_work PID - it answers, and has passed some steps.
at_work() {
	"$tmemctl" snapshot -p "$1" 2>/dev/null |
		grep -E '"steps": *\{"count": *([2-9]|[1-9][0-9])' >/dev/null
}

# serve [COMMAND...] - a replay of $work/trace that can be asked, and mostly
# rests; sets $pid.
serve() {
	background env TMEM_CONTROL=on TMEM_ANALYTICS=all TMEM_BACKEND=anon \
		"$@" "$tmemctl" replay -r 10000 -t none --optimizer off \
		--rest 100 "$work/trace"
	until_true at_work "$pid"
}

# --- chance -----------------------------------------------------------------

# The same in every run: TMEM_SEED replaces the first seed, TMEM_MUTANTS the
# number of rounds; TMEM_SOAK_SECONDS goes on for so long instead.
seed=${TMEM_SEED:-1}

# more_rounds DONE ALL - true if there is one more.
more_rounds() {
	if [[ -n ${TMEM_SOAK_SECONDS:-} ]]; then
		[[ $SECONDS -lt $TMEM_SOAK_SECONDS ]]
	else
		[[ $1 -lt ${TMEM_MUTANTS:-$2} ]]
	fi
}

# rubbish BYTES - so many.
rubbish() {
	perl -e 'srand($ARGV[0]); print pack("C*", map { rand(256) } 1 .. $ARGV[1])' \
		"$seed" "$1"
}

# --- traces -----------------------------------------------------------------

# make_trace THREADS ALLOCS FILE - a sound trace.  Thread i % THREADS makes
# block i, of 64 B to 1 MiB; the next thread frees it 40 blocks later.  What
# it adds up to is left in FILE.facts: "events frees peak_bytes peak_event
# peak_blocks".
make_trace() {
	awk -v threads="$1" -v allocs="$2" -v facts="$3.facts" '
	function alloc(i) {
		size[i] = 64 + (i * 7919) % 1024 * 1024
		live += size[i]
		events++
		if (live > peak) {
			peak = live
			peak_event = events
			peak_blocks = events - 2 * frees
		}
		print "a", i, size[i], 64, i % threads, ++time, 1 + i % 2
	}
	function drop(i) {
		live -= size[i]
		events++
		frees++
		print "f", i, (i + 1) % threads, ++time
	}
	BEGIN {
		print "# memtrace 1  min=64 all=0"
		print "s 1 app+0x10;app+0x20 main run.py:1:f run.py:2:g"
		print "s 2 - - run.py:3:f run.py:4:g"
		for (i = 0; i < allocs; i++) {
			alloc(i)
			if (i >= 40 && i % 100)
				drop(i - 40)
			if (i % 500 == 0)
				print "m 0", ++time, "step", i / 500
		}
		print "m 0", ++time, "end"
		print "# end allocs=" allocs, "frees=" frees + 0, \
			"sites=2 threads=" threads, "recorder_overhead_ns=1"
		print "# end not_recorded_malloc_calls=12 bytes=345"
		print events, frees + 0, peak, peak_event, \
			peak_blocks >facts
	}' >"$3"
}
