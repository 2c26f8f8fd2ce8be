#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# badsnapshot.sh - a snapshot that is not sound is refused in one line that names
# place and mistake, whatever the damage; and a file is written whole or not
# at all.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=data/edit.sh
source "$(dirname "$0")/data/edit.sh"

edited=$work/edited.json

# bad TEXT REGEX PYTHON - before.json, so changed, is refused.
bad() {
	edit "$3"
	snapshot snapshot "$edited"
	check "$1" complained 1 "^tmemctl: $edited: $2"
}

# text TEXT REGEX CONTENT - a file with that in it is.
text() {
	printf '%b' "$3" >"$edited"
	snapshot leaks "$edited"
	check "$1" complained 1 "^tmemctl: $edited: $2"
}

echo "TAP version 13"
echo "# TMEM_SEED=$seed"

# --- no snapshot --------------------------------------------------------------

run snapshot "$work/none"
check "no such file" complained 1 "^tmemctl: $work/none: No such file"
run snapshot "$work"
check "a folder" complained 1 "^tmemctl: $work: .*cannot be read: Is a dir"
text "an empty file" 'is empty' ''
text "blanks" 'is cut off' ' \n\n'
text "no JSON" "is no snapshot: it does not begin with '\\{'" 'root:x:0:0'
text "an array" "is no snapshot" '[1, 2]'
text "zeroes" "is no snapshot" '\0\0\0\0'
text "not quite JSON" 'is no JSON: byte 1[0-9]: ' '{"format": tmem}'
text "half of it" 'is cut off' '{"format": "tmem-snapshot"'
text "another format" "is no snapshot: its format is not" '{"format": "x"}'
text "no format" "is no snapshot: its format is not" '{}'
text "nothing but the format" 'version is missing' '{"format": "tmem-snapshot"}'
deep=$(printf '{"a":%.0s' {1..100})
text "too deep" 'is no JSON: .*too deep' "$deep"
{ cat "$before" && echo x; } >"$edited"
run snapshot "$edited"
check "something behind it" complained 1 'something follows the snapshot'
{ cat "$before" && printf '\n \n'; } >"$edited"
run snapshot "$edited"
check "but not blanks" passed
printf '{"a": "\xff\xfe"}' >"$edited"
run snapshot "$edited"
check "no UTF-8" complained 1 "is no JSON: .*utf-8"
limited "$tmemctl" snapshot /dev/zero >"$work/out" 2>"$work/err" &&
	status=0 || status=$?
check "a file without end" complained 1 '^tmemctl: /dev/zero: is no snapshot'
for cut in 10 300 5000 12000; do
	head -c "$cut" "$before" >"$edited"
	run snapshot "$edited"
	check "cut off after $cut bytes" complained 1 'is cut off'
done

# --- members ------------------------------------------------------------------

bad "a version of the future" 'snapshot version 2 is not known' 'd["version"] = 2'
bad "a version that is no number" 'version is no whole number' \
	'd["version"] = "1"'
for key in pid exe time_ns wall_ns library analytics counts heap tiers modules \
	tags sites steps timeline; do
	bad "no $key" "$key is missing" "del d['$key']"
done
bad "a null" 'pid is missing' 'd["pid"] = None'
bad "an object that is a number" 'counts is no object' 'd["counts"] = 1'
bad "an array that is an object" 'sites is no array' 'd["sites"] = {}'
bad "a text that is a number" 'exe is no text' 'd["exe"] = 1'
bad "a negative number" 'counts.allocs is negative' 'd["counts"]["allocs"] = -1'
bad "a fraction" 'counts.frees is no whole number' 'd["counts"]["frees"] = 1.5'
bad "an absurd number" 'counts.frees is absurd: 4611686018427387905' \
	'd["counts"]["frees"] = 2**62 + 1'
bad "one of more than 64 bits" 'counts.frees is absurd' \
	'd["counts"]["frees"] = 10**30'
bad "a zero byte" 'exe holds a zero byte' 'd["exe"] = "a\0b"'
bad "a site that is no object" 'sites\[1\] is no object' 'd["sites"][1] = 7'
bad "a site without frames" 'sites\[1\]\.frames is missing' \
	'del d["sites"][1]["frames"]'
