#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# page.sh - the page of `tmemctl report --html` as C, from its sources in
# tools/tmemctl/page/.
#
# usage: page.sh >FILE.c
#
# Style and scripts are put into page.html.  Its policy allows one script, by
# its hash: whatever the figures hold, no other script runs.  What is before
# the figures and what is behind them become two arrays.

set -euo pipefail
export LC_ALL=C

cd "$(dirname "$0")/../tmemctl/page"
scripts=(base.js head.js health.js time.js spans.js sites.js lives.js main.js)

script() {
	echo '"use strict";'
	echo '{'
	cat "${scripts[@]}"
	echo '}'
}

# Of the bytes between <script> and </script>, as the browser sees them.
hash_of_script() {
	local hex
	hex=$(script | sha256sum | sed 's/ .*//; s/../\\x&/g')
	# shellcheck disable=SC2059 # the bytes are the format
	printf "$hex" | base64
}

page() {
	local line
	while IFS= read -r line; do
		case $line in
		*@HASH@*) echo "${line/@HASH@/sha256-$(hash_of_script)}" ;;
		*@STYLE@*) cat page.css ;;
		*@SCRIPT@*)
			printf '%s' "${line%%@SCRIPT@*}"
			script
			echo "${line#*@SCRIPT@}"
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done <page.html
}

# array NAME - standard input, as C.
array() {
	echo "const unsigned char $1[] = {"
	od -An -v -tx1 | sed -E 's/ ([0-9a-f]{2})/0x\1,/g'
	echo "};"
	echo "const size_t $1_bytes = sizeof($1);"
}

echo "/* Made by tools/build/page.sh; see there. */"
echo '#include "tmemctl/report.h"'
page | sed '/^@DATA@$/,$d' | array report_page_head
page | sed '1,/^@DATA@$/d' | array report_page_tail
