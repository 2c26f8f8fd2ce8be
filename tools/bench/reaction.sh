#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# reaction.sh - how fast the library's threads react and stop, what the monitor
# costs, and how well it predicts.
# `make bench-reaction` builds what this runs.
#
# usage: tools/bench/reaction.sh [--quick]
#
# TRACES="FILE..." names traces; without, the sample in tools/traces is used.
# Exit status 1 if a bar is missed: the first byte is free within 10 ms (median),
# a thread stops within 50 ms (median), the monitor takes at most 0.1 % of a CPU
# while nothing happens, 90 % of the predictions of held memory are right.

set -euo pipefail

cd "$(dirname "$0")/../.."
program=build/bench/reaction
rounds=50
failed=0

case ${1:-} in
'') ;;
--quick) rounds=5 ;;
*)
	sed -n '3,/^$/s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac

# What the caller's environment says of the library is not what is measured.
for name in "${!TMEM_@}"; do
	unset "$name"
done

echo "== From an event to the first byte given back"
for kind in fifo socket; do
	"$program" latency "$kind" "$rounds" || failed=1
done
echo
echo "== The library's threads"
"$program" threads "$rounds" || failed=1
echo
echo "== Prediction, made-up programs: 20 samples 0.5 s apart, 10 s ahead"
"$program" synthetic
echo
echo "== Prediction, traces: 20 samples 0.1 s apart, 0.5 s ahead"
read -ra traces <<<"${TRACES:-tools/traces/c_gpt.trace.zst}"
rows=$(for trace in "${traces[@]}"; do
	name=$(basename "$trace" .trace.zst)
	zstd -dcq "$trace" | "$program" predict "$name" 100 500
done)
printf '%s\n' "$rows"
# Over all of them, what a machine sees of a program: the memory held.
if ! awk '$2 == "held" { n += $3; hits += $3 * $4 / 100; now += $3 * $8 / 100 }
	END {
		printf "bar: 90 %% hits in held memory: %.1f %% of %d (as " \
			"now: %.1f %%): %s\n", 100 * hits / n, n,
			100 * now / n, hits < 0.9 * n ? "MISSED" : "kept"
		exit hits < 0.9 * n
	}' <<<"$rows"; then
	failed=1
fi
echo
echo "hit: within 0.05 of what came; level: the same level came; as now: hits"
echo "of saying \"no change\"; sure: predictions by the line (r^2 >= 0.7)"
exit "$failed"
