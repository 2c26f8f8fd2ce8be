#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# snapshot.sh - a replay writes a snapshot that its schema describes, whose
# figures are the trace's, which names the leak in a trace that has one and
# nothing in one that has none; and says it when it cannot be written.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

if ! command -v python3 >/dev/null; then
	echo "1..0 # SKIP no python3 to read JSON with"
	exit 0
fi
schema=$here/Documentation/schema/snapshot.schema.json
snapshot=$work/snapshot.json

# snap ARG... - a replay that writes one.
snap() {
	run replay --backend anon --quiet --touch none --snapshot "$snapshot" "$@"
}

fits_schema() {
	equal "$status" 0 &&
		python3 "$here/selftests/tool/schema.py" "$schema" "$snapshot"
}

# says EXPRESSION - true of the snapshot d.
says() {
	python3 - "$snapshot" "$1" <<-'END'
		import json, sys
		d = json.load(open(sys.argv[1]))
		S = d["sites"]
		leaks = [s["label"] for s in S if s["leak"]["leaking"]]
		def site(label):
		    return next(s for s in S if s["label"] == label)
		def total(name):
		    return sum(s[name] for s in S)
		def error():
		    return sum(s["error_bytes"] ** 2 for s in S) ** 0.5
		sys.exit(not eval("(" + sys.argv[2] + ")"))
	END
}

trace=$work/three.trace
make_trace 3 3000 "$trace"
snap "$trace"
check "threads: the schema describes it" fits_schema
check "its health is what the terms leave" says \
	'abs(max(0, 1 - sum(t["penalty"] for t in d["health"]["terms"])) -
		d["health"]["score"]) < 1e-5'
check "each takes off its value times its weight" says \
	'all(abs(t["value"] * t["weight"] - t["penalty"]) < 1e-5
		for t in d["health"]["terms"])'
check "advice is ranked" says \
	'[a["severity"] for a in d["advice"]] ==
		sorted((a["severity"] for a in d["advice"]), reverse=True)'
check "every block is recorded" says 'd["analytics"]["mode"] == "all"'
check "sites add up to the exact counts" says \
	'all(total(n) == d["counts"][n] for n in ("allocs", "frees",
		"live_bytes", "live_blocks", "alloc_bytes", "free_bytes"))'
check "so do tiers" says \
	'all(sum(t[n] for t in d["tiers"]) == d["counts"][n]
		for n in ("allocs", "frees", "live_bytes", "live_blocks"))'

# A leak, a list that is emptied each 40 steps, a buffer of 64 blocks, and one
# block for ever, all from the same addresses.
awk 'function take(site) {
	print "a", n, 40000, 64, 0, ++t, site
	return n++
}
function drop(block) { print "f", block, 0, ++t; frees++ }
BEGIN {
	print "# memtrace 1"
	split("leak list buffer ever", name, " ")
	for (i = 1; i <= 4; i++)
		print "s", i, "a.so+0x10;b.so+0x20 -", name[i] ".py:1:f", \
			name[i] ".py:1:f"
	n = 0; t = 0; frees = 0
	take(4)
	for (step = 0; step < 400; step++) {
		print "m 0", ++t, "step", step
		take(1)
		list[held++] = take(2)
		if (held == 40)
			while (held)
				drop(list[--held])
		if (step >= 64)
			drop(ring[step % 64])
		ring[step % 64] = take(3)
	}
	print "# end allocs=" n, "frees=" frees, "sites=4 threads=1"
}' >"$work/leak.trace"
snap "$work/leak.trace"
check "a leak: the schema describes it" fits_schema
check "it is named, and nothing else" says 'leaks == ["leak.py:1:f"]'
check "it has its pattern" says 'site("leak.py:1:f")["pattern"] == "leaked"'
check "it is advised against" says 'any(a["id"] == "leak" and
	"leak.py:1:f" in a["text"] for a in d["advice"])'
check "the list is cyclic" says 'site("list.py:1:f")["pattern"] == "cyclic"'
check "the steps were counted" says \
	'd["steps"] == {"count": 400, "last": "step 399"}'
check "frames are those of the trace" says \
	'S[0]["frames"] == ["0x10000000010", "0x20000000020"]'
snap --sites native "$work/leak.trace"
check "by addresses alone they are one site" says 'len(S) == 1'
snap --sites none "$work/leak.trace"
check "by its own stack the replay has few sites" says '1 <= len(S) < 4'

gpt=$here/tools/traces/c_gpt.trace.zst
export TMEM_ANALYTICS=on
snap "$gpt"
check "GPT, sampled: the schema describes it" fits_schema
check "it does not leak" says 'leaks == []'
check "and nobody says so" says 'not any(a["id"] == "leak" for a in d["advice"])'
check "live bytes are within six standard errors" says \
	'abs(total("live_bytes") - d["counts"]["live_bytes"]) <= 6 * error()'
check "the tables take less than 1 % of the peak" says \
	'd["analytics"]["metadata_bytes"] <
		0.01 * d["counts"]["peak_live_bytes"]'
unset TMEM_ANALYTICS

run replay --backend anon --quiet --snapshot /dev/full "$trace"
check "a full disk is an error" \
	complained 1 '/dev/full: No space left on device$'
run replay --backend anon --quiet --snapshot "$work/none/x" "$trace"
check "so is a folder that is not there" \
	complained 1 'none/x: No such file or directory$'
run replay --backend malloc --snapshot "$snapshot" "$trace"
check "malloc has none" complained 64 'malloc has none of these '
run replay --sites some "$trace"
check "a word that is no choice" complained 64 "'some' is not full, native"

finish
