#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# report.sh - the report has the snapshot's figures, in text and in JSON, which
# its schema describes; says what a snapshot does not have; refuses one whose
# health is not sound; and nothing that a program calls itself gets out of its
# place in the text, the JSON or the page.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=data/edit.sh
source "$(dirname "$0")/data/edit.sh"

need_built "$helpers/fake_clock.so"
edited=$work/edited.json
schema=$here/Documentation/schema/report.schema.json

# report PYTHON [ARG...] - the report of before.json, so changed.
report() {
	edit "$1"
	shift
	snapshot report "$@" "$edited"
}

fits_schema() {
	passed && "$python" "$here/selftests/tool/schema.py" "$schema" \
		"$work/out"
}

# section NAME REGEX - a line of that section matches.
section() {
	awk -v name="$1" '/^[A-Z][A-Z ]*/ && $0 ~ "^[A-Z][A-Z]" {
		inside = index($0, name) == 1 } inside' "$work/out" |
		grep -qE -- "$2"
}

health='d["health"] = {"score": 0.776, "band": "moderate", "terms": [
	{"name": "pressure", "value": 0.5, "weight": 0.4, "penalty": 0.2},
	{"name": "trend", "value": 0.08, "weight": 0.3, "penalty": 0.024}],
	"unknown": ["leak"]}
d["advice"] = [{"id": "small", "severity": 0.1, "text": "Do little.",
	"command": ""}, {"id": "large", "severity": 0.9, "text": "a word " * 40,
	"command": "tmemctl pool set 0 64"}]
'
levels='for m, level, held in zip(d["timeline"], (0, 1, 2, 0), (9, 8, 5, 6)):
	m["level"] = level; m["held_bytes"] = held << 20
'
cells='d["heap"]["fragmentation"]["nodes"][0].update(
	{"spans_per_cell": 1, "fill": "888841100"})
'

echo "TAP version 13"
echo "# TMEM_SEED=$seed"

# --- the figures ----------------------------------------------------------------

snapshot report --json "$before"
check "JSON: the schema describes it" fits_schema
check "the exact counts are the snapshot's" holds \
	'all(d["memory"][k] == v for k, v in
		json.load(open(sys.argv[2][:-3] + "before.json"))["counts"].items())'
check "health and advice are not there" holds \
	'd["health"] is None and d["advice"] is None'
check "nor is a picture of the spans" holds \
	'd["memory"]["nodes"][0]["fill"] is None'
check "sites by live bytes" holds \
	'(lambda s: [s[i]["live_bytes"] for i in d["top"]["live"]] ==
		sorted((s[i]["live_bytes"] for i in d["top"]["live"]), reverse=True))
	({s["site"]: s for s in d["sites"]})'
check "sites by bytes allocated" holds \
	'(lambda s: [s[i]["alloc_bytes"] for i in d["top"]["bytes"]] ==
		sorted((s[i]["alloc_bytes"] for i in d["top"]["bytes"]), reverse=True))
	({s["site"]: s for s in d["sites"]})'
check "patterns add up to all sites" holds \
	'sum(p["sites"] for p in d["patterns"]) == d["program"]["sites_seen"]'
check "so do the lifetimes" holds \
	'sum(d["lifetimes"]) == sum(map(sum, (s["lifetimes"] for s in
		json.load(open(sys.argv[2][:-3] + "before.json"))["sites"])))'
check "the leak, and nothing else" holds \
	'[s["label"] for s in d["sites"] if s["site"] in
		[l["site"] for l in d["leaks"]]] == ["metrics.py:41:update"]'
check "tiers over time" holds \
	'd["timeline"]["tiers"] == [list(c) for c in zip(*(m["tiers"] for m in
		json.load(open(sys.argv[2][:-3] + "before.json"))["timeline"]))]'
check "the site with the most of the time comes first" holds \
	'(lambda sums: sums == sorted(sums, reverse=True) and sums[-1] > 0)
	([sum(c["bytes"]) for c in d["timeline"]["sites"]])'
snapshot report --json --top 1 "$before"
check "--top 1: one of each order, and who is named elsewhere" holds \
	'len(d["top"]["live"]) == len(d["top"]["bytes"]) == 1 and
	{l["site"] for l in d["leaks"]} <= {s["site"] for s in d["sites"]}'

