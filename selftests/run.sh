#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - run the tests that were built, and count them.  `make check` calls
# it when all is built.
#
# The last line is "N passed, N failed, N skipped".  Exit status 1 if a test
# failed, or none was run.  The programs' full output is in build/check/.

set -euo pipefail

usage() {
	cat <<-'END'
	usage: selftests/run.sh [GROUP]...

	  lib    unit tests of the library, on anonymous memory; some again with
	         TMEM_ANALYTICS=on and TMEM_MONITOR=on
	  asan   the same with AddressSanitizer and UBSan
	  tsan   the same with ThreadSanitizer
	  valgrind    some of the same in valgrind's memcheck
	  tool   tests of tmemctl
	  host   all of these
	  vm     tests of the module, and of the library on /dev/tmem, in a
	         two-node VM on every kernel there is; a replay on /dev/tmem
	         there; and a machine without NUMA and PSI
	  vm-KERNEL, vm-KERNEL-flat    one of these, as in vm-6.12
	  debug  tests of the module on the debug kernel, faults injected into
	         it, and proof that the kernel's checks report (make check-debug)
	  debug-tests, debug-recall, debug-faults, debug-controls    one of these

	Without a group: all but debug.
	END
}

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
cd "$root"
logs=build/check
# shellcheck source-path=SCRIPTDIR source=tap.sh
source "$here/tap.sh"
# shellcheck source-path=SCRIPTDIR source=debug/group.sh
source "$here/debug/group.sh"

# Tests must not depend on the caller's set-up of the library.
for name in "${!TMEM_@}"; do
	case $name in
	TMEM_CACHE | TMEM_VM_*) ;;
	*) unset "$name" ;;
	esac
done
export ASAN_OPTIONS=detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1
# Their run-time does not know every random layout of addresses.
flat=()
if setarch "$(uname -m)" -R true 2>/dev/null; then
	flat=(setarch "$(uname -m)" -R)
fi

# --- on this host -----------------------------------------------------------

# run_program NAME COMMAND... - one program that prints TAP.
run_program() {
	local name=$1 log status=0 start=$SECONDS
	shift
	log=$logs/${name//\//-}.log
	timeout -k 5 300 "$@" >"$log" 2>&1 </dev/null || status=$?
	tap_report "$name" "$log" "$status" $((SECONDS - start))
}

# run_folder GROUP FOLDER [PREFIX COMMAND]...
run_folder() {
	local group=$1 folder=$2 program any=0
	shift 2
	for program in "$folder"/*; do
		if [[ -f $program && -x $program ]]; then
			any=1
			TMEM_BACKEND=anon run_program "$group/${program##*/}" \
				"$@" "$program"
		fi
	done
	[[ $any -eq 1 ]] || tap_fail "$group" "no test programs in $folder"
}

# With all that looks at the program on, in programs that fork, end and race.
run_watched() {
	local name
	for name in fork process_life thread_life model_threads fuzz_api misuse; do
		TMEM_BACKEND=anon TMEM_FUZZ_API_SECONDS=5 TMEM_ANALYTICS=on \
			TMEM_MONITOR=on run_program "watched/$name" \
			"build/selftests/lib/$name"
	done
}

# Those that say something there and end within the minute: memcheck sees
# what the library reads of its own tables, not the blocks that it hands out.
run_valgrind() {
	local name
	if ! command -v valgrind >/dev/null; then
		echo "1..0 # SKIP valgrind is not installed" >"$logs/valgrind.log"
		tap_report valgrind "$logs/valgrind.log" 4 0
		return
	fi
	for name in bins check fuzz_api misuse misuse_sites thread_life; do
		TMEM_BACKEND=anon TMEM_FUZZ_API_SECONDS=5 \
			run_program "valgrind/$name" valgrind -q \
			--error-exitcode=9 "build/selftests/lib/$name"
	done
}

