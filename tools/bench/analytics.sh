#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# analytics.sh - what `make bench-analytics` does: build, replay traces with the
# library's analytics off and on in turns, print what they cost.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../build/common.sh
source "$(dirname "$0")/../build/common.sh"

cd "$TMEM_ROOT"
rounds=15 json=()
touches=(page none)

usage() {
	cat <<-'END'
	usage: tools/bench/analytics.sh [--rounds N] [--touch none|page] [--json]

	  TRACES=FILES   traces to replay (default: the project's own)
	  --rounds N     how often each is replayed in each way (default 15)
	  --touch WHAT   only that: page (a byte of each page is written, as a
	                 program would) or none (nothing but the calls)
	  --json         all single measurements, a line for each trace; no bars

	off: analytics off.  on: sampled, as it is by default, call sites found on
	the stack.  told: the same, but the replay tells the library of each
	block's site, at a cost of its own.  all: every block recorded.  fastest:
	the fastest turn with them on by the fastest with them off; all others are
	medians over rounds.  Bars, of "on" with pages touched: time < 1.01 x,
	memory < 1 % of the most that the trace has live at once.

	Exit status: 0; 1 if a bar is missed; else it could not be run.
	END
}

while [[ $# -gt 0 ]]; do
	case $1 in
	--json) json=(--json) ;;
	-h | --help)
		usage
		exit 0
		;;
	--rounds | --touch)
		[[ $# -gt 1 ]] || die "$1 wants a value"
		if [[ $1 == --rounds ]]; then rounds=$2; else touches=("$2"); fi
		shift
		;;
	*) die "unknown option $1; --help lists them" ;;
	esac
	shift
done

# TRACES is a list of words.
# shellcheck disable=SC2206
traces=(${TRACES:-tools/traces/*.zst})
make build/bench/analytics >&2
missed=0
[[ ${#json[@]} -gt 0 ]] || build/bench/analytics head
for touch in "${touches[@]}"; do
	for trace in "${traces[@]}"; do
		status=0
		TMEM_BACKEND=${TMEM_BACKEND:-anon} build/bench/analytics \
			"${json[@]}" "$trace" "$touch" "$rounds" || status=$?
		((status < 2)) || exit "$status"
		missed=$((missed | status))
	done
done
exit "$missed"
