#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# exports.sh - each export is read by who it is for, or by a checker of its
# format, and the totals there are those of the snapshot.
#
# google-pprof and Prometheus' parser are asked if they are there
# (tools/build/packages.sh installs them), torch too.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=data/edit.sh
source "$(dirname "$0")/data/edit.sh"

edited=$work/edited.json
live=13081600 # of before.json
allocated=83319808

# read_by PROGRAM - Python that gets the export's text, as bytes "b", and the
# snapshot as "d"; what it asserts holds.
read_by() {
	"$python" -c 'import json, sys
b = open(sys.argv[2], "rb").read()
d = json.load(open(sys.argv[3]))
exec(sys.argv[1])' "$1" "$work/out" "${2:-$before}" 2>"$work/python" || {
		sed 's/^/# /' "$work/python" | tail -n 4
		return 1
	}
}

# Odd names everywhere: quotes, separators, what a terminal obeys, UTF-8.
edit 'odd = "a;b \"c\" \\ d--e\n0 9\u001b[2J \u00e9 # {x=1} 5"
d["exe"] = odd
for t in d["tags"]: t["name"] = odd + str(t["id"])
for s in d["sites"][:4]: s["label"] = odd
for m in d["modules"]: m["path"] = "/" + odd
for t in d["tiers"]: t["name"] += odd' "$work/odd.json"
# Nothing in it.
edit 'd["sites"] = []; d["timeline"] = []; del d["records"]' "$work/none.json"

echo "TAP version 13"

# --- JSON ---------------------------------------------------------------------

snapshot snapshot "$before"
check "json is what came in" cmp "$before" "$work/out"

# --- collapsed stacks ---------------------------------------------------------

# The grammar of flamegraph.pl: what stands before the last blank is a stack.
collapsed='import re
total = 0
for line in b.decode().splitlines():
	m = re.fullmatch(r"([^;\x00-\x1f]+(?:;[^;\x00-\x1f]+)*) (\d+)", line)
	assert m, line
	total += int(m[2])
'
snapshot snapshot -f collapsed "$before"
check "collapsed passes" passed
check "live bytes add up" read_by "$collapsed"'assert total == '$live
check "frames stand from the outermost on" printed \
	'^layer1;train\+0x1100;libmodel\.so\+0x3030;libmodel\.so\+0x1010 2621440$'
check "the label is the innermost" printed ';metrics\.py:41:update 8192000$'
snapshot snapshot -f collapsed --by bytes "$before"
check "bytes allocated add up" \
	read_by "$collapsed"'assert total == '$allocated
snapshot snapshot -f collapsed --by count "$before"
check "counts add up" read_by "$collapsed"'assert total == 5147'
snapshot snapshot -f collapsed "$work/odd.json"
check "odd names break no line" read_by "$collapsed"'assert total == '$live
snapshot snapshot -f collapsed "$work/none.json"
check "without sites it is empty" read_by 'assert b == b""'

# --- pprof --------------------------------------------------------------------

# pprof [OPTION | PROGRAM]... - google-pprof reads the export; its table is in
# $work/table.
pprof() {
	cp "$work/out" "$work/heap.pprof"
	google-pprof --text --show_bytes "$@" "$work/heap.pprof" \
		>"$work/table" 2>"$work/pprof.err" ||
		sed 's/^/# google-pprof: /' "$work/pprof.err"
}

table() {
	grep -qE -- "$1" "$work/table"
}

snapshot snapshot -f pprof "$before"
check "pprof, addresses only, passes" passed
check "it begins as gperftools' does" \
	read_by 'assert b.startswith(b"heap profile: 221: 13081600 [5147: 83319808] @ heapprofile\n")'
check "and says what was mapped" printed \
	'^7f0000000000-7f0000100000 r-xp 00000000 00:00 0 /opt/.*/libmodel\.so$'
if command -v google-pprof >/dev/null; then
	pprof "$tmemctl"
	check "google-pprof reads it" table "^Total: $live B$"
	run snapshot -f pprof "$before"
	pprof
	check "and with symbols" table "^Total: $live B$"
	check "with a line for a label" \
		table '^ *8192000 .* metrics\.py:41:update$'
	check "and for a tag" table ' 2621440 .* layer1$'
	check "each figure once" equal "$(awk 'NR > 1 { sum += $1 }
		END { print sum }' "$work/table")" "$live"
	pprof --alloc_space
	check "bytes allocated" table "^Total: $allocated B$"
	pprof --inuse_objects
	check "live blocks" table "^Total: 221 objects$"
	pprof --alloc_objects
	check "blocks allocated" table "^Total: 5147 objects$"
	run snapshot -f pprof "$work/odd.json"
	pprof
	check "odd names" table "^Total: $live B$"
	run snapshot -f pprof "$work/none.json"
	check "nothing" equal "$(pprof)" ""
