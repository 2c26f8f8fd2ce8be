#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# arenas.sh - tmemctl arenas shows the arenas of a program as they are: the
# figures are those of sysfs, and another user does not see them.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

# The sum of what is listed, from the total at the end.
total() {
	values "$1" | tail -n 1
}

gone() {
	[ "$(cat $sys/arenas)" -eq 0 ]
}

echo "TAP version 13"

until_true gone
run arenas
check "no arena, and that is said" printed '^no arenas$'

hold_arena
run arenas --json
check "a program's arenas are listed" equal "$status" 0
check "as many as sysfs counts" \
	equal "$(values id | wc -l)" "$(cat $sys/arenas)"
check "all of them" equal "$(values all)" true
check "made by this process" equal "$(values pid | sort -u)" "$holder"
check "which is called so" equal "$(values command | sort -u)" tmemctl
check "of root" equal "$(values user | sort -u)" root
check "what they hold is what sysfs counts" \
	equal "$(total resident_bytes)" "$(cat $sys/resident_bytes)"
check "that was filled, span by span" \
	at_least "$(total fills)" $(($(total resident_bytes) >> 21))
check "idle is a part of resident" \
	at_least "$(total resident_bytes)" "$(total idle_bytes)"

run arenas --sort resident
check "the table has the process" printed "^ +[0-9]+ +$holder +tmemctl +root "
check "and a total" printed '^total '
run status --json
check "what the nodes hold is the same" \
	equal "$(sum arena_bytes)" "$(cat $sys/resident_bytes)"

run_as_nobody arenas
check "another user may ask" equal "$status" 0
check "and sees none of them" printed '^no arenas$'
check "but how many there are" \
	printed "Only those of user nobody are shown, of $(cat \
		$sys/arenas) in all; root sees"

drop_arena
until_true gone
run arenas --json
check "when the process is killed they are gone" equal "$(values id)" ''

finish
