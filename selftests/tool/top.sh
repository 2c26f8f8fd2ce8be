#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# top.sh - what tmemctl top shows, in lines and on a terminal, and how it ends.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

need_built "$helpers/fake_clock.so"
make_trace 1 20000 "$work/trace"

# The pictures, which begin with the same line.
pictures() {
	grep -c '^tmemctl top  ' "$work/out" || true
}

# line REGEX - how many there are.
lines() {
	grep -cE -- "$1" "$work/out" || true
}

# on_terminal ARG... - in the background, with 24 lines of 80 columns; its keys
# come by press.  A shell that stayed as tmemctl's parent would be interrupted,
# too.
on_terminal() {
	: >"$work/out"
	rm -f "$work/keys"
	mkfifo "$work/keys"
	TERM=${term-xterm} limited script -qec \
		"stty rows 24 cols 80; exec '$tmemctl' top $*" /dev/null \
		<"$work/keys" >"$work/out" 2>"$work/err" &
	terminal=$!
	exec {keys}>"$work/keys"
}

# press KEYS - in a terminal that shows a picture.
press() {
	# shellcheck disable=SC2059 # it has an escape
	printf "$1" >&"$keys"
}

# ended - the terminal; its status is the program's.
ended() {
	status=0
	wait "$terminal" || status=$?
	exec {keys}>&-
}

echo "TAP version 13"

# shellcheck disable=SC2119 # no command goes before it
serve
clocked top -b -n 1
check "the programs that answer" passed
check "with what they hold" printed \
	"^ +$pid +$(id -u) +[0-9.]+ [KMG]?i?B +[0-9.]+ [KMG]iB +[0-9,]+  tmemctl"

clocked top -b -n 1 -p "$pid"
check "one of them" passed
check "named" printed "^process $pid  tmemctl  libtmem [0-9]"
check "its pressure" printed '^pressure (low|medium|high|critical|unknown) +analytics all,'
check "its health" printed \
	'^health [01][.][0-9][0-9] (critical|warning|moderate|normal)( |$)'
check "its memory" printed '^live [0-9.]+ .*peak .*held .*blocks [0-9,]+'
check "tiers" printed '^<=1Ki? +[0-9.]+ [KM]?i?B +[0-9,]+ +- +-$'
check "nodes" printed '^0 +[0-9.]+ MiB +[0-9.]+ [KMG]?i?B +[0-9.]+ %$'
check "sites" printed '^ +[0-9.]+ [KM]?i?B +- +- +(short|medium|long|cyclic|leaked) '
check "in 80 columns" narrow
check "one picture" equal "$(pictures)" 1

clocked top -b -n 3 -d 0.2 -p "$pid"
check "again and again" equal "$status $(pictures)" "0 3"
check "with rates, from the second on" \
	equal "$(lines '^allocs [0-9,]+/s +frees [0-9,]+/s')" 2
check "that are none at first" equal "$(lines '^allocs - ')" 1
clocked top -b -n 1 -p "$pid" --sort churn
check "sites by something else" printed 'SITE by churn$'

run top -p "$pid"
check "no terminal" complained 1 'this is no terminal: --batch prints lines'
for word in 0 -1 0.01 3601 x 1s '' nan inf; do
	run top -b -n 1 "--delay=$word"
	check "--delay '$word'" complained 64 "^tmemctl: --delay: '$word' is no"
done
run top -b -n 0
check "no picture" complained 64 "^tmemctl: --count: '0' is no number"
run top -b -p 0
check "no process" complained 64 "^tmemctl: --pid: '0' is no number"
run top -b --sort size
check "an unknown order" complained 64 "^tmemctl: --sort: 'size' is not"
status=0
"$tmemctl" top -b -n 1 -p "$pid" >/dev/full 2>"$work/err" || status=$?
: >"$work/out"
check "a full disk" complained 1 'cannot write to standard output'

if command -v script >/dev/null; then
	shown='q quit +s order'
	on_terminal -p "$pid" -d 0.3
	check "on a terminal its keys are shown" until_true printed "$shown"
	press q
	ended
	check "until q" equal "$status" 0
	check "it is shown" printed "process $pid  tmemctl"
	check "and nothing is left on the screen" \
		equal "$(lines $'\e\\[\\?1049l')" 1
	on_terminal -p "$pid" -d 3600
	until_true printed "$shown"
	press s
	check "s takes another order" until_true printed churn
	press q
	ended
	on_terminal -p "$pid" -d 0.1 -n 3
	ended
	check "so many pictures" equal "$status" 0
	on_terminal -p "$pid"
	until_true printed "$shown"
	press '\003'
	ended
	check "or until it is interrupted" equal "$status" 0
	on_terminal
	check "the list, too" until_true printed "$pid"
	press q
	ended
	term=none-such on_terminal
	ended
	check "an unknown terminal" \
		printed "terminal of type 'none-such' is not known"
else
	skip "on a terminal" "no script(1)"
fi

# It ends while it is watched.
limited "$tmemctl" top -b -d 0.2 -p "$pid" >"$work/out" 2>"$work/err" &
watcher=$!
two_pictures() {
	[[ $(pictures) -ge 2 ]]
}
until_true two_pictures
kill -KILL "$pid"
status=0
wait "$watcher" || status=$?
check "until the program ends" equal "$status" 0
check "which is said" one_line "process $pid|there is no process $pid"
run top -b -n 2 -p "$pid"
check "and then there is none" complained 1 "there is no process $pid"

finish
