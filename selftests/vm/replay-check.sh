#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# replay-check.sh - does the report of a replay on /dev/tmem in the two-node
# machine say what it should?
#
# usage: replay-check.sh REPORT.json
#
# Prints TAP.

set -euo pipefail

report=${1:?}
count=0
results=()
good=1

# check TEXT COMMAND... - one result
check() {
	local text=$1 word='ok'
	shift
	count=$((count + 1))
	if ! "$@"; then
		word='not ok'
		good=0
	fi
	results+=("$word $count $text")
}

# value KEY - the number or word of a key that occurs once.
value() {
	tr ',{}[]' '\n' <"$report" |
		sed -n "s/^ *\"$1\" *: *\"\{0,1\}\([^\" ]*\).*/\1/p"
}

equal() {
	[[ $1 == "$2" ]]
}

# The memory of the peak lies on both nodes, neither with less than a third.
both_nodes() {
	tr '{}' '\n' <"$report" | tr -d ' ' | tr ',\n' ' \n' | awk '
	/"node":[0-9]+/ {
		match($0, /"spans":[0-9]+/)
		n++
		spans[n] = substr($0, RSTART + 8, RLENGTH - 8)
		all += spans[n]
	}
	END {
		for (i = 1; i <= n; i++)
			if (spans[i] * 3 < all)
				exit 1
		exit n != 2
	}'
}

mapped_huge() {
	awk -v huge="$(value pmd_mapped_bytes)" \
		-v all="$(value span_resident_bytes)" \
		'BEGIN { exit !(all > 0 && huge > 0.95 * all) }'
}

check "the memory is from /dev/tmem" equal "$(value backend)" dev
check "both nodes hold spans" both_nodes
check "more than 95 % of it is mapped as huge pages" mapped_huge
check "no contents lost" equal "$(value spans_lost)" 0
check "no pointer refused" equal "$(value misuse)" 0

echo "TAP version 13"
echo "1..$count"
[[ $good -eq 1 ]] || sed 's/^/# /' "$report"
printf '%s\n' "${results[@]}"
[[ $good -eq 1 ]]
