#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# replay.sh - a sound trace is replayed, and the report says what is true.
#
# The trace has three threads that free each other's blocks.  Its totals and
# its peak are known from where it is made, and tmemctl has to find the same.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

need_built "$helpers/fake_clock.so"
trace=$work/three.trace
make_trace 3 3000 "$trace"
read -r events frees peak peak_event peak_blocks <"$trace.facts"
anon=(replay --backend anon)

# The report is the same on paper: these are the rows it must have.
has_rows() {
	local row total
	total=$((events / 1000)),$(printf '%03d' $((events % 1000)))
	for row in "trace +three.trace: $total events, 3 threads" \
		'backend anon, NUMA policy local' '^strategy +adaptive$' \
		'^internal waste +[0-9.]+ %' '^external waste +[0-9.]+ %' \
		'^moved +[0-9]+ ' '2 times, touch page' \
		'^1 \(cold\) +[0-9.]+ [nu]s' '^2 +[0-9.]+ [nu]s' \
		'^median +[0-9.]+ [nu]s' '^peak live +[0-9.]+ MiB' \
		'^peak resident +[0-9.]+ MiB' '^resident / live +[0-9.]+' \
		'^spans by node +[0-9]+ +on node' '^PMD-mapped +[0-9.]+ %' \
		'^mappings +[0-9]+' '^reused +[0-9.]+ %' '^purged +[0-9.]+' \
		'^misuse +0 '; do
		printed "$row" || { echo "# no row $row"; return 1; }
	done
}

facts_agree() {
	equal "$(value events)" "$events" &&
		equal "$(value allocations)" 3000 &&
		equal "$(value frees)" "$frees" &&
		equal "$(value threads)" 3 &&
		equal "$(value peak_live_bytes)" "$peak" &&
		equal "$(value peak_event)" "$peak_event"
}

# All threads stood still exactly there when memory was looked at.
peak_exact() {
	equal "$(value peak_live_blocks)" "$peak_blocks" &&
		calc "$(value peak_usable_bytes) >= $peak"
}

repeats_agree() {
	local sorted median
	sorted=$(values ns_per_event | sort -g)
	median=$(sed -n 2p <<<"$sorted")
	equal "$(values repeat | xargs)" "1 2 3" &&
		equal "$(values cold | xargs)" "true false false" &&
		equal "$(value ns_per_event)" "$median" &&
		calc "$median > 0"
}

memory_agrees() {
	local resident ratio nodes spans
	resident=$(value peak_resident_bytes)
	ratio=$(value resident_per_live)
	nodes=$(values bytes | awk '{ n += $1 } END { print n + 0 }')
	spans=$(values spans | awk '{ n += $1 } END { print n + 0 }')
	calc "($resident / $peak - $ratio) ^ 2 < 0.000001" &&
		equal "$(values peak_resident_bytes | tail -n 1)" "$resident" &&
		equal "$nodes" "$(value span_resident_bytes)" &&
		calc "$spans <= $nodes / 2097152 && \
			$spans > $nodes / 2097152 - 64" &&
		calc "$(value pmd_mapped_bytes) <= $(value mapped_bytes)" &&
		calc "$(value reuse_ratio) > 0 && $(value reuse_ratio) <= 1" &&
		calc "$(values reuse_ratio | tail -n 1) > 0"
}

echo "TAP version 13"

run "${anon[@]}" --repeat 2 "$trace"
check "a sound trace is replayed" passed
check "the report has every row" has_rows
check "no line is wider than 80 columns" narrow

run "${anon[@]}" --json --touch full "$trace"
check "with --json it passes too" passed
check_json "stdout is one JSON object"
check "events, frees and peak are those of the trace" facts_agree
check "at the peak the library has the blocks of the trace" peak_exact
check "three repeats, the first is cold, the median is theirs" repeats_agree
check "the figures of memory fit each other" memory_agrees
check "no free was refused" equal "$(value misuse)" 0
check "fully touched, all live bytes are resident" \
	calc "$(value peak_resident_bytes) >= $peak"
full=$(value peak_resident_bytes)

run "${anon[@]}" --json --touch none --repeat 1 "$trace"
check "untouched, less is resident" \
	calc "$(value peak_resident_bytes) < $full / 2"
