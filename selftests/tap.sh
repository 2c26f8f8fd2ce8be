# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# tap.sh - count and show the results of test programs.  Sourced by run.sh.
#
# A result is a line "ok ..." or "not ok ..." (TAP, as kselftest prints it);
# "ok ... # SKIP reason" is a skipped test.

passed=0 failed=0 skipped=0
failures=() skips=()

# tap_fail NAME TEXT - a failure that no program printed.
tap_fail() {
	failed=$((failed + 1))
	failures+=("$1: $2")
	echo "      $1: $2"
}

# Tests of bad input may print it; a log of a build should stay text.
tap_text() {
	LC_ALL=C tr -c '\11\12\40-\176' '?'
}

# What led to each "not ok": the lines since the result before it.
tap_show_failures() {
	awk '
	/^ok / { n = 0; next }
	/^not ok / {
		for (i = n > 70 ? n - 70 : 0; i < n; i++)
			print "      " line[i]
		print "      " $0
		n = 0
		next
	}
	{ line[n++] = $0 }' "$1" | tap_text
}

# tap_numbers LOG - prints "passed failed skipped planned".
tap_numbers() {
	awk '
	/^ok .*# *[Ss][Kk][Ii][Pp]/ { s++; next }
	/^ok / { p++; next }
	/^not ok / { f++; next }
	/^1\.\.[0-9]+/ { split($1, plan, "\\.\\."); planned += plan[2]; has++ }
	END { print p + 0, f + 0, s + 0, has ? planned : -1 }' "$1"
}

# tap_collect NAME LOG - remember which failed and which were skipped.
tap_collect() {
	local name=$1 log=$2 line
	while IFS= read -r line; do
		failures+=("$name: $line")
	done < <(sed -nE 's/^not ok +[0-9]* *-? *//p' "$log")
	while IFS= read -r line; do
		skips+=("$name: $line")
	done < <(sed -nE '/# *skip/I s/^ok +[0-9]* *-? *//p' "$log")
}

# tap_report NAME LOG STATUS SECONDS - count one program and print its line.
# STATUS is "lost" if nobody lived to see how the program ended.
tap_report() {
	local name=$1 log=$2 status=$3 seconds=$4 p f s planned text shown why=''

	read -r p f s planned < <(tap_numbers "$log")
	if [[ $status == lost ]]; then
		why="the machine ended in this program"
	elif ((p + f + s == 0)) && { ((status == 4)) ||
		grep -qaE '^1\.\.0' "$log"; }; then
		# The whole program was skipped; its plan says why.
		s=1
		skips+=("$name: $(sed -n 's/^1\.\.0 *# *SKIP *//p' "$log")")
	elif ((p + f + s == 0)); then
		why="no result (exit status $status)"
	elif ((status == 124 || status == 137)); then
		why="ended after the time limit"
	elif ((status != 0 && f == 0)); then
		why="exit status $status, but no test failed"
	elif ((planned > p + f + s)); then
		why="$planned tests planned, $((p + f + s)) results"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	tap_collect "$name" "$log"
	text="$p passed"
	((f == 0)) || text+=", $f FAILED"
	((s == 0)) || text+=", $s skipped"
	shown=$(tap_show_failures "$log")
	# In one piece: other lanes print, too.
	printf '  %-34s %-34s %5s s\n%s' "$name" "$text" "$seconds" \
		"${shown:+$shown$'\n'}"
	if [[ -n $why ]]; then
		tail -n 15 "$log" | tap_text | sed 's/^/      /'
		tap_fail "$name" "$why"
	fi
}

# tap_save FILE - what was counted so far, for tap_add in another shell.
tap_save() {
	declare -p passed failed skipped failures skips >"$1"
}

# tap_add NAME FILE - count what tap_save wrote; it is missing if the shell died.
tap_add() {
	local total=("$passed" "$failed" "$skipped")
	local all_failures=("${failures[@]}") all_skips=("${skips[@]}")
	if [[ ! -s $2 ]]; then
		tap_fail "$1" "the shell that ran it died"
		return
	fi
	eval "$(sed 's/^declare \(--\|-a\) //' "$2")"
	passed=$((passed + total[0]))
	failed=$((failed + total[1]))
	skipped=$((skipped + total[2]))
	failures=("${all_failures[@]}" "${failures[@]}")
	skips=("${all_skips[@]}" "${skips[@]}")
}

# tap_summary - the lists, and last the line that others look for.
tap_summary() {
	if ((${#skips[@]} > 0)); then
		echo "skipped:"
		printf '  %s\n' "${skips[@]}"
	fi
	if ((${#failures[@]} > 0)); then
		echo "failed:"
		printf '  %s\n' "${failures[@]}"
	fi
	echo "$passed passed, $failed failed, $skipped skipped"
	((failed == 0 && passed > 0))
}
