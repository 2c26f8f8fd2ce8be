#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# diff.sh - two snapshots compared: sites are found again by what they are, not
# by number or address, and each change has its name.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=data/edit.sh
source "$(dirname "$0")/data/edit.sh"

edited=$work/edited.json

# The changes, from the top.
changes() {
	awk '/^(new|grew|shrank|gone) / { print $1 }' "$work/out" | xargs
}

row() {
	grep -E -- "^$1 " "$work/out" | grep -qE -- "$2"
}

echo "TAP version 13"

# The two runs have other addresses, and two sites have other numbers.
snapshot diff "$before" "$after"
check "two runs are compared" passed
check "and it is said that they are" printed '^these are two runs'
check "the whole" printed \
	'^live \+13\.7 MiB, from 12\.5 MiB to 26\.2 MiB; steps 100 to 200$'
check "the largest change first" equal "$(changes)" "grew new shrank gone"
check "how many changed" printed '^4 of 7 sites, of which 4 changed$'
check "what grew" row grew \
	'\+7\.8 MiB +7\.8 MiB +15\.6 MiB +\+100 +\+100 .*metrics\.py:41:update$'
check "what is new" row new '\+6\.0 MiB +0 B +6\.0 MiB +\+3 +\+3 +cache '
check "what shrank" row shrank '-128\.0 KiB .* -8 +\+4,000 +loss '
check "what is gone" row gone '-7\.0 KiB +7\.0 KiB +0 B +-7 +\+0 +- +other$'

snapshot diff --top 1 "$before" "$after"
check "the top one" equal "$(changes)" grew
snapshot diff "$before" "$before"
check "a snapshot and itself" printed '^0 of 6 sites, of which 0 changed$'
check "are of one run" printed '^0\.00 ns later$'
snapshot diff "$after" "$before"
check "the other way round" equal "$(changes)" "shrank gone grew new"

edit 'd["time_ns"] += 90 * 10**9'
snapshot diff "$before" "$edited"
check "how much later it was" printed '^90\.0 s later$'
snapshot diff "$edited" "$before"
check "the wrong order is said" printed '^the second one is the older one$'

# Sites with the same tag, label and frames are one.
edit 'import copy
d["sites"].append(dict(copy.deepcopy(d["sites"][0]), id=77))'
snapshot diff --json "$before" "$edited"
check "sites that cannot be told apart are added up" holds '
	[(s["before"]["live_bytes"], s["after"]["live_bytes"])
	for s in d["sites"]] == [(2621440, 5242880)]'
edit 'd["modules"][0]["build_id"] = "ff" * 20'
snapshot diff "$before" "$edited"
check "another build of the library is another place" equal \
	"$(changes | tr ' ' '\n' | sort | uniq -c | xargs)" "4 gone 4 new"

snapshot diff --json "$before" "$after"
check "--json passes" passed
check_json "--json prints one JSON object"
check "with the changes" holds '[s["change"] for s in d["sites"]] ==
	["grew", "new", "shrank", "gone"]'
check "and by how much" holds '[s["delta_bytes"] for s in d["sites"]] ==
	[8192000, 6291456, -131072, -7168]'
check "the sum" holds 'd["delta_bytes"] == sum(s["delta_bytes"]
	for s in d["sites"])'

run diff
check "no snapshot" complained 64 '^tmemctl: which two snapshots\?'
run diff a
check "one snapshot" complained 64 '^tmemctl: which two snapshots\?'
run diff a b c
check "three" complained 64 "'c' is one word too many"
run diff - -
check "standard input twice" complained 64 'standard input is only one'
run diff "$before" "$work/none"
check "one that is not there" \
	complained 1 "^tmemctl: $work/none: No such file or directory$"

finish