report "$levels" --json
check "levels: the schema describes it" fits_schema
check "time in each level" holds \
	'[l["ms"] for l in d["pressure"]["levels"]] ==
		[250.0, 250.0, 250.0, 0.0] and d["pressure"]["changes"] == 3'
check "what went while memory was short" holds \
	'd["pressure"]["episodes"] == [{"from_ms": 250.0, "to_ms": 750.0,
		"level": "high", "held_before": 9 << 20, "held_least": 5 << 20}]'
report "$levels
d['time_ns'] += 1000000000" --json
check "the last moment lasts until the snapshot" holds \
	'd["pressure"]["levels"][0]["ms"] == 1250.0'
report "$levels
d['timeline'][2]['time_ns'] = 1" --json
check "a clock that jumps back stands" holds \
	'd["timeline"]["us"] == [0, 250000, 250000, 750000]'
report "$levels"
check "the same in text" section PRESSURE \
	'^from 250.0 ms to 750.0 ms, up to high: 4.0 MiB of 9.0 MiB given back$'

report "$health" --json
check "health: the schema describes it" fits_schema
check "each term" holds 'd["health"]["score"] == 0.776 and
	[t["penalty"] for t in d["health"]["terms"]] == [0.2, 0.024]'
check "a term that nobody knows" holds 'd["health"]["unknown"] == ["leak"]'
check "advice, the most urgent first" holds \
	'[a["id"] for a in d["advice"]] == ["large", "small"]'
report "$cells" --json
check "the picture of the spans" holds \
	'd["memory"]["nodes"][0]["fill"] == "888841100"'

report 'd["timeline"] = [dict(d["timeline"][i % 4], time_ns=i)
	for i in range(5000)]' --json
check "of many moments some are taken: the schema" fits_schema
check "and at most 2048" holds '1024 < len(d["timeline"]["us"]) <= 2048'

# --- text -----------------------------------------------------------------------

run report "$before"
check "text" passed
check "no line is too wide" narrow
check "no health, and it says so" section HEALTH '^not recorded: '
check "no advice, and it says so" section ADVICE '^not recorded: '
check "live bytes" section MEMORY '^live +12.5 MiB  in 221 blocks'
check "the leak" section LEAKS '^site 3: metrics.py:41:update$'
run report - <"$before"
report "$health$cells"
check "with health" passed
check "long advice is broken into lines" narrow
check "the score" section HEALTH '^0.78 of 1, moderate$'
check "its terms" section HEALTH '^pressure +0.50 +0.40 +0.200$'
check "the one that is not known" section HEALTH '^not known, .*: leak$'
check "the first advice" section ADVICE '^1. large \(severity 0.90\)$'
check "its command" section ADVICE '^   > tmemctl pool set 0 64$'
check "a character for each span" section MEMORY '^  ####\+::\.\.$'
report "$health
d['advice'] = []"
check "nothing to do" section ADVICE '^none: '
report 'd["steps"]["count"] = 0
for s in d["sites"]: s["leak"]["leaking"] = False'
check "without steps nothing is said of leaks" section LEAKS \
	'^nothing can be said'
report 'd["timeline"] = []; d["sites"] = []; d["tags"] = []'
check "an empty snapshot" section PRESSURE '^not recorded'
report 'd["timeline"] = []; d["sites"] = []; d["tags"] = []' --json
check "the same as JSON" fits_schema
status=0
"$tmemctl" report --no-symbols - <"$before" >"$work/out" 2>"$work/err" ||
	status=$?
check "from standard input" passed

# --- names ----------------------------------------------------------------------

# shellcheck disable=SC2016 # for Python
hostile='x = "</script><script>attacked=1</script><img src=x onerror=attacked=1>"
x += "\"\x27`${attacked=1}&lt;\\u003c<!--\x1b[31m\x07\x7f\x80\u202e\u2028\u2029]]>\ufeff"
for t in d["tags"]: t["name"] = x
for s in d["sites"]: s["label"] = x
for m in d["modules"]: m["path"] = "/" + x
for t in d["tiers"]: t["name"] = x
for s in d["sites"]: s["pattern"] = x
d["exe"] = "/" + x; d["steps"]["last"] = x; d["library"] = x
d["analytics"]["mode"] = x
d["health"]["band"] = x
for t in d["health"]["terms"]: t["name"] = x
for a in d["advice"]: a.update(id=x, text=x, command=x)
'

