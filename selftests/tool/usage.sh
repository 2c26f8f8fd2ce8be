#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# usage.sh - what the user may type.  Wrong usage ends with status 64 and one
# line; what cannot be had here ends with status 1 and one line.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

make_trace 1 200 "$work/trace"

# wrong TEXT REGEX ARG... - refused as wrong usage.
wrong() {
	local text=$1 regex=$2
	shift 2
	run "$@"
	check "$text" complained 64 "$regex"
}

helped() {
	passed && narrow && printed "$1"
}

echo "TAP version 13"

wrong "no command" '^tmemctl: which command\?'
wrong "an unknown command" "^tmemctl: no command 'reply'" reply
wrong "an empty command" "^tmemctl: no command ''" ''
wrong "help for an unknown command" "^tmemctl: no command 'x'" help x
wrong "help for two commands" "^tmemctl: no command 'status'" \
	help replay status

for command in replay status arenas watch pool doctor version top record \
	report; do
	wrong "$command: an unknown option" \
		"^tmemctl $command: unrecognized option '--bogus'$" \
		"$command" --bogus
	run "$command" --help
	check "$command --help" helped "^Usage: tmemctl $command"
	run help "$command"
	check "help $command" helped "^Usage: tmemctl $command"
done
for command in help --help -h; do
	run "$command"
	check "$command lists the commands" helped '^  replay '
done
for command in status arenas watch doctor version top; do
	wrong "$command takes no argument" "'x' is one word too many" \
		"$command" x
done

wrong "replay without a trace" 'which trace\?' replay
wrong "replay with two" "'/b' is one trace too many" replay /a /b
wrong "--touch with an unknown word" "^tmemctl: --touch: 'all' is not" \
	replay --touch all /a
wrong "--touch without a word" "option '--touch' requires an argument" \
	replay --touch
wrong "--backend with an unknown word" "^tmemctl: --backend: 'gpu' is not" \
	replay --backend gpu /a
wrong "a node policy for malloc" '^tmemctl: --numa, .*: malloc has none' \
	replay --backend malloc --numa local /a
for number in 0 -1 x 3x '' 99999999999999999999; do
	wrong "--repeat '$number'" "^tmemctl: --repeat: '$number' is no number" \
		replay "--repeat=$number" /a
	wrong "--window '$number'" "^tmemctl: --window: '$number' is no number" \
		replay "--window=$number" /a
done
for policy in near bind bind: preferred local:0 bind:x 'bind:0,' bind:,0 \
	bind:3-1 bind:0-64 bind:64 interleave: interleave:0-- ''; do
	wrong "--numa '$policy'" "^tmemctl: --numa: '$policy' is no policy" \
		replay "--numa=$policy" /a
done
for strategy in '' best 'best-fit ' adaptive,first-fit; do
	wrong "--strategy '$strategy'" "^tmemctl: --strategy: '$strategy' is no" \
		replay "--strategy=$strategy" /a
done
for size in '' x -2M 2X 1 2097151; do
	wrong "--max-bytes '$size'" "^tmemctl: --max-bytes: '$size' is no size" \
		replay "--max-bytes=$size" /a
done
wrong "a limit for malloc" '^tmemctl: --numa, .*: malloc has none' \
	replay --backend malloc --max-bytes 2M /a

wrong "--sort with an unknown word" "^tmemctl: --sort: 'name' is not id" \
	arenas --sort name
for number in 0 -1 x 1.5 ''; do
	wrong "watch --count '$number'" "^tmemctl: --count: '$number' is no" \
		watch "--count=$number"
done
for number in -1 x 1.5 '' 99999999999; do
	wrong "watch --timeout '$number'" \
		"^tmemctl: --timeout: '$number' is no" watch "--timeout=$number"
done
wrong "a trigger without a cgroup" '^tmemctl: --trigger goes with --cgroup' \
	watch --trigger 'some 1 500000'
wrong "pool with an unknown word" "^tmemctl: 'get' is not 'set'" pool get
wrong "pool set set" "^tmemctl: 'set' is one word too many" pool set set
wrong "pool set without a size" '^tmemctl: set what\?' pool set --node 0
for option in --low=2M --target=2M --node=0; do
	wrong "pool $option without set" \
		"^tmemctl: --node, --low and --target go with 'set'" \
		pool "$option"
done
for size in '' x -2M 2X 2MB 1.5G 2M2 ' 2M' 99999999999999999999 99999999999G; do
	wrong "pool set --low '$size'" "^tmemctl: --low: '$size' is no size" \
		pool set "--low=$size"
done
for size in 1 3M 2097153 1023KiB 18446744073709551615; do
	wrong "pool set --target '$size'" \
		"^tmemctl: --target: '$size' is no multiple of 2 MiB" \
		pool set "--target=$size"
done
for node in -1 x '' 1024; do
	wrong "pool set --node '$node'" "^tmemctl: --node: '$node' is no" \
		pool set --low=2M "--node=$node"
done

run replay --backend anon --numa bind:63 "$work/trace"
check "a node that does not exist" \
	complained 1 '^tmemctl: node 63 does not exist, .*nodes here: [0-9]'
run replay --json --backend anon --numa interleave:0,62 "$work/trace"
check "one that exists and one that does not" \
	complained 1 '^tmemctl: node 62 does not exist'
TMEM_BACKEND=gpu run replay "$work/trace"
check "TMEM_BACKEND with an unknown word" \
	complained 1 '^tmemctl: libtmem refuses the settings.*TMEM_BACKEND'
TMEM_NUMA=near run replay "$work/trace"
check "TMEM_NUMA with an unknown word" \
	complained 1 '^tmemctl: libtmem refuses the settings.*TMEM_NUMA'

if [[ -e /dev/tmem ]]; then
	skip "--backend dev without the device" "/dev/tmem is there"
	skip "TMEM_BACKEND=dev without the device" "/dev/tmem is there"
else
	missing='^tmemctl: /dev/tmem is missing: .*insmod tmem.ko'
	run replay --backend dev --json "$work/trace"
	check "--backend dev without the device" complained 1 "$missing"
	TMEM_BACKEND=dev run replay "$work/trace"
	check "TMEM_BACKEND=dev without the device" complained 1 "$missing"
	run replay --backend auto --json --repeat 1 "$work/trace"
	check "--backend auto without the device is anon" \
		equal "$status $(value backend)" "0 anon"
	TMEM_BACKEND=dev run replay --backend auto --json --repeat 1 \
		"$work/trace"
	check "also if TMEM_BACKEND asks for the device" \
		equal "$status $(value backend)" "0 anon"
fi

"$tmemctl" version >/dev/full 2>"$work/err" && status=0 || status=$?
: >"$work/out"
check "a full disk behind stdout" \
	complained 1 '^tmemctl: cannot write to standard output'

finish