else
	skip "google-pprof reads it" "no google-pprof"
fi

# --- PyTorch's memory_viz -----------------------------------------------------

# What torch.cuda.memory._snapshot() promises, and its viewer relies on.
memviz='import pickle, pickletools
assert all(op.name not in ("GLOBAL", "REDUCE", "BUILD", "INST", "OBJ", "NEWOBJ")
	for op, _, _ in pickletools.genops(b))
v = pickle.loads(b)
assert set(v) == {"segments", "device_traces"}
def frames(f):
	assert type(f) is list
	for x in f:
		assert type(x["name"]) is str and type(x["filename"]) is str
		assert type(x["line"]) is int and x["line"] >= 0
end = active = 0
owner = {}
for s in v["segments"]:
	assert s["address"] >= end, "segments overlap"
	assert s["device"] == 0 and s["stream"] == 0
	assert s["segment_type"] in ("small", "large")
	assert list(s["segment_pool_id"]) == [0, 0]
	assert s["is_expandable"] is False
	frames(s["frames"])
	at = s["address"]
	for x in s["blocks"]:
		assert x["address"] == at and x["size"] > 0
		assert x["state"] in ("active_allocated", "inactive")
		at += x["size"]
		frames(x["frames"])
		if x["state"] == "inactive":
			continue
		assert x["requested_size"] <= x["size"]
		active += x["requested_size"]
		owner[x["address"]] = (x["size"], x["frames"])
	end = s["address"] + s["total_size"]
	assert at == end
	mine = sum(x["size"] for x in s["blocks"]
		if x["state"] == "active_allocated")
	assert s["allocated_size"] == s["active_size"] == mine
	assert s["requested_size"] == mine
assert end < 2**53, "JavaScript has no such numbers"
traces = v["device_traces"]
assert len(traces) == 1
time = 0
for t in traces[0]:
	assert t["action"] == "alloc" and t["stream"] == 0
	assert owner[t["addr"]] == (t["size"], t["frames"])
	assert t["time_us"] >= time
	time = t["time_us"]
'
snapshot snapshot -f memviz "$before"
check "memviz passes" passed
check "Python reads it, and it is as it should be" read_by "$memviz"
check "live bytes add up" read_by "$memviz"'assert active == '$live
check "each record is a block" read_by "$memviz"'
for r in d["records"]:
	assert owner[int(r["address"], 16)][0] == r["bytes"]
assert len(traces[0]) == len(d["records"])'
check "labels and tags are frames" read_by "$memviz"'
assert any([f["name"] for f in x[1]] == ["metrics.py:41:update",
	"libmodel.so+0x1010", "libmodel.so+0x2020", "train+0x1100",
	d["tags"][2]["name"]] for x in owner.values())'
edit 'del d["records"]'
snapshot snapshot -f memviz "$edited"
check "without records a site is a block" read_by "$memviz"'
assert active == '$live'
assert len(v["segments"]) == 5 and not traces[0]'
edit 'import random
r = d["records"]
random.Random(1).shuffle(r)
r += [dict(r[0], bytes=4096), dict(r[1], bytes=0), dict(r[2], site=999,
	address="0x7e1000000000"), dict(r[3], address="0x7e2000000000",
	bytes=5 << 30)]'
snapshot snapshot -f memviz "$edited"
check "records that overlap, empty ones, and of no known site" passed
check "do no harm" read_by "${memviz%%traces = *}"
snapshot snapshot -f memviz "$work/odd.json"
check "odd names" read_by "$memviz"'assert active == '$live
snapshot snapshot -f memviz "$work/none.json"
check "nothing" read_by "$memviz"'assert v["segments"] == []'
snapshot snapshot -f memviz "$before"
torch='import pickle, torch.cuda._memory_viz as viz
v = pickle.loads(b)
viz.segsum(v); viz.trace(v)
viz.memory(v, format_flamegraph=lambda text: text)'
if "$python" -c 'import sys, torch
sys.exit(int(torch.__version__.split(".")[0]) < 2)' 2>/dev/null; then
	check "torch reads it" read_by "$torch"