bad "a frame that is a number" 'sites\[0\]\.\[1\] is no text' \
	'd["sites"][0]["frames"][1] = 5'
for frame in 1000 0x 0xfg 0x12345678901234567 -0x1 ' 0x1'; do
	bad "a frame '$frame'" 'sites\[0\]\.\[1\] is no address' \
		"d['sites'][0]['frames'][1] = '$frame'"
done
bad "1000 frames" 'sites\[0\]\.frames is absurd: 1000 elements' \
	'd["sites"][0]["frames"] = ["0x1"] * 1000'
bad "100 buckets" 'sites\[2\]\.lifetimes is absurd' \
	'd["sites"][2]["lifetimes"] = [1] * 100'
bad "a leak that may be" 'sites\[2\]\.leaking is neither true nor false' \
	'd["sites"][2]["leak"]["leaking"] = 1'
bad "a growth that is no number" 'sites\[2\]\.bytes_per_step is no number' \
	'd["sites"][2]["leak"]["bytes_per_step"] = float("nan")'
bad "a growth without end" 'sites\[2\]\.bytes_per_step is no number' \
	'd["sites"][2]["leak"]["bytes_per_step"] = 1e300'
bad "a site that is there twice" 'site 3 is there twice' \
	'd["sites"][0]["id"] = 3'
bad "sums that overflow" "the sites' sums are absurd" \
	'for s in d["sites"]: s["alloc_bytes"] = 2**62'
bad "more live than there is" "the sites' sums are absurd" \
	'd["sites"][0]["live_bytes"] = 2**61'
bad "eight tiers" 'tiers has 8 elements, not 9' 'del d["tiers"][8]'
bad "a module that ends before it begins" 'modules\[0\]\.end lies before' \
	'd["modules"][0]["end"] = "0x10"'
bad "a share that is no pair" 'timeline\[1\]\.sites\[0\] is no pair' \
	'd["timeline"][1]["sites"][0] = [1]'
bad "a node that is no pair" 'timeline\[2\]\.nodes\[1\] is no pair' \
	'd["timeline"][2]["nodes"][1] = 7'
bad "a share of text" 'timeline\[1\]\.\[1\] is no whole number' \
	'd["timeline"][1]["sites"][0] = [1, "x"]'
bad "a record at the end of memory" 'records\[0\]\.address or bytes is absurd' \
	'd["records"][0]["address"] = "0xffffffffffffffff"'
bad "records that are an object" 'records is no array' 'd["records"] = {}'

edit 'd["more"] = {"x": [None]}; d["sites"][0]["more"] = 1
d["counts"]["more"] = "y"; del d["records"]; del d["threads"]'
run snapshot "$edited"
check "what is not known, or optional, is no mistake" passed
edit 'd["sites"][0]["tag"] = 99'
snapshot leaks "$edited"
check "nor a tag that came while it was written" passed

# --- damage -------------------------------------------------------------------

# Bytes changed, cut out, doubled or cut off; or one value replaced by another.
damage='
odd = [0, 1, -1, 2**31, 2**62, 2**63, 2**64, 1e18, 0.5, None, True, "", "x",
	"0x0", "0xffffffffffffffff", [], {}, [[]], "\u0000", "-" * 4000]
def walk(x, places):
	for k in (x if isinstance(x, dict) else range(len(x))):
		places.append((x, k))
		if isinstance(x[k], (dict, list)):
			walk(x[k], places)
def values(r, d):
	for _ in range(r.randint(1, 3)):
		places = []
		walk(d, places)
		x, k = r.choice(places)
		if r.random() < 0.2:
			del x[k]
		elif r.random() < 0.3:
			y, l = r.choice(places)
			x[k] = json.loads(json.dumps(y[l])) if l in y or \
				isinstance(y, list) and l < len(y) else 0
		else:
			x[k] = r.choice(odd)
	return json.dumps(d).encode()
