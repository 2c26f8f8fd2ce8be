#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kmod.sh - what `make bench-kmod` does: build, boot a virtual machine with two
# nodes, measure the module in it, print the table.
#
# Under emulation (TCG) the times themselves mean little; ratios inside one run
# do, and the table says which it was.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../build/common.sh
source "$(dirname "$0")/../build/common.sh"

cd "$TMEM_ROOT"
kernel=6.12 mem=1280 logs=build/bench/logs
arguments=()

usage() {
	cat <<-'END'
	usage: tools/bench/kmod.sh [--kernel K] [--rounds N] [--only KEY]
	                          [--mem MIB] [--json]

	  --kernel K   6.1 or 6.12 (default)
	  --rounds N   how often everything is measured (default 5)
	  --only KEY   only what has a key that begins so: touch, populate, fault,
	               recall, allocate, level, word
	  --mem MIB    memory of each of the two nodes (default 1280)
	  --json       all single measurements, for programs

	Exit status: 0; 1 if a bar is missed; else it could not be run.
	END
}

step() {
	echo "[$1/4] $2" >&2
}

parse_options() {
	while [[ $# -gt 0 ]]; do
		case $1 in
		--json)
			arguments+=("$1")
			shift
			continue
			;;
		-h | --help)
			usage
			exit 0
			;;
		--kernel | --rounds | --only | --mem)
			[[ $# -gt 1 ]] || die "$1 wants a value"
			;;
		*) die "unknown option $1; --help lists them" ;;
		esac
		case $1 in
		--kernel) kernel=$2 ;;
		--rounds | --only) arguments+=("$1" "$2") ;;
		--mem) mem=$2 ;;
		esac
		shift 2
	done
}

main() {
	local level pair
	parse_options "$@"
	step 1 "installing packages that are missing"
	tools/build/packages.sh >&2
	step 2 "fetching kernels that are missing (kept in $TMEM_CACHE)"
	tools/build/kernels.sh >/dev/null
	step 3 "building the module and the benchmark"
	make --no-print-directory modules build/bench/kmod >&2
	read -r level pair < <(build/bench/kmod --host)
	step 4 "measuring on Linux $kernel, two nodes of $mem MiB"
	exec selftests/vm/run.sh --kernel "$kernel" --mem "$mem" --timeout 900 \
		--logs "$logs" --file build/bench/kmod -- build/bench/kmod \
		--host-level "$level" --host-pair "$pair" \
		${arguments[@]+"${arguments[@]}"}
}

main "$@"
