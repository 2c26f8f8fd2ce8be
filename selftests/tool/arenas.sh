#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# arenas.sh - the list of arenas: what stands in it, in which order, whose
# they are, and what is said if there is no list.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

need_built "$helpers/fake_module.so"
host=$work/host

# row N REGEX - line N of the table matches.
row() {
	sed -n "$1p" "$work/out" | grep -qE -- "$2"
}

# The ids, from the top; not those of heading and total.
ids() {
	awk '$1 ~ /^[0-9]+$/ { print $1 }' "$work/out" | xargs
}

# Figures end below the end of their heading, in every line.
aligned() {
	awk 'NR == 1 { end = index($0, "resident") + 7 }
		substr($0, end + 1, 1) !~ /^ ?$/ || substr($0, end, 1) == " " \
			{ bad = 1 }
		END { exit bad || NR < 3 }' "$work/out"
}

no_controls() {
	! LC_ALL=C grep -q '[^ -~]' "$work/out"
}

# powers HEX - this process, as TMEMCTL_SYSROOT shows it.
powers() {
	mkdir -p "$host/proc/self"
	printf 'Name:\ttmemctl\nCapEff:\t%s\n' "$1" >"$host/proc/self/status"
}

echo "TAP version 13"

check_without_module "without the module it says so" arenas
fake FAKE_OPEN=71 arenas
check "a module of another version" \
	complained 1 '^tmemctl: .*another version of netlink'
fake FAKE_OPEN=1 arenas --json
check "no netlink for this process" complained 1 '^tmemctl: .*not permitted'
fake FAKE_LIST=5 arenas
check "a list that fails" \
	complained 1 '^tmemctl: cannot list the arenas: Input/output error$'

fake arenas
check "three arenas are listed" passed
check "in the order of their numbers" equal "$(ids)" "1 2 3"
check "below a heading" row 1 '^ +id +pid +command +user +name +policy +size'
check "with policy and size" row 2 ' local +1\.0 MiB +9\.0 MiB +0 B +0 +- +7 +4$'
check "with nodes, and the share from the pool" \
	row 3 ' bind:0,2 .* 1,000 +25 % +7 +4$'
check "nodes above 63 too" row 4 ' bind:0,2,65 '
check "a user without a name is a number" row 3 ' 54321 '
check "a process that is not there is a dash" row 4 '^ +3 +- +- '
check "the total is their sum" \
	row 5 '^total +6\.0 MiB +24\.0 MiB +1\.0 MiB +3,000 +8 % +21 +12$'
check "figures stand below each other" aligned
check "what a terminal would obey is not printed" no_controls

fake arenas --sort size
check "by size, the largest first" equal "$(ids)" "3 2 1"
fake arenas --sort resident
check "by what is resident" equal "$(ids)" "1 2 3"
fake arenas --sort=idle
check "by what is idle, then by number" equal "$(ids)" "2 1 3"
fake FAKE_ARENAS=5000 arenas --sort size
check "5000 arenas are no problem" equal "$(ids | wc -w)" 5000

fake arenas --json
check "--json passes" passed
check_json "--json prints one JSON object"
check "with the arenas" equal "$(values id | xargs)" "1 2 3"
check "their bytes" \
	equal "$(values idle_bytes | xargs)" "0 1048576 0"
check "and a name that holds a quote" printed '"name": "\?\[2Jred\\"\\\\"'
check "and the total" \
	equal "$(sed -n '/"total"/,$s/.*"resident_bytes": \([0-9]*\).*/\1/p' \
		"$work/out")" 25165824

fake FAKE_ARENAS=0 arenas
check "no arena is said" printed '^no arenas$'
fake FAKE_ARENAS=0 arenas --json
check_json "and no arena is JSON too"

powers 0000000000000000
fake TMEMCTL_SYSROOT="$host" arenas
check "without CAP_SYS_ADMIN it says whose are shown" \
	printed "^Only those of user $(id -un) are shown; root sees"
fake TMEMCTL_SYSROOT="$host" arenas --json
check "also in JSON" equal "$(value all)" false
mkdir -p "$host/sys/class/misc/tmem"
echo 9 >"$host/sys/class/misc/tmem/arenas"
fake TMEMCTL_SYSROOT="$host" FAKE_ARENAS=0 arenas
check "and of how many, if it can" printed 'are shown, of 9 in all'
powers 000001ffffffffff
if [[ $(readlink /proc/self/ns/user) == 'user:[4026531837]' ]]; then
	fake TMEMCTL_SYSROOT="$host" arenas --json
	check "with it all are shown" equal "$(value all)" true
	fake TMEMCTL_SYSROOT="$host" arenas
	check "and nothing is said" not_printed '^Only'
else
	fake TMEMCTL_SYSROOT="$host" arenas --json
	check "not in a user namespace" equal "$(value all)" false
fi

finish