else
	skip "torch reads it" "no torch 2 or later"
fi

# --- Chrome trace -------------------------------------------------------------

chrome='def once(pairs):
	assert len(dict(pairs)) == len(pairs), "a name that is there twice"
	return dict(pairs)
t = json.loads(b, object_pairs_hook=once)
counters = {}
for e in t["traceEvents"]:
	assert type(e["name"]) is str and type(e["pid"]) is int
	assert e["ph"] in "MCi" and type(e["ts"]) in (int, float)
	if e["ph"] == "C":
		assert e["args"]
		assert all(type(x) in (int, float) for x in e["args"].values())
		counters.setdefault(e["name"], []).append(e)
'
snapshot snapshot -f chrome "$before"
check "chrome passes" passed
check "it has what a counter must have" read_by "$chrome"
check "at the moments of the timeline" read_by "$chrome"'
assert [round(e["ts"] * 1000) for e in counters["memory"]] == \
	[m["time_ns"] for m in d["timeline"]]
assert [e["args"]["live"] for e in counters["memory"]] == \
	[m["live_bytes"] for m in d["timeline"]]'
check "tiers and sites add up to the moment" read_by "$chrome"'
assert [sum(e["args"].values()) for e in counters["live bytes by tier"]] == \
	[m["live_bytes"] for m in d["timeline"]]
assert counters["live bytes by site"][3]["args"]["metrics.py:41:update #3"] == \
	'$live' // 2'
check "so do nodes, where they are known" read_by "$chrome"'
assert [sum(e["args"].values()) for e in counters["live bytes by node"]] == \
	[m["live_bytes"] for m in d["timeline"][2:]]
assert counters["live bytes by node"][0]["args"]["node 0"] == 1000'
check "steps are marked" read_by "$chrome"'
assert [e["args"]["step"] for e in t["traceEvents"] if e["ph"] == "i"] == \
	[25, 50, 75, 100]'
snapshot snapshot -f chrome "$work/odd.json"
check "odd names" read_by "$chrome"
snapshot snapshot -f chrome "$work/none.json"
check "nothing" read_by "$chrome"'assert not counters'

# --- OpenMetrics --------------------------------------------------------------

metrics='from prometheus_client.openmetrics.parser import \
	text_string_to_metric_families as parse
m = {f.name: f for f in parse(b.decode())}
one = lambda name: m[name].samples[0].value
'
snapshot snapshot -f openmetrics "$before"
check "openmetrics passes" passed
check "it ends as it must" read_by 'assert b.endswith(b"\n# EOF\n")'
if "$python" -c 'import prometheus_client.openmetrics' 2>/dev/null; then
	check "Prometheus' parser reads it" read_by "$metrics"
	check "with the figures" read_by "$metrics"'
assert one("tmem_live_bytes") == '$live'
assert one("tmem_alloc_bytes") == '$allocated'
assert m["tmem_allocs"].type == "counter" and one("tmem_allocs") == 5147
assert sum(s.value for s in m["tmem_tier_live_bytes"].samples) == '$live'
assert sum(s.value for s in m["tmem_site_live_bytes"].samples) == '$live'
assert one("tmem_snapshot_timestamp_seconds") == d["wall_ns"] / 1e9
assert one("tmem_heap_held_bytes") == d["heap"]["held_bytes"]
assert [s.labels["site"] for s in m["tmem_site_leaking"].samples
	if s.value] == ["3"]'
	snapshot snapshot -f openmetrics "$work/odd.json"
	check "odd names" read_by "$metrics"'
assert one("tmem_process") == 1'
	edit 'd["heap"] = {"a_total": 1, "b_info": 2, "UPPER": 3, "x y": 4,
	"sum": 1.5, "n": -1, "text": "z", "": 5, "good": 18446744073709551615}
import copy
d["sites"] = [dict(copy.deepcopy(d["sites"][0]), id=i) for i in range(1, 300)]'
	snapshot snapshot -f openmetrics "$edited"
	check "names that mean something else, and many sites" \
		read_by "$metrics"'
assert [n for n in m if n.startswith("tmem_heap_")] == ["tmem_heap_good"]
assert len(m["tmem_site_live_bytes"].samples) == 100'
	snapshot snapshot -f openmetrics "$work/none.json"
	check "nothing" read_by "$metrics"'
assert m["tmem_site_live_bytes"].samples == []'
else
	skip "Prometheus' parser reads it" "no python3-prometheus-client"
fi

finish
