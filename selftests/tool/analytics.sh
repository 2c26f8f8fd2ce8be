#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# analytics.sh - from a program to a report: the library records real stacks,
# tmemctl names the function that leaks, and all exports of that snapshot agree.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source-path=SCRIPTDIR source=data/edit.sh
source "$(dirname "$0")/data/edit.sh"

if [[ ! -e $here/include/tmem/analytics.h ]]; then
	echo "1..0 # SKIP the library has no analytics"
	exit 0
fi
if ! command -v "${CC:-gcc}" >/dev/null; then
	echo "1..0 # SKIP no ${CC:-gcc} to build a program with"
	exit 0
fi

# 200 steps of a loop that leaks 40000 bytes in each, and frees 1 MiB.
cat >"$work/leaky.c" <<'END'
#include <fcntl.h>
#include <tmem.h>
#include <tmem/analytics.h>

#define KEEP(p) __asm__ volatile("" ::"r"(p) : "memory")
#define APART __attribute__((noinline, noclone))

static APART void leak_it(void)
{
	void *p = tmem_alloc(40000);

	KEEP(p);
}

static APART void churn_it(void)
{
	void *p = tmem_alloc(1 << 20);

	KEEP(p);
	tmem_free(p);
}

static APART void keep_it(void)
{
	void *p = tmem_alloc(4 << 20);

	KEEP(p);
}

int main(int argc, char **argv)
{
	struct tmem_analytics_config config = TMEM_ANALYTICS_INIT;
	int fd = open(argv[argc - 1], O_WRONLY | O_CREAT | O_TRUNC, 0600), i;

	tmem_analytics_get(&config);
	config.mode = TMEM_ANALYTICS_ON;
	config.interval_bytes = 0;
	if (tmem_analytics_set(&config))
		return 1;
	keep_it();
	for (i = 0; i < 200; i++) {
		tmem_tag_push("loop");
		leak_it();
		churn_it();
		tmem_tag_pop();
		tmem_step_mark("step");
	}
	return fd < 0 || tmem_snapshot_write(fd, TMEM_SNAPSHOT_RECORDS);
}
END
library=$(dirname "$tmemctl")
[[ -e $library/libtmem.so ]] || library=$here/build
"${CC:-gcc}" -g -O1 -fno-omit-frame-pointer -I"$here/include" \
	-I"$here/include/uapi" -o "$work/leaky" "$work/leaky.c" -L"$library" \
	-ltmem -Wl,-rpath,"$library"

# at TEXT - the line with that in it.
at() {
	grep -nF -- "$1" "$work/leaky.c" | cut -d: -f1
}

file=$work/leaky.json
live=$((200 * 40000 + (4 << 20)))

echo "TAP version 13"

status=0
TMEM_BACKEND=anon limited "$work/leaky" "$file" >"$work/out" \
	2>"$work/err" || status=$?
check "a program writes a snapshot" passed

run leaks "$file"
check "its leak is found" printed '^1 of [0-9]+ sites leaks, over 200 steps$'
check "by function and line" printed \
	"^site [0-9]+: leak_it at leaky\.c:$(at 'tmem_alloc(40000)')$"
check "with its tag" printed '^  tag +loop$'
check "with its stack" printed \
	"^ +main at leaky\.c:$(at $'\t\tleak_it();')$"
check "no file is another one now" not_printed 'another build'
run leaks --json "$file"
check "with its figures" holds 'len(d["leaks"]) == 1 and
	d["leaks"][0]["allocs"] == 200 and d["leaks"][0]["frees"] == 0 and
	abs(d["leaks"][0]["bytes_per_step"] - 40000) < 1000 and
	d["leaks"][0]["error_bytes"] == 0'

run hotspots --json "$file"
check "what allocates the most" holds '
	d["hotspots"][0]["at"].startswith("churn_it at leaky.c:") and
	d["hotspots"][0]["allocs"] == 200 and
	d["hotspots"][0]["churn_bytes"] >= 200 << 20'
run hotspots --by live --json "$file"
check "and what holds the most" holds '
	d["hotspots"][0]["at"].startswith("leak_it") and
	d["hotspots"][1]["at"].startswith("keep_it")'

# Blocks may be somewhat larger than was asked for.
total=$("$python" -c 'import json, sys
print(sum(s["live_bytes"] for s in json.load(open(sys.argv[1]))["sites"]))' \
	"$file")
check "nothing is missing" calc "$total >= $live && $total < $live * 1.05"
run snapshot -f collapsed "$file"
check "stacks add up" equal \
	"$(awk '{ sum += $NF } END { printf "%d", sum }' "$work/out")" "$total"
check "and stand by name" printed 'main;leak_it [0-9]+$'
run snapshot -f memviz -o "$work/pickle" "$file"
check "the pickle adds up" equal "$("$python" -c 'import pickle, sys
v = pickle.load(open(sys.argv[1], "rb"))
assert any(x["frames"] and x["frames"][0]["name"] == "leak_it"
	for s in v["segments"] for x in s["blocks"])
print(sum(s["allocated_size"] for s in v["segments"]))' "$work/pickle")" \
	"$total"
if command -v google-pprof >/dev/null; then
	run snapshot -f pprof -o "$work/heap" "$file"
	google-pprof --text --show_bytes "$work/heap" >"$work/out" 2>/dev/null
	check "google-pprof adds up" printed "^Total: $total B$"
	check "and has the name" printed ' leak_it$'
else
	skip "google-pprof adds up" "no google-pprof"
fi

TMEM_BACKEND=anon "$work/leaky" "$work/again.json"
run diff "$file" "$work/again.json"
check "two runs of it are the same" printed ', of which 0 changed$'

finish
