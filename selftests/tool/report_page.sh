#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# report_page.sh - the report's page in a browser: it draws without an error and
# without a request, its figures are those of --json, it fits a telephone and a
# large screen, in light and dark, the keyboard reaches what the pointer does,
# and names that are markup are shown as they are.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=data/edit.sh
source "$(dirname "$0")/data/edit.sh"

chromium=$(command -v chromium || command -v chromium-browser || true)
if [[ -z $chromium ]]; then
	echo "1..0 # SKIP no chromium to open the page with"
	exit 0
fi

# look NAME PYTHON [FROM] - the page of that snapshot, so changed, in the browser.
look() {
	edit "$2" "$work/edited.json" "${3:-$before}"
	run report --no-symbols --json "$work/edited.json"
	cp "$work/out" "$work/$1.json"
	run report --no-symbols --html -o "$work/$1.html" "$work/edited.json"
	limited "$python" "$here/selftests/tool/report_page.py" \
		"$chromium" "$work/$1.html" "$work/$1.facts" \
		>"$work/out" 2>"$work/err" || status=$?
}

# shows NAME PYTHON - true of the facts f and the report d.
shows() {
	[[ -s $work/$1.facts ]] && "$python" \
		"$here/selftests/tool/report_check.py" "$work/$1.facts" \
		"$work/$1.json" "$2"
}

# What holds of every page.
always() {
	check "$1: it is drawn" shows "$1" 'f["drawn"]'
	check "$1: no error" shows "$1" 'f["errors"] == [] or print("#", f["errors"])'
	check "$1: it asks for nothing but itself" shows "$1" \
		'len(f["requests"]) == 1 and f["requests"][0].startswith("file:///")'
	check "$1: each figure is the JSON's" shows "$1" \
		'len(f["figures"]) > 30 and wrong() == []'
	check "$1: no scrolling sideways, wide or narrow" shows "$1" \
		'not f["too_wide_400"] and not f["too_wide_1400"]'
	check "$1: all text stands out from what is behind it" shows "$1" \
		'(lambda faint: faint == [] or print("#", faint))
		(sum((v for k, v in f.items() if k.startswith("faint_")), []))'
	check "$1: each picture has a title" shows "$1" 'f["unnamed"] == 0'
	check "$1: drawn again, it is the same" shows "$1" \
		'f["again"]["figures"] == f["figures"] and
			f["again"]["elements"] == f["elements"]'
}

echo "TAP version 13"

full='d["health"] = {"score": 0.776, "band": "moderate", "terms": [
	{"name": "pressure", "value": 0.5, "weight": 0.4, "penalty": 0.2},
	{"name": "a term with a long name", "value": 0.08, "weight": 0.3,
		"penalty": 0.024}]}
d["advice"] = [{"id": "small", "severity": 0.1, "text": "Do little.",
	"command": ""}, {"id": "large", "severity": 0.9, "text": "Do more.",
	"command": "tmemctl pool set 0 64"}]
for m, level in zip(d["timeline"], (0, 1, 2, 0)): m["level"] = level
d["heap"]["fragmentation"]["nodes"][0].update(
	{"spans_per_cell": 1, "fill": "888841100"})
d["heap"]["fragmentation"]["nodes"].append({"node": 1, "external": 0,
	"spans_busy": 3000, "spans_idle": 0, "free_bytes": 0,
	"spans_per_cell": 2, "fill": "8" * 1500})
'
look full "$full"
always full
check "light and dark differ, at each width" shows full \
	'len(set(f["shots"].values())) == 4'
check "a cell for each span" shows full \
	'f["cells"] == "".join(n["fill"] for n in d["memory"]["nodes"])'
check "a piece of the band for each change of the level" shows full \
	'f["levels"] == d["pressure"]["changes"] + 1'
check "an area for each tier in use, each site, and all others" shows full \
	'f["areas"] == len(d["timeline"]["sites"]) + 1 +
		sum(any(t) for t in d["timeline"]["tiers"])'
check "a bar for each bucket of lifetimes" shows full \
	'f["lives"] == len(d["lifetimes"])'
check "the most urgent advice first" shows full \
	'["large" in f["advice"][0], "small" in f["advice"][1]] == [True] * 2'
check "its command" shows full 'f["commands"] == ["tmemctl pool set 0 64"]'
check "sites by live bytes" shows full '(lambda at:
	f["titles"] == [at[i]["at"] for i in d["top"]["live"] if at[i]["live_bytes"]])
	({s["site"]: s for s in d["sites"]})'
check "a button orders them by bytes allocated" shows full '(lambda at:
	f["by_bytes"] == [at[i]["at"] for i in d["top"]["bytes"]])
	({s["site"]: s for s in d["sites"]})'
check "the keyboard goes through the moments" shows full \
	'f["moment"].startswith("250") and "medium" in f["moment"]'
check "the leak" shows full 'f["leaks"] == len(d["leaks"]) == 1'
check "its name" shows full 'f["heading"] == d["program"]["exe"].split("/")[-1]'

look empty 'd["timeline"] = []; d["sites"] = []; d["tags"] = []
d["heap"]["fragmentation"]["nodes"] = []; d["exe"] = ""
for key in d["counts"]: d["counts"][key] = 0'
always empty
check "it says what it has not" shows empty \
	'f["text"].count("ot recorded") >= 3 and "No node holds" in f["text"]'

# shellcheck disable=SC2016 # for Python
look hostile "$full"'x = "</script><script>attacked=1</script>"
x += "<img src=x onerror=attacked=1>\"\x27`${attacked=1}&lt;<!--\u202e"
for t in d["tags"]: t["name"] = x
for s in d["sites"]: s["label"] = x; s["pattern"] = x
for t in d["tiers"]: t["name"] = x
d["exe"] = "/bin/" + x.replace("/", "|"); d["library"] = x
d["health"]["band"] = x; d["health"]["terms"][0]["name"] = x * 20
for a in d["advice"]: a.update(id=x, text=x * 9, command=x)'
always hostile
check "nothing that a name says was run" shows hostile \
	'not f["attacked"] and f["scripts"] == 2'
check "it is shown as it is" shows hostile \
	'f["commands"][0] == d["advice"][0]["command"] and
		f["heading"] in d["program"]["exe"]'
finish