# no_controls - stdout has none that a terminal obeys.
no_controls() {
	passed && ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' \
		"$work/out"
}

# page_holds PYTHON - true of the page on stdout: scripts, their texts by id,
# and tags, how many of each; d is the figures.
page_holds() {
	"$python" -c '
import collections, html.parser, json, sys
class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.scripts, self.at = collections.Counter(), {}, None
        self.links = []
    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.at = dict(attrs).get("id", "") if tag == "script" else None
        self.links += [v for k, v in attrs if k in ("src", "href", "action")]
    def handle_endtag(self, tag):
        self.at = None
    def handle_data(self, data):
        if self.at is not None:
            self.scripts[self.at] = self.scripts.get(self.at, "") + data
page = Page()
text = open(sys.argv[2], encoding="utf-8").read()
page.feed(text)
d = json.loads(page.scripts["report"])
tags, scripts, links = page.tags, page.scripts, page.links
sys.exit(not eval("(" + sys.argv[1] + ")"))' "$1" "$work/out"
}

report "$health$hostile"
check "hostile names: nothing in the text that a terminal obeys" no_controls
report "$health$hostile" --json
check "in JSON" fits_schema
check "they are what they were" holds \
	'"</script><script>attacked=1" in d["advice"][0]["text"] and
	"\u2028" in d["health"]["band"]'
cp "$work/out" "$work/hostile.json"
report "$health$hostile" --html
check "in the page: no element came of them" page_holds \
	'tags["script"] == 2 and tags["img"] == 0'
check "no markup beside the figures" page_holds \
	'"<" not in scripts["report"] and "&" not in scripts["report"]'
check "and they are still what they were" page_holds \
	'd == json.load(open(sys.argv[2][:-3] + "hostile.json"))'
check "the page asks for nothing" page_holds \
	'set(links) <= {"data:,", "#time"} and "http://" not in
		text.replace("http://www.w3.org/2000/svg", "") and
		"https://" not in text and "url(" not in text'
check "its policy allows its own script" page_holds \
	'"script-src \x27sha256-" + __import__("base64").b64encode(__import__(
		"hashlib").sha256(scripts[""].encode()).digest()).decode() in text'
check "and no other" page_holds \
	'"default-src \x27none\x27" in text and
	"unsafe-inline" not in text.split("script-src")[1].split(";")[0]'
report 'd["sites"][0]["label"] = "\u00e9" * 400' --json
check "a name cut in the middle of a character" fits_schema

# --- what is not sound ------------------------------------------------------------

# bad TEXT REGEX PYTHON - with health, so changed, it is refused.
bad() {
	report "$health$cells
$3" --html
	check "$1" complained 1 "^tmemctl: the snapshot: $2"
}

bad "a score above 1" 'health.score is not from 0 to 1: 1.5' \
	'd["health"]["score"] = 1.5'
bad "a score that is no number" 'health.score is no number' \
	'd["health"]["score"] = float("nan")'
bad "no score" 'health.score is missing' 'd["health"]["score"] = None'
bad "health that is none" 'health is missing' 'd["health"] = None'
bad "terms that are none" 'health.terms is no array' \
	'd["health"]["terms"] = 3'
bad "a term without a name" 'health.terms\[1\].name is missing' \
	'del d["health"]["terms"][1]["name"]'
bad "a number that is not known" 'health.unknown\[0\] is no text' \
	'd["health"]["unknown"] = [1]'
bad "too many terms" 'health.terms is absurd' \
	'd["health"]["terms"] *= 40'
bad "advice that is a text" 'advice is no array' 'd["advice"] = "x"'
bad "a severity below 0" 'advice\[0\].severity is not from 0 to 1' \
	'd["advice"][0]["severity"] = -0.1'
bad "no command" 'advice\[1\].command is missing' \
	'del d["advice"][1]["command"]'
bad "a picture in letters" 'heap.fragmentation.nodes\[0\].fill is no picture' \
	'd["heap"]["fragmentation"]["nodes"][0]["fill"] = "<b>"'