def mutate(r, data):
	if r.random() < 0.6:
		return values(r, json.loads(data))
	for _ in range(r.randint(1, 4)):
		at, n = r.randrange(len(data)), r.randint(1, 40)
		kind = r.randrange(4)
		data = [data[:at] + bytes([r.randrange(256)]) + data[at + 1:],
			data[:at] + data[at + n:],
			data[:at] + data[at // 2:at // 2 + n] + data[at:],
			data[:at] if r.random() < 0.3 else data][kind]
		if not data:
			break
	return data
'

well_behaved() {
	if [[ $status -eq 0 ]]; then
		passed
	else
		complained 1 '^tmemctl: '
	fi
}

formats=(json collapsed pprof memviz chrome openmetrics)

damaged() {
	local i sound=0
	for ((i = 0; ; i++)); do
		more_rounds $i 150 || break
		mutant $i "$damage" "$before"
		case $(((seed + i) % 4)) in
		0) snapshot leaks "$work/mutant" ;;
		1) snapshot hotspots --json "$work/mutant" ;;
		2) snapshot diff "$before" "$work/mutant" ;;
		3) snapshot snapshot "$work/mutant" \
			-f "${formats[(seed + i) / 4 % 6]}" ;;
		esac
		[[ $status -ne 0 ]] || sound=$((sound + 1))
		if ! well_behaved; then
			echo "# TMEM_SEED=$((seed + i)) TMEM_MUTANTS=1"
			return 1
		fi
	done
	echo "# $i mutants, $sound of them still sound"
	[[ $i -lt 50 || ($sound -gt 0 && $sound -lt $i) ]]
}

check "damaged snapshots" damaged

# --- output -------------------------------------------------------------------

for format in "${formats[@]}"; do
	snapshot snapshot -f "$format" "$before"
	cp "$work/out" "$work/expected"
	snapshot snapshot -f "$format" -o "$work/file" "$before"
	check "$format into a file" cmp "$work/expected" "$work/file"
done
check "nothing on stdout then" equal "$(wc -c <"$work/out")" 0
check "nothing else is left" equal "$(find "$work" -name 'file?*')" ""

echo old >"$work/file"
run snapshot -o "$work/file" "$edited.none"
check "a snapshot that is not there leaves the file" \
	equal "$(cat "$work/file")" old
snapshot snapshot -o /dev/full "$before"
check "a full disk" complained 1 \
	'^tmemctl: cannot write /dev/full: No space left on device$'
(
	ulimit -f 4
	trap '' XFSZ
	run snapshot -o "$work/file" "$before"
	declare -p status >"$work/status"
)
# shellcheck source=/dev/null
source "$work/status"
check "a disk that fills up" complained 1 \
	"^tmemctl: cannot write $work/file: File too large"
check "leaves the old file" equal "$(cat "$work/file")" old
check "and nothing else" equal "$(find "$work" -name 'file?*')" ""
snapshot snapshot -o "$work/none/file" "$before"
check "a folder that is not there" complained 1 \
	"^tmemctl: cannot write $work/none/file: No such file"
snapshot snapshot -o "$work" "$before"
check "a folder" complained 1 "^tmemctl: cannot write $work: Is a directory"
"$tmemctl" snapshot "$before" >/dev/full 2>"$work/err" && status=0 || status=$?
: >"$work/out"
check "a full disk behind stdout" \
	complained 1 '^tmemctl: cannot write to standard output'
"$tmemctl" snapshot - <"$before" >"$work/out" 2>"$work/err" && status=0 ||
	status=$?
check "standard input" cmp "$before" "$work/out"

# --- command line -------------------------------------------------------------

for command in snapshot leaks hotspots diff; do
	run "$command" --bogus
	check "$command: an unknown option" complained 64 \
		"^tmemctl $command: unrecognized option '--bogus'$"
	run "$command" --help
	check "$command --help" printed "^Usage: tmemctl $command"
	check "fits a terminal" narrow
done
run snapshot -f xml "$before"
check "an unknown format" complained 64 "^tmemctl: --format: 'xml' is not json"
run snapshot --by bytes "$before"
check "--by without collapsed" complained 64 '--by goes with --format=coll'
run snapshot --records "$before"
check "--records of a file" complained 64 '--records goes with --pid'

finish
