#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# hotspots.sh - the call sites with the most, by each of the four orders, as
# text and JSON.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=data/edit.sh
source "$(dirname "$0")/data/edit.sh"

edited=$work/edited.json

# The sites, from the top.
sites() {
	awk '$1 ~ /^[0-9]+$/ && $2 ~ /^[0-9.]+$/ { print $1 }' "$work/out" |
		xargs
}

row() {
	grep -E -- "^ +$1 " "$work/out" | grep -qE -- "$2"
}

echo "TAP version 13"

snapshot hotspots "$before"
check "by bytes allocated" equal "$status $(sites)" "0 2 3 5 4 1 6"
check "said so" printed '^6 of 6 sites, by bytes$'
check "with their share" row 2 ' 78\.7 % +62\.5 MiB +4,000 +160\.0 KiB '
check "with what came and went" row 2 ' 62\.3 MiB +~1\.45 ms '
check "with pattern and tag" row 2 ' short-lived +loss +libmodel\.so\+0x1010$'
check "a site without tag and lifetimes" row 6 ' - +medium-lived +- +other$'
snapshot hotspots --by count "$before"
check "by count" equal "$(sites)" "2 5 3 4 1 6"
snapshot hotspots --by live "$before"
check "by live bytes; what has none is left out" \
	equal "$(sites)" "3 1 4 2 6"
snapshot hotspots --by churn "$before"
check "by churn" equal "$(sites)" "2 5 4"
snapshot hotspots --by churn --top 2 "$before"
check "the top two" equal "$(sites)" "2 5"
check "of how many" printed '^2 of 6 sites, by churn$'

edit 'd["sites"] = d["sites"][:1] * 0; d["timeline"] = []; d["records"] = []'
snapshot hotspots "$edited"
check "no sites at all" printed '^0 of 0 sites, by bytes$'

edit 'import copy
d["sites"] = [dict(copy.deepcopy(d["sites"][0]), id=i, alloc_bytes=i)
	for i in range(1, 20001)]'
snapshot hotspots "$edited"
check "20000 sites: ten by default" \
	equal "$(sites)" "$(seq 20000 -1 19991 | xargs)"

# As large as the library makes them by default.
edit 'import copy, random
r = random.Random(1)
d["sites"] = [dict(copy.deepcopy(d["sites"][0]), id=i, frames=
	["0x%x" % (0x7f0000001000 + r.randrange(0x80000)) for _ in range(16)])
	for i in range(1, 5001)]
d["records"] = [dict(d["records"][0], address=hex(0x7e0000000000 + i * 4096),
	bytes=4096, site=r.randrange(1, 5001)) for i in range(131072)]'
snapshot hotspots "$edited"
check "131072 records and 5000 sites of 16 frames" \
	printed '^10 of 5,000 sites, by bytes$'

long='/usr/lib/python3/dist-packages/torch/nn/functional.py:2059:linear'
edit 'd["sites"][1]["label"] = "'$long'"'
snapshot hotspots "$edited"
check "of a long name the end is shown" row 2 '\.\.\..*functional\.py:2059:linear$'

snapshot hotspots --json --by live "$before"
check "--json passes" passed
check_json "--json prints one JSON object"
check "in order" holds '[h["site"] for h in d["hotspots"]] == [3, 1, 4, 2, 6]'
check "with shares of the whole" \
	holds 'abs(sum(h["share"] for h in d["hotspots"]) - 1) < 0.01'
check "and lifetimes" holds \
	'd["hotspots"][3]["lifetimes"][9:12] == [1000, 2500, 490]'
check "and churn" holds 'd["hotspots"][2]["churn_bytes"] == 36 * 32768'

run hotspots --by size "$before"
check "an unknown order" complained 64 "^tmemctl: --by: 'size' is not bytes"
for n in 0 -1 x ''; do
	run hotspots "--top=$n" "$before"
	check "--top '$n'" complained 64 "^tmemctl: --top: '$n' is no number"
done

finish