bad "one that is too large" 'heap.fragmentation.nodes\[0\].fill is no picture' \
	'd["heap"]["fragmentation"]["nodes"][0]["fill"] = "0" * 2049'
bad "cells of no span" 'heap.fragmentation.nodes\[0\].fill is no picture' \
	'd["heap"]["fragmentation"]["nodes"][0]["spans_per_cell"] = 0'
bad "no held bytes" 'heap.held_bytes is missing' \
	'del d["heap"]["held_bytes"]'
bad "absurd spans" 'heap.spans_idle is absurd' \
	'd["heap"]["spans_idle"] = 2**60'

# One value replaced by another, anywhere.
damage='
odd = [0, 1, -1, 2**31, 2**62, 1e18, 0.5, None, True, "", "x", [], {}, [[]],
	"0x0", "</script>", "9" * 3000]
def mutate(r, data):
	d, places = json.loads(data), []
	def walk(x):
		for k in (x if isinstance(x, dict) else range(len(x))):
			places.append((x, k))
			if isinstance(x[k], (dict, list)):
				walk(x[k])
	for part in ("health", "advice", "heap", "timeline", "counts"):
		walk(d[part])
	x, k = r.choice(places)
	if r.random() < 0.2:
		del x[k]
	else:
		x[k] = r.choice(odd)
	return json.dumps(d).encode()
'

damaged() {
	local i sound=0 kinds=("--json" "--html" "--top=3")
	edit "$health$cells$levels" "$work/whole.json"
	for ((i = 0; ; i++)); do
		more_rounds $i 80 || break
		mutant $i "$damage" "$work/whole.json"
		snapshot report "${kinds[(seed + i) % 3]}" "$work/mutant"
		if [[ $status -eq 0 ]] && passed; then
			sound=$((sound + 1))
		elif ! complained 1 '^tmemctl: '; then
			echo "# TMEM_SEED=$((seed + i)) TMEM_MUTANTS=1"
			return 1
		fi
	done
	echo "# $i mutants, $sound of them still sound"
}

check "damaged snapshots" damaged

# --- usage ------------------------------------------------------------------------

run report --help
check "--help" printed '^Usage: tmemctl report '
run report
check "no snapshot" complained 64 'which snapshot\?'
run report --html --json "$before"
check "two kinds" complained 64 'either --json or --html, not both'
run report -o "$work/file" "$before"
check "text into a file" complained 64 '\-\-output goes with --html or --json'
run report --top 0 "$before"
check "no site" complained 64 "--top: '0' is no number from 1 to 1000"
run report "$work/none"
check "a file that is not there" complained 1 'none: No such file'
for kind in html json; do
	snapshot report "--$kind" "$before"
	cp "$work/out" "$work/expected"
	snapshot report "--$kind" -o "$work/file" "$before"
	check "$kind into a file" cmp "$work/expected" "$work/file"
done
snapshot report --html -o /dev/full "$before"
check "a full disk" complained 1 \
	'^tmemctl: cannot write /dev/full: No space left on device$'

# --- a whole run --------------------------------------------------------------------

run replay --backend anon --quiet --touch none --snapshot "$work/gpt.json" \
	"$here/tools/traces/c_gpt.trace.zst"
snapshot report --json "$work/gpt.json"
check "GPT: the schema describes it" fits_schema
check "a cell for each span" holds \
	'all(len(n["fill"]) == n["spans_busy"] + n["spans_idle"] and
		n["fill"].count("0") == n["spans_idle"] and
		sum(8 - int(c) for c in n["fill"] if c != "0") << 18 <=
			n["free_bytes"] <=
		sum(9 - int(c) for c in n["fill"] if c != "0") << 18
		for n in d["memory"]["nodes"])'
check "60 steps, and no leak" holds \
	'd["program"]["steps"] == 60 and d["leaks"] == []'
snapshot report "$work/gpt.json"
check "in text" narrow

# --- a program that runs ------------------------------------------------------------

make_trace 1 20000 "$work/trace"
# shellcheck disable=SC2119 # no command goes before it
serve
clocked report --no-symbols --json --pid "$pid"
check "of a running program: the schema describes it" fits_schema
check "it is that program" holds "d['program']['pid'] == $pid"
clocked report --no-symbols --html --pid "$pid"
check "its page" page_holds 'd["memory"]["allocs"] > 0'

finish
