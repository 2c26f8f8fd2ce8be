#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# record.sh - the snapshots that tmemctl record keeps, and the exit status that
# it passes on.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

make_trace 1 20000 "$work/trace"
mkdir "$work/kept"
file=$work/kept/snapshot
program=("$tmemctl" replay --backend anon -r 2 -t none "$work/trace")
# For the shells that start it.
export TMEMCTL_RECORDED="'$tmemctl' replay --backend anon -r 2 -t none \
'$work/trace'"

# record ARG... - keeps it in $file.
record() {
	rm -f "$work"/kept/*
	run record -o "$file" "$@"
}

# How many files there are, also hidden ones.
kept() {
	find "$work/kept" -mindepth 1 | wc -l
}

# The file is a snapshot.
whole() {
	"$tmemctl" snapshot "$file" >"$work/snapshot" 2>&1 &&
		grep -q '"format": *"tmem-snapshot"' "$work/snapshot"
}

# ended - what records in the background.
ended() {
	status=0
	wait "$recorder" || status=$?
}

echo "TAP version 13"

record -- "${program[@]}"
check "a program is recorded" equal "$status" 0
check "and says what it said" printed '^misuse +0'
check "without a word of ours" equal "$(wc -c <"$work/err")" 0
check "there is a snapshot" whole
check "and nothing beside it" equal "$(kept)" 1
record "${program[@]}"
check "the dashes may be left out" equal "$status $(kept)" "0 1"
record -- "$tmemctl" version -o x
check "the program's options are its own" equal "$status" 64

# A shell that only starts the one is not worth a word.
record -- bash -c "$TMEMCTL_RECORDED; exit 3"
check "its exit status is passed on" equal "$status" 3
check "and what it started is recorded" whole
check "alone" equal "$(kept) $(wc -c <"$work/err")" "1 0"
record -- bash -c "$TMEMCTL_RECORDED & $TMEMCTL_RECORDED; wait"
check "two leave two" equal "$status $(kept)" "0 2"
check "and that is said" \
	equal "$(grep -c 'left a snapshot: ' "$work/err")" 2

record -i 0 -- "${program[@]}"
check "every block, if wanted" grep -qE '"interval_bytes": *0\b' "$file"
record -- "${program[@]}"
# The interval grows where the program is fast.
check "a sample otherwise" grep -qE '"interval_bytes": *[1-9]' "$file"
TMEM_ANALYTICS=all record -- "${program[@]}"
check "the environment's word counts" \
	grep -qE '"interval_bytes": *0\b' "$file"

record -- true
check "a program without the library" one_line 'no snapshot: '
check "is a failure" equal "$status $(kept)" "1 0"
record -- false
check "its own status goes before" equal "$status" 1
record -- "$work/nothing"
check "a program that is not there" \
	complained 127 "cannot start '.*/nothing': No such file"
check "nothing is left" equal "$(kept)" 0
record -- "$work"
check "one that cannot be started" complained 126 "cannot start '.*': Perm"
run record
check "no program" complained 64 'which program\?'
run record --every x true
check "--every x" complained 64 "^tmemctl: --every: 'x' is no number"
run record --interval x true
check "--interval x" complained 64 "^tmemctl: --interval: 'x' is no size"
run record -o "$work/no/folder" -- true
check "a folder that is not there" complained 1 'cannot write beside .*No such'
rm -f "$work"/kept/*
run record -o "$work/kept/a%pb" -- "${program[@]}"
check "a name that would be another" complained 1 'stands for a process'
check "and nothing is left" equal "$(kept)" 0

run record -o /dev/full -- "${program[@]}"
check "a full disk" one_line 'cannot write /dev/full: No space left'
check "is a failure, too" equal "$status" 1
status=0
"$tmemctl" record -o /dev/stdout -- bash -c "$TMEMCTL_RECORDED >/dev/null" \
	2>"$work/err" | cat >"$file" || status=$?
check "a pipe gets the last one" whole

# Killed, it leaves what it was asked for before.
rm -f "$work"/kept/*
limited "$tmemctl" record -e 1 -o "$file" -- bash -c "echo \$\$ >'$work/pid'
	exec '$tmemctl' replay --backend anon -r 10000 -t none '$work/trace'" \
	>"$work/out" 2>"$work/err" &
recorder=$!
until_true whole
kill -KILL "$(cat "$work/pid")"
ended
check "the status of one that is killed" equal "$status" 137
check "leaves the snapshot from before" whole
check "and that is said" one_line 'no snapshot at its end: .* is of [0-9.]+ s'
check "nothing else is left" equal "$(kept)" 1
record -e 0 -- bash -c "kill -KILL \$\$"
check "without one before it leaves none" equal "$status $(kept)" "137 0"

# What asks us to end is for the program.
rm -f "$work"/kept/*
"$tmemctl" record -o "$file" -- bash -c "
	trap 'kill \$!; exit 7' TERM; sleep infinity & touch '$work/up'; wait" \
	>/dev/null 2>"$work/err" &
recorder=$!
until_true test -e "$work/up"
kill -TERM "$recorder"
ended
check "SIGTERM is passed on" equal "$status" 7

finish
