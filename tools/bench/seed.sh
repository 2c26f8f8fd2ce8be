#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# seed.sh - what `make bench-seed` does: every number that tmem promises,
# measured on this machine, on one page, beside the promise and the command
# that prints it with all that belongs to it.
#
# Each measure_* function runs one benchmark, leaves its output in build/bench/
# promises/, and adds rows.  Of several traces the worst counts.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../build/common.sh
source "$(dirname "$0")/../build/common.sh"

cd "$TMEM_ROOT"
out=build/bench/promises
quick=false failed=0
rows=()

usage() {
	cat <<-'END'
	usage: tools/bench/seed.sh [--quick] [--out FOLDER]

	  TRACES=FILES   recorded runs (default: the project's own); more than one
	                 takes minutes each
	  --quick        few rounds: does all of it work at all
	  --out FOLDER   for what the benchmarks print (default build/bench/promises);
	                 seed.txt there is the page, seed.json the same

	Exit status: 0; 1 if a promise is not kept (not with --quick) or could not
	be measured; else it could not be run.
	END
}

while [[ $# -gt 0 ]]; do
	case $1 in
	--quick) quick=true ;;
	--out)
		[[ $# -gt 1 ]] || die "$1 wants a value"
		out=$2
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	*) die "unknown option $1; --help lists them" ;;
	esac
	shift
done

# pick QUICK FULL - a number of rounds.
pick() {
	if $quick; then echo "$1"; else echo "$2"; fi
}

# --- rows ---------------------------------------------------------------------

# row TEXT OPERATOR PROMISED MEASURED UNIT WHAT COMMAND - OPERATOR is >= or <,
# both numbers in UNIT; MEASURED is empty if there is none.
row() {
	local kept=no
	if [[ -z $4 ]]; then
		kept='not measured'
		failed=1
	elif awk "BEGIN { exit !($4 $2 $3) }"; then
		kept=yes
	else
		$quick || failed=1
	fi
	rows+=("$1|$2|$3|$4|$5|$kept|$6|$7")
}

# value KEY FILE - of lines "key value".
value() {
	awk -v key="$1" '$1 == key { print $2; exit }' "$2"
}

# percent PART WHOLE
percent() {
	awk -v a="${1:-0}" -v b="${2:-0}" \
		'BEGIN { if (b > 0) printf "%.1f", 100 * a / b }'
}

# worst min|max - of lines "NUMBER NAME": the worst, and whose it is.
worst() {
	sort -g | if [[ $1 == min ]]; then head -n 1; else tail -n 1; fi
}

name_of() {
	basename "$1" .trace.zst
}

# next TEXT - what is measured now; what fails leaves rows without a figure.
step=0
next() {
	step=$((step + 1))
	say "[$step/10] $1"
}

# --- measurements -------------------------------------------------------------

measure_replay() {
	local trace file reuse='' waste=''
	for trace in "${traces[@]}"; do
		file=$out/replay-$(name_of "$trace").json
		build/tmemctl replay --backend anon --json "$trace" >"$file"
		reuse+=$(sed -nE 's/^  "reuse_ratio": ([0-9.]+).*/\1/p' \
			"$file" | awk '{ print 100 * $1 }')" $(name_of "$trace")"$'\n'
		waste+=$(sed -nE 's/^  "external_waste_ratio": ([0-9.]+).*/\1/p' \
			"$file" | awk '{ print 100 * $1 }')" $(name_of "$trace")"$'\n'
	done
	read -r reuse what < <(printf %s "$reuse" | worst min)
	row "requests served from memory already held" '>=' 85 "$reuse" % \
		"$what" "build/tmemctl replay TRACE"
	read -r waste what < <(printf %s "$waste" | worst max)
	row "external fragmentation at the peak" '<' 10 "$waste" % \
		"$what" "build/tmemctl replay TRACE"
}

# times SECTION KEY FILE - glibc's figure by tmem's, for each such line under
# each heading that matches SECTION; the heading's first word is its name.
times() {
	awk -v section="$1" -v key="$2" '
		function number(text) {
			if (text ~ /k$/) return 1e3 * text
			if (text ~ /M$/) return 1e6 * text
			return text + 0
		}
		/^ ?[^ ]/ { inside = $0 ~ section; name = $1 }
		inside && index($0, key) {
			sub(/.*(us\/event|ns) /, "")
			if (number($1) > 0)
				printf "%.1f %s\n", number($2) / number($1), name
		}' "$3"
}

measure_faster() {
	local file=$out/alloc.txt fast what arguments=(--rounds "$(pick 1 3)")
	$quick && arguments+=(--quick)
	build/bench/alloc "${arguments[@]}" --idle 0 --only tmem,glibc \
		--measure page,ladder --out "$out" "${traces[@]}" >"$file"
	fast=$(times '^ alloc and free at once$' '  256 B' "$file" | cut -d' ' -f1)
	row "alloc and free of 256 B, beside glibc's malloc" '>=' 2 "$fast" \
		times "one thread" "make bench"
	fast=$(times '^ the same, 64 bytes of alignment' '  256 B' "$file" |
		cut -d' ' -f1)
	row "the same with 64 bytes of alignment, which tmem always has" '>=' 2 \
		"$fast" times "posix_memalign()" "make bench"
	# The trace's own line is two headings above.
	read -r fast what < <(awk '/^[^ ]+: [0-9]+ events/ { t = $1 }
		/^ one word per page/ { print t; next } { print }' "$file" |
		times ':$' '  warm, CPU' /dev/stdin | worst min)
	row "a trace replayed, pages written, CPU beside glibc's" '>=' 2 \
		"$fast" times "${what%:}" "make bench"
}

measure_prediction() {
	local trace file=$out/prediction.txt what held seen
	for trace in "${traces[@]}"; do
		zstd -dcq "$trace" |
			build/bench/reaction predict "$(name_of "$trace")" 100 500
	done >"$file"
	read -r held what < <(awk '$2 == "held" { print $4, $1 }' "$file" |
		worst min)
	row "the monitor's predictions of memory held that were right" '>=' 70 \
		"$held" % "$what" "make bench-reaction"
	build/bench/predict --foresee "${traces[@]}" >"$out/foresee.txt"
	read -r seen what < <(awk '/^  [^ ]/ { name = $1 }
		/learned, and opening/ { sub(/.*opening */, ""); print $1, name }' \
		"$out/foresee.txt" | worst min)
	row "bytes that the optimizer foresaw" '>=' 70 "$seen" % "$what" \
		"make bench-predict"
}

measure_reaction() {
	local file=$out/reaction.txt median most
	build/bench/reaction latency fifo "$(pick 5 50)" >"$file"
	read -r median most < <(sed -nE 's/^ *the first byte is free +([0-9.]+) ms.* ([0-9.]+) ms$/\1 \2/p' \
		"$file")
	row "from a critical event to the first byte free" '<' 100 "$median" \
		ms "the longest $most" "make bench-reaction"
}

measure_monitor() {
	local file=$out/history.txt
	build/bench/seed history "$(pick 150 1024)" >"$file"
	row "looks of the monitor that are kept" '>=' 1000 \
		"$(value capacity "$file")" "" \
		"$(value kept "$file") of $(value looks "$file") read back" \
		"build/bench/seed history"
}

measure_analytics() {
	local file=$out/records.txt trace what cost memory
	build/bench/seed records >"$file"
	row "live blocks recorded one by one" '>=' 100000 \
		"$(value records "$file")" "" \
		"$(value records_dropped "$file") lost" "build/bench/seed records"
	row "a report of them" '<' 50 "$(value snapshot_records_ms "$file")" ms \
		"with each record" "build/bench/seed records"
	row "of the ten hottest sites, those that are" '>=' 10 \
		"$(value hotspots_right "$file")" "" \
		"in $(value hotspots_ms "$file") ms" "build/bench/seed records"
	for trace in "${traces[@]}"; do
		build/bench/analytics "$trace" page "$(pick 3 9)" || [[ $? -eq 1 ]]
	done >"$out/analytics.txt"
	read -r cost what < <(awk '{ printf "%.1f %s\n", 100 * ($5 - 1), $1 }' \
		"$out/analytics.txt" | worst max)
	row "CPU that the analytics add" '<' 2 "$cost" % "$(name_of "$what")" \
		"make bench-analytics"
	read -r memory what < <(awk '{ print $9, $1 }' "$out/analytics.txt" |
		worst max)
	row "their memory, of the most that lives at once" '<' 5 "$memory" % \
		"$(name_of "$what")" "make bench-analytics"
}

# Of a trace that leaks there is a file that says where.
verdicts_right() {
	local trace truth named right=0
	for trace in "${traces[@]}"; do
		truth=${trace%.trace.zst}.truth.json
		named=$(sed -nE "/^$(basename "$trace")\$/,/^\$/s/.*: leaks: //p" \
			"$out/leaks.txt")
		if [[ -e $truth ]]; then
			grep -A 1 '"LEAK-SITE",' "$truth" | grep -qF "$named" &&
				[[ -n $named ]] && right=$((right + 1))
		elif [[ -z $named ]]; then
			right=$((right + 1))
		fi
	done
	echo "$right"
}

measure_leaks() {
	local file=$out/leaks.txt accuracy named
	build/bench/leaks --programs "$(pick 300 3000)" "${traces[@]}" >"$file"
	row "traces whose leak, or that there is none, was said" '>=' \
		${#traces[@]} "$(verdicts_right)" "" \
		"of ${#traces[@]}, each program's own steps" "make bench-leaks"
	# Two tables: leaks named, then others named that do not leak.
	read -r accuracy named < <(awk '/^[0-9]+ (leaks|that)/ { n[++t] = $1 }
		$1 == "tmem" && t && !share[t] { share[t] = $2 }
		t > 2 { exit }
		END {
			if (n[1] + n[2] == 0) exit
			right = n[1] * share[1] + n[2] * (100 - share[2])
			printf "%.1f %.1f\n", right / (n[1] + n[2]), share[1]
		}' "$file")
	row "made-up sites, many of them hard, told apart" '>=' 95 "$accuracy" \
		% "$named % of the leaks named" "make bench-leaks"
}

measure_cache() {
	local file=$out/cache.txt
	build/bench/seed cache "${traces[0]}" >"$file"
	row "hits of the tensor cache, the trace's blocks" '>=' 80 \
		"$(value recorded "$file")" % "20 % fit, $(name_of "${traces[0]}")" \
		"build/bench/seed cache TRACE"
	row "hits of the tensor cache, made-up requests" '>=' 80 \
		"$(value made_up "$file")" % \
		"20 % fit, mean of $(value streams "$file")" "make bench-cache"
}

measure_views() {
	local file=$out/views.txt views copies
	build/bench/seed views >"$file"
	views=$(value views "$file") copies=$(value copies "$file")
	row "tensors made of others without a copy" '>=' 60 \
		"$(percent "$views" $((views + copies)))" % \
		"layers of a transformer" "build/bench/seed views"
}

measure_savings() {
	local file=$out/savings.txt saved what
	build/bench/predict --repeats "$(pick 2 3)" "${traces[@]}" >"$file"
	read -r saved what < <(awk '/^[^ ]+: by step/ { name = $1 }
		$1 == "resting" && $2 == "off" { held = $6 }
		$1 == "resting" && $2 == "memory-first" && held {
			printf "%.1f %s\n", 100 - 100 * $6 / held, name }' \
		"$file" | worst min)
	row "memory held less by memory-first, mean of the steps" '>=' 30 \
		"$saved" % "${what%:}" "make bench-predict"
}

# A mutex cannot be taken without such an instruction.
measure_path() {
	local file=$out/path.txt status=0
	build/bench/seed path "$(pick 128 1024)" >"$file" || status=$?
	[[ $status -ne 77 ]] || say "no process may be traced here"
	row "pairs of calls with no locked instruction and no system call" \
		'>=' 95 "$(value pair_clean "$file")" % \
		"$(value pair_instructions "$file") instructions a pair" \
		"build/bench/seed path"
}

# --- the page -----------------------------------------------------------------

page() {
	local text operator promised measured unit kept what command
	printf 'The numbers that tmem promises, measured: %s, Linux %s, %s CPUs\n' \
		"$(sed -nE 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		"$(uname -r)" "$(nproc)"
	printf 'backend anon; traces: %s; load at the end %s%s\n\n' \
		"$(for t in "${traces[@]}"; do name_of "$t"; done | xargs)" \
		"$(cut -d' ' -f1-3 /proc/loadavg)" \
		"$(! $quick || echo '; ONLY A LOOK: few rounds')"
	printf '%-60s %12s %12s  %-5s %s\n' promise promised measured kept of
	for row in "${rows[@]}"; do
		IFS='|' read -r text operator promised measured unit kept what \
			command <<<"$row"
		[[ $unit == times ]] && unit=x
		printf '%-60s %2s %6s %-2s %9s %-2s  %-5s %s\n' "$text" \
			"$operator" "$promised" "$unit" "${measured:--}" \
			"$unit" "$kept" "$what"
		printf '    %s\n' "$command"
	done
}

page_json() {
	local comma='' text operator promised measured unit kept what command
	printf '{"quick": %s, "rows": [' "$quick"
	for row in "${rows[@]}"; do
		IFS='|' read -r text operator promised measured unit kept what \
			command <<<"$row"
		printf '%s\n  {"promise": "%s", "operator": "%s", "promised": %s, ' \
			"$comma" "$text" "$operator" "$promised"
		printf '"measured": %s, "unit": "%s", "kept": %s, ' \
			"${measured:-null}" "$unit" \
			"$([[ $kept == yes ]] && echo true || echo false)"
		printf '"of": "%s", "command": "%s"}' "$what" "$command"
		comma=,
	done
	printf '\n]}\n'
}

main() {
	# TRACES is a list of words.
	# shellcheck disable=SC2206
	traces=(${TRACES:-tools/traces/*.zst})
	[[ -e ${traces[0]} ]] || die "no trace ${traces[0]}"
	for name in "${!TMEM_@}"; do
		case $name in TMEM_CACHE | TMEM_ROOT) ;; *) unset "$name" ;; esac
	done
	export TMEM_BACKEND=anon
	mkdir -p "$out"
	make --no-print-directory tool bench-programs >&2
	next "replaying traces"
	measure_replay || true
	next "beside glibc"
	measure_faster || true
	next "predicting"
	measure_prediction || true
	next "reacting to pressure"
	measure_reaction || true
	next "the monitor's history"
	measure_monitor || true
	next "analytics: records, and what they cost"
	measure_analytics || true
	next "leaks"
	measure_leaks || true
	next "the tensor cache, and views"
	measure_cache || true
	measure_views || true
	next "the optimizer's savings"
	measure_savings || true
	next "the hot path, instruction by instruction"
	measure_path || true
	page | tee "$out/seed.txt"
	page_json >"$out/seed.json"
	exit "$failed"
}

main