run_tool() {
	local script any=0
	for script in selftests/tool/*.sh; do
		if [[ -x $script ]]; then
			any=1
			run_program "tool/$(basename "$script" .sh)" "$script"
		fi
	done
	[[ $any -eq 1 ]] || tap_fail tool "no tests in selftests/tool"
}

# --- in a virtual machine ---------------------------------------------------

# The guest runs all programs of one boot; its output names where each begins
# and ends, and is taken apart here while it comes.
split_guest_output() {
	local group=$1 line program='' seconds log
	while IFS= read -r line; do
		case $line in
		'# program '*)
			program=${line#\# program }
			log=$logs/$group-${program//\//-}.log
			: >"$log"
			;;
		"# end $program "*)
			seconds=${line#"# end $program "}
			tap_report "$group/$program" "$log" 0 "${seconds% s}"
			program=
			;;
		*)
			[[ -n $program ]] || log=$logs/$group-boot.log
			printf '%s\n' "$line" >>"$log"
			;;
		esac
	done
	if [[ -n $program ]]; then
		tap_report "$group/$program" "$log" lost '?'
	fi
}

# vm GROUP OPTIONS... -- COMMAND...: the machine's own words to a file.
vm() {
	local group=$1
	shift
	selftests/vm/run.sh --logs "$logs/$group" --timeout 600 "$@" \
		2>"$logs/$group-vm.log"
}

# run_guest GROUP OPTIONS... -- COMMAND...: a command that prints what
# guest-tests.sh does.
run_guest() {
	local group=$1 status=0 before=$failed
	shift
	: >"$logs/$group-boot.log"
	# Not a pipe: the counting has to happen in this shell.
	split_guest_output "$group" < <(
		vm "$group" "$@" || status=$?
		echo "$status" >"$logs/$group-status"
	)
	status=$(cat "$logs/$group-status")
	if [[ $status -ne 0 && ($status -ge 124 || $failed -eq $before) ]]; then
		sed 's/^/      /' "$logs/$group-boot.log" "$logs/$group-vm.log"
	fi
	if [[ $status -ne 0 && $failed -eq $before ]]; then
		tap_fail "$group" "the machine's exit status is $status"
	fi
}

run_guest_tests() {
	run_guest "$@" --timeout 2400 --file build/selftests/lib \
		--file selftests/tool/guest -- \
		env "${soak[@]}" selftests/vm/guest-tests.sh
}

# The whole way in one piece: trace, tool, library, module, pages.
run_replay() {
	local group=$1 log status=0 start=$SECONDS
	shift
	log=$logs/$group-replay.log
	vm "$group-replay" "$@" -- build/tmemctl replay --backend dev \
		--numa interleave --touch page --json \
		tools/traces/c_gpt.trace.zst >"$log.json" || status=$?
	"$here/vm/replay-check.sh" "$log.json" "$status" >"$log" 2>&1 || true
	cat "$logs/$group-replay-vm.log" >>"$log"
	tap_report "$group/replay" "$log" 0 $((SECONDS - start))
}

run_vm() {
	local group=$1 options
	# How long those run that could run for ever.
	local soak=(TMEM_SOAK_SECONDS=60 TMEM_FUZZ_SECONDS=60)
	[[ $group != vm-6.1 ]] || soak=(TMEM_SOAK_SECONDS=30
		TMEM_FUZZ_SECONDS=30)
	case $group in
	vm-*-flat)
		# A machine that knows nothing of NUMA and counts no stalls.
		options=(--kernel "$(cut -d- -f2 <<<"$group")" --nodes 1
			--mem 2048 --append "numa=off psi=0")
		soak=(TMEM_SOAK_SECONDS=10 TMEM_FUZZ_SECONDS=15)
		run_guest_tests "$group" "${options[@]}"
		;;
	*)
		options=(--kernel "${group#vm-}" --nodes 2)
		# Debian's default clears every page: a fill that forgot to
		# would go unseen.
		[[ $group != vm-6.1 ]] || options+=(--append init_on_alloc=0)
		run_guest_tests "$group" "${options[@]}"
		run_replay "$group" "${options[@]}"
		;;
	esac
}

# --- all --------------------------------------------------------------------

# Most tests wait more than they compute, and a machine without KVM has the use
# of one processor: two lanes, if there is memory for two machines.
lanes() {
	local free_kib
	free_kib=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
	if (($(nproc) >= 2 && free_kib >= 8 << 20)); then
		echo 2
	else
		echo 1
	fi
}

# run_lane GROUPS FILE - one after the other; what was counted goes to the file.
run_lane() {
	local group
	passed=0 failed=0 skipped=0 failures=() skips=()
	for group in $1; do
		run_group "$group"
	done
	tap_save "$2"
}

# run_lanes GROUPS... - the lanes side by side.
run_lanes() {
	local lane n pid=()
	# A command in the background does not hear of Ctrl-C.
	trap 'trap - TERM; kill 0' INT TERM
	for lane in "$@"; do
		n=${#pid[@]}
		rm -f "$logs/lane-$n"
		run_lane "$lane" "$logs/lane-$n" &
		pid+=($!)
		(($(lanes) == 2)) || wait "${pid[$n]}" || true
	done
	n=0
	for lane in "$@"; do
		wait "${pid[$n]}" || true
		tap_add "$lane" "$logs/lane-$n"
		n=$((n + 1))
	done
	trap - INT TERM
}

run_all_vm() {
	local kernel first=vm-6.12-flat others=''
	for kernel in $(tools/build/kernels.sh --list | awk '{print $1}'); do
		if [[ $kernel == 6.12 ]]; then
			first="vm-6.12 $first"
		else
			others+=" vm-$kernel"
		fi
	done
	run_lanes "$first" "$others"
}

run_group() {
	case $1 in
	lib)
		run_folder lib build/selftests/lib
		run_program lib/symbols selftests/lib/symbols.sh
		run_watched
		;;
	asan) run_folder asan build/selftests/lib-asan "${flat[@]}" ;;
	tsan) run_folder tsan build/selftests/lib-tsan "${flat[@]}" ;;
	valgrind) run_valgrind ;;
	tool) run_tool ;;
	host) run_lanes "lib tool asan" "valgrind tsan" ;;
	vm) run_all_vm ;;
	vm-*) run_vm "$1" ;;
	debug) run_debug ;;
	debug-*) run_debug "${1#debug-}" ;;
	*)
		echo "run.sh: no group '$1'" >&2
		usage >&2
		exit 2
		;;
	esac
}

main() {
	local group
	case ${1:-} in
	-h | --help) usage; exit 0 ;;
	esac
	mkdir -p "$logs"
	[[ $# -gt 0 ]] || set -- host vm
	for group in "$@"; do
		run_group "$group"
	done
	tap_summary
}

main "$@"