check "one repeat is one" equal "$(values repeat | xargs)" 1

# Nothing is alive at the end, so all memory that was filled comes back.
run "${anon[@]}" --json --touch page "$trace"
check "what was touched is given back at the end" \
	calc "$(value purged_bytes) >= $peak * 0.9"
check "the default is to touch pages, three times" \
	equal "$(value touch) $(values repeat | wc -l)" "page 3"

# The same events in the order of the trace, one after the other.
run "${anon[@]}" --json --window 1 --repeat 1 "$trace"
check "a window of one event works" passed
check "and finds the same events" facts_agree
run "${anon[@]}" --json --window 1000000 --repeat 1 "$trace"
check "so does a window wider than the trace" facts_agree
check "and stops at the peak all the same" peak_exact

# Thread 1 fills 256 KiB for each 16 KiB of thread 0, and frees these too.
# Only the window keeps thread 0 from being through long before.
awk 'BEGIN {
	print "# memtrace 1\ns 1 - - - -"
	for (i = 0; i < 2000; i += 2) {
		print "a", i, 16384, 64, 0, ++t, 1
		print "a", i + 1, 262144, 64, 1, ++t, 1
		print "f", i + 1, 1, ++t
		print "f", i, 1, ++t
	}
	print "# end allocs=2000 frees=2000 sites=1 threads=2"
}' >"$work/uneven.trace"
run "${anon[@]}" --json --window 8 --touch full --repeat 1 \
	"$work/uneven.trace"
check "a fast thread waits for a slow one" \
	calc "$(value library_peak_bytes) < 2097152"

zstd -q "$trace" -o "$work/packed"
run "${anon[@]}" --json --repeat 1 "$work/packed"
check "a compressed trace is known by its first bytes, not its name" passed
check "and gives the same events" facts_agree
printf 'P*M\x18\x04\x00\x00\x00note' | cat - "$work/packed" >"$work/noted"
run "${anon[@]}" --json --repeat 1 "$work/noted"
check "so does one that begins with a frame to be skipped" facts_agree
cp "$trace" "$work/plain.zst"
run "${anon[@]}" --json --repeat 1 "$work/plain.zst"
check "a plain trace named .zst is read as what it is" facts_agree
head -n 1000 "$trace" | zstd -q >"$work/frames"
tail -n +1001 "$trace" | zstd -q >>"$work/frames"
run "${anon[@]}" --json --repeat 1 "$work/frames"
check "two compressed pieces, one after the other, are one trace" facts_agree

# The peer: the same events and bytes, and nothing of it through libtmem.
peer_agrees() {
	equal "$status $(value backend)" "0 malloc" && facts_agree &&
		equal "$(value library_peak_bytes)" 0 &&
		calc "$(value peak_resident_bytes) > $peak / 2"
}
run replay --backend malloc --json "$trace"
check "malloc replays the same, without libtmem" peer_agrees

make_trace 1 2000 "$work/one.trace"
read -r events _ peak _ peak_blocks <"$work/one.trace.facts"
run "${anon[@]}" --json --repeat 1 --touch full "$work/one.trace"
check "a trace of one thread passes" \
	equal "$status $(value threads) $(value events)" "0 1 $events"
check "with its own peak" equal "$(value peak_live_bytes)" "$peak"
check "at which memory was looked at" peak_exact
check "and all live bytes were resident" \
	calc "$(value peak_resident_bytes) >= $peak"

# In one large block the touched pages lie apart.
cat >"$work/large.trace" <<END
# memtrace 1
s 1 - - - -
a 0 67108864 64 0 1 1
f 0 0 2
# end allocs=1 frees=1 sites=1 threads=1
END
run "${anon[@]}" --json --repeat 1 --touch page "$work/large.trace"
check "each page of a block is touched" \
	calc "$(value peak_resident_bytes) >= 67108864"

# 16 bytes per event and 8 per block are the least that a trace takes.
make_trace 1 200000 "$work/tables.trace"
run "${anon[@]}" --json --repeat 1 --touch none "$work/tables.trace"
check "the trace's own tables are not counted as the library's" \
	calc "$(value peak_resident_bytes) < 16 * $(value events) + 8 * 200000"
