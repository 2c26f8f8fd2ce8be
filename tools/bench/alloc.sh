#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# alloc.sh - what `make bench` does: build, and measure the library beside the
# allocators of the distribution.
#
# The table goes to stdout; build/bench/ has alloc.txt (the same), alloc.json
# (every sample) and alloc.svg (a chart).

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../build/common.sh
source "$(dirname "$0")/../build/common.sh"

out=$TMEM_ROOT/build/bench
arguments=() traces=()

usage() {
	cat <<-'END'
	usage: tools/bench/alloc.sh [OPTION]... [TRACE]...

	  TRACE           a recorded run (default: tools/traces/*.zst, or those
	                  that $TRACES names, as TRACES='dir/*.zst')
	  --quick         one short round on the first part of each trace: does
	                  it work at all
	  --rounds N      how often everything is measured (default 5)
	  --budget SECONDS
	                  no further round that would end later
	                  (default 240 per trace; 0: no limit)
	  --idle SECONDS  how long what a trace left alive is kept for the test of
	                  idle memory (default 20; 0: no such test)
	  --decay SECONDS the time after which libtmem is told to give back what
	                  idles (default 0.6 of --idle; 0: its own default)
	  --only NAMES    only these, as tmem,tcmalloc; there are tmem, tcmalloc,
	                  jemalloc, mimalloc, glibc-keep, glibc
	  --also NAME=VAR=VALUE[,VAR=VALUE]...
	                  libtmem once more, with that environment, as
	                  --also best-fit=TMEM_STRATEGY=best-fit, or
	                  --also old=LD_LIBRARY_PATH=/folder/of/another/build
	  --measure NAMES of none, none2, page, full, crew, idle, ladder
	  --backend NAME  anon (default) or dev, for libtmem
	  --out FOLDER    for the results (default build/bench)

	Exit status: 0; 1 if a bar is missed (not with --quick; what was not
	measured is not judged) or something crashed; else it could not be run.
	END
}

parse_options() {
	while [[ $# -gt 0 ]]; do
		case $1 in
		--quick)
			arguments+=("$1")
			shift
			;;
		-h | --help)
			usage
			exit 0
			;;
		--rounds | --budget | --idle | --decay | --only | --also | --measure | \
			--backend | --out)
			[[ $# -gt 1 ]] || die "$1 wants a value"
			[[ $1 != --out ]] || out=$(realpath -m "$2")
			arguments+=("$1" "$2")
			shift 2
			;;
		-*) die "unknown option $1; --help lists them" ;;
		*)
			traces+=("$(realpath "$1")")
			shift
			;;
		esac
	done
}

default_traces() {
	if [[ ${#traces[@]} -eq 0 ]]; then
		# shellcheck disable=SC2206 # a pattern of files is wanted
		traces=(${TRACES:-"$TMEM_ROOT"/tools/traces/*.zst})
	fi
	[[ -e ${traces[0]} ]] || die "no trace ${traces[0]}"
}

main() {
	parse_options "$@"
	default_traces
	cd "$TMEM_ROOT"
	tools/build/packages.sh --bench >&2
	make --no-print-directory bench-programs >&2
	mkdir -p "$out"
	build/bench/alloc ${arguments[@]+"${arguments[@]}"} "${traces[@]}" |
		tee "$out/alloc.txt"
}

main "$@"
