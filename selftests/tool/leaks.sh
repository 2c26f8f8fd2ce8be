#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# leaks.sh - the leak report says site, tag, growth and since when; that other
# sites have the same frames; and when nothing can be said.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=data/edit.sh
source "$(dirname "$0")/data/edit.sh"

edited=$work/edited.json

echo "TAP version 13"

snapshot leaks "$before"
check "the leak is reported" passed
check "as the only one" printed '^1 of 6 sites leaks, over 100 steps$'
check "by its label" printed '^site 3: metrics\.py:41:update$'
check "with its tag" printed '^  tag +train; step "a\\b"$'
check "with growth and steps" printed \
	'^  growth +80\.0 KiB per step since step 2; named at step 24 \(score 9\.25\)$'
check "with what is live" \
	printed '^  live +7\.8 MiB in 100 blocks; 0 of 100 were freed$'
check "with its stack" printed '^  stack +libmodel\.so\+0x1010$'
check "with file offsets" printed '^ +train\+0x1100$'
check "other sites with the same frames are said" \
	printed '^  merged +2 more with these frames, told apart'
check "which they are" printed '^ +site 4, 2\.0 MiB live, tag .*: replay\.py'
check "the decoy is not reported" not_printed '^site 4'
check "no file was looked for" not_printed 'no symbols of'

run leaks "$before"
check "files that are not there are said" \
	printed '^no symbols of /opt/tmem-test/bin/train: No such file'

edit 'd["sites"][2].update(tag=0, label="")'
snapshot leaks "$edited"
check "a leak without tag and label may be several" \
	printed '^  merged +no tag and no label: all that has this stack'
check "and has the place as its name" printed '^site 3: libmodel\.so\+0x1010'

edit 'd["analytics"]["depth"] = 3'
snapshot leaks "$edited"
check "a stack that was cut off is said" \
	printed '^  merged +3 frames were kept: what differs further out'

edit 'd["sites"][2]["error_bytes"] = 1 << 20
d["analytics"].update(interval_bytes=524288, records_dropped=12345)'
snapshot leaks "$edited"
check "estimates are said to be that" \
	printed '^estimates, from a sample in every 512\.0 KiB allocated$'
check "with their error" printed 'in 100 blocks, standard error 1\.0 MiB;'
check "and what was dropped" printed '^12,345 records were dropped'

edit 'd["analytics"]["mode"] = "off"'
snapshot leaks "$edited"
check "analytics that was off is said" printed '^analytics was off at that'

edit 'd["sites"][2]["leak"]["leaking"] = False'
snapshot leaks "$edited"
check "no leak is said" printed '^no leaks among 6 sites, over 100 steps$'
edit 'd["sites"][2]["leak"]["leaking"] = False; d["steps"]["count"] = 0'
snapshot leaks "$edited"
check "without steps nothing can be said" \
	printed '^nothing can be said: the program marked no steps'

edit 'for s in d["sites"]: s["leak"]["leaking"] = True'
snapshot leaks "$edited"
check "several leaks are counted" printed '^6 of 6 sites leak, '
check "the one with the most is the first" equal \
	"$(grep '^site ' "$work/out" | cut -d: -f1 | xargs)" \
	"site 3 site 1 site 4 site 2 site 6 site 5"

edit 'd["sites"][2]["label"] = "a\u001b[2Jb\nc"
d["tags"][2]["name"] = "x\u001b]0;y\u0007\u009b2J" + "z" * 100'
snapshot leaks "$edited"
no_controls() {
	! LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f\x7f\x80-\x9f]' "$work/out"
}
check "what a terminal would obey is not printed" no_controls
check "names stay in one line" printed '^site 3: a\?\[2Jb\?c$'

snapshot leaks --json "$before"
check "--json passes" passed
check_json "--json prints one JSON object"
check "with the leak" holds '[l["site"] for l in d["leaks"]] == [3]'
check "its figures" holds 'd["leaks"][0]["bytes_per_step"] == 81920 and
	d["leaks"][0]["since_step"] == 2 and
	d["leaks"][0]["named_at_step"] == 24 and
	d["leaks"][0]["live_bytes"] == 8192000'
check "its tag" holds 'd["leaks"][0]["tag"] == "train; step \"a\\b\""'
check "who has the same frames" holds 'd["leaks"][0]["same_frames"] == [2, 4]'
check "frames by file and offset" holds '
	[(f["module"].split("/")[-1], f["offset"])
	for f in d["leaks"][0]["frames"]] == [("libmodel.so", 0x1010),
	("libmodel.so", 0x2020), ("train", 0x1100)]'
run leaks --json "$before"
check "files that are not there" holds 'len(d["no_symbols"]) == 2'

"$tmemctl" leaks - --no-symbols <"$before" >"$work/out" 2>"$work/err" &&
	status=0 || status=$?
check "a snapshot from standard input" printed '^site 3: metrics'

run leaks
check "no snapshot" complained 64 '^tmemctl: which snapshot\?'
run leaks a b
check "two snapshots" complained 64 "'b' is one word too many"
run leaks -p 1 a
check "a file and a process" complained 64 'either a file or --pid'
for pid in 0 -1 x 99999999999; do
	run leaks -p "$pid"
	check "process '$pid'" complained 64 "^tmemctl: --pid: '$pid' is no"
done

finish