make_trace 200 3000 "$work/many.trace"
run "${anon[@]}" --json --repeat 2 "$work/many.trace"
check "a trace of 200 threads passes" \
	equal "$status $(value threads) $(value misuse)" "0 200 0"

for policy in local interleave interleave:0 bind:0 preferred:0; do
	run "${anon[@]}" --json --repeat 1 --numa "$policy" "$work/one.trace"
	check "policy $policy is taken and named" \
		equal "$status $(value policy)" "0 $policy"
done
TMEM_NUMA=bind:0 run "${anon[@]}" --json --repeat 1 "$work/one.trace"
check "TMEM_NUMA counts without --numa" equal "$(value policy)" bind:0
TMEM_NUMA=bind:63 run "${anon[@]}" --json --repeat 1 --numa local \
	"$work/one.trace"
check "--numa beats TMEM_NUMA" equal "$status $(value policy)" "0 local"
TMEM_BACKEND=nonsense run "${anon[@]}" --json --repeat 1 "$work/one.trace"
check "--backend beats TMEM_BACKEND" equal "$status $(value backend)" "0 anon"

# Waste is that of the strategy: classes round up, fits do not.
for strategy in adaptive first-fit best-fit size-class numa-aware; do
	run "${anon[@]}" --json --repeat 1 --strategy "$strategy" \
		"$work/one.trace"
	check "strategy $strategy is taken and named" \
		equal "$status $(value strategy)" "0 $strategy"
	value internal_waste_ratio >"$work/waste.$strategy"
done
check "size-class wastes more inside of blocks than best-fit" \
	calc "$(cat "$work/waste.size-class") > $(cat "$work/waste.best-fit")"
check "and held memory is what is live, free and idle" \
	calc "$(value held_bytes) >= $(value peak_usable_bytes) && \
		$(value external_waste_ratio) >= 0 && \
		$(value external_waste_ratio) < 1"
TMEM_STRATEGY=best-fit run "${anon[@]}" --json --repeat 1 "$work/one.trace"
check "TMEM_STRATEGY counts without --strategy" \
	equal "$(value strategy)" best-fit
TMEM_STRATEGY=best-fit run "${anon[@]}" --json --repeat 1 \
	--strategy adaptive "$work/one.trace"
check "--strategy beats TMEM_STRATEGY" equal "$(value strategy)" adaptive
run "${anon[@]}" --json --repeat 1 --max-bytes 1G "$work/one.trace"
check "a limit that suffices changes nothing" \
	equal "$status $(value events)" "0 $events"
TMEM_MAX_BYTES=2M run "${anon[@]}" --json --repeat 1 --max-bytes 0 \
	"$work/one.trace"
check "--max-bytes 0 beats TMEM_MAX_BYTES" equal "$status" 0
run "${anon[@]}" --repeat 1 --max-bytes 2M "$work/large.trace"
check "a limit that does not suffice is said" \
	complained 1 'allocation of 67108864 bytes failed: Cannot allocate'

# A terminal, made by script(1).
on_terminal() {
	status=0
	: >"$work/err"
	limited script -qec "$1" /dev/null </dev/null >"$work/tty" 2>&1 ||
		status=$?
	tr '\r' '\n' <"$work/tty" >"$work/out"
}

shows_bar() {
	equal "$status" 0 && printed '\[#*\.*\] +[0-9]+ %'
}

shows_none() {
	equal "$status" 0 && not_printed '\[#*\.*\] +[0-9]+ %'
}
# The bar is drawn anew after 200 ms: here, at each look at the clock.
command="env LD_PRELOAD=$helpers/fake_clock.so FAKE_TICK_MS=200 $tmemctl \
replay --backend anon --repeat 2 $work/one.trace"
if command -v script >/dev/null; then
	on_terminal "$command"
	check "a terminal gets a progress bar" shows_bar
	on_terminal "$command --quiet"
	check "and none with --quiet" shows_none
else
	skip "a terminal gets a progress bar" "no script(1)"
	skip "and none with --quiet" "no script(1)"
fi

finish
