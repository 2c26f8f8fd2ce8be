#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# lint.sh - what can be said about the sources without running them.
#
# usage: selftests/lint.sh [CHECK]...      (default: all, see main)
#
# Prints TAP: "ok - name", or what is wrong and "not ok - name".  Exit status 1 if
# a check failed.  The checks of seconds are the default (`make lint`, and the
# gate); holes, clang, module, sparse and checkpatch take minutes.
#
# shellcheck disable=SC2317 # the checks are called by their names

set -euo pipefail

cd "$(dirname "$0")/.."
work=build/lint
checkpatch=build/kselftest/checkpatch.pl
failed=0 count=0

# The project's files: tracked, or new and not ignored.
files() {
	git ls-files --cached --others --exclude-standard -- "$@" |
		while read -r file; do
			if [[ -f $file ]]; then
				echo "$file"
			fi
		done
}

check_format() {
	files '*.c' '*.h' | xargs clang-format --dry-run --Werror
}

shell_scripts() {
	files | while read -r file; do
		if [[ $file == *.sh ]] || head -c 64 "$file" |
			head -n 1 | tr -d '\0' | grep -qE '^#!.*\b(ba)?sh\b'; then
			echo "$file"
		fi
	done
}

check_shell() {
	shell_scripts | xargs shellcheck -x
}

check_manuals() {
	files 'Documentation/man/*' | xargs -r mandoc -T lint -W warning
}

# The first lines name the licence, except in licences and data.
check_licences() {
	local file bad=0
	while read -r file; do
		case $file in
		LICENSES/* | *.zst) continue ;;
		esac
		if ! head -n 4 "$file" | grep -q 'SPDX-License-Identifier: '; then
			echo "$file: no SPDX-License-Identifier in its first lines"
			bad=1
		fi
	done < <(files)
	return "$bad"
}

# Every header of the interface can be included first, and from C++.
check_headers() {
	local header bad=0
	while read -r header; do
		header=${header#include/}
		header=${header#uapi/}
		echo "#include <$header>" | gcc -x c -std=c11 -Wall -Wextra \
			-Werror -Iinclude -Iinclude/uapi -fsyntax-only - || bad=1
		echo "#include <$header>" | g++ -x c++ -std=c++17 -Wall -Wextra \
			-Werror -Iinclude -Iinclude/uapi -fsyntax-only - || bad=1
	done < <(files 'include/*.h')
	return "$bad"
}

# No holes in the kernel's structures, and the same size in 32-bit programs.
check_holes() {
	local structs name bits bad=0
	structs=$(sed -n 's/^struct \([a-z_]*\) {$/\1/p' \
		include/uapi/linux/tmem.h)
	for bits in 32 64; do
		{
			echo '#include <linux/tmem.h>'
			for name in $structs; do
				echo "struct $name $name;"
			done
		} | clang "-m$bits" -g -x c -Iinclude/uapi -isystem \
			/usr/include/x86_64-linux-gnu -c -o "$work/uapi$bits.o" -
	done
	for name in $structs; do
		pahole -C "$name" "$work/uapi64.o" >"$work/struct64"
		pahole -C "$name" "$work/uapi32.o" >"$work/struct32"
		if grep -E 'hole|padding' "$work/struct64" "$work/struct32"; then
			echo "struct $name has holes"
			bad=1
		fi
		if ! diff <(grep -o 'size: [0-9]*' "$work/struct64") \
			<(grep -o 'size: [0-9]*' "$work/struct32"); then
			echo "struct $name differs between 32 and 64 bits"
			bad=1
		fi
	done
	return "$bad"
}

# Every test program is in selftests/levels once, and nothing else is.
check_levels() {
	diff --label selftests/levels --label "the programs' sources" -u \
		<(awk '!/^#/ && NF { print $1 }' selftests/levels | sort) \
		<(files 'selftests/kmod/*.c' 'selftests/lib/*.c' |
			sed 's,^selftests/,,; s,\.c$,,' |
			cat - <(test_scripts) | sort)
}

test_scripts() {
	local script
	for script in $(files 'selftests/tool/*.sh'); do
		if [[ -x $script ]]; then
			script=${script#selftests/}
			echo "${script%.sh}"
		fi
	done
}

# Tests neither sleep nor read a clock, and assert no time: only selftests/pace.h
# and until_true of tool/common.sh do, when they wait for a condition, and the
# benchmarks.  selftests/lint-pace.txt lists what is still there, and may only
# become shorter.
check_pace() {
	local calls='nanosleep|usleep|sleep|alarm|setitimer|timer_settime|time'
	local late='[^,]*_(ns|us|ms)\b' # a time as the first argument

	calls+='|gettimeofday|clock_gettime|clock_nanosleep|getrusage'
	{
		files 'selftests/*.[ch]' | grep -v '^selftests/pace\.h$' |
			xargs grep -nE \
				"(^|[^a-zA-Z0-9_>.\"])($calls) *\\(|_L[TE]\\($late,|_G[TE]\\([^,]*,$late" |
			grep -vE ':[0-9]+:([[:space:]]*(/?\*|//)|(static )?[a-z]+ [a-z_ ]*\()'
		files 'selftests/*.sh' 'selftests/*.py' |
			grep -vE '^selftests/(vm/|lint\.sh|tool/common\.sh)' |
			xargs grep -nE \
				'^[^#]*(\bsleep [0-9"$]|\bSECONDS\b|date \+%s|time\.(sleep|time|monotonic))'
	} | sed -E 's/:[0-9]+:[[:space:]]*/: /' | LC_ALL=C sort >"$work/pace" || true
	diff --label selftests/lint-pace.txt --label 'the tests' -u \
		<(grep -v '^#' selftests/lint-pace.txt) "$work/pace"
}

# gcc's warnings end the builds of run.pl.
check_clang() {
	make --no-print-directory -s V=1 -j"$(nproc)" B="$work/clang" CC=clang \
		CFLAGS='-O2 -g -Werror' plain
}

# check_module RELEASE HEADERS [OPTION]... - the kernel's own headers have warnings
# under W=1 and in sparse; ours count.
check_module() {
	local release=$1 headers=$2 dir=$work/kmod/$1
	shift 2
	rm -rf "$dir"
	tools/build/module-tree.sh "$dir"
	make -C "$headers" M="$PWD/$dir" -j"$(nproc)" W=1 "$@" \
		CONFIG_DEBUG_INFO_BTF_MODULES= modules \
		>"$work/$release.log" 2>&1 || {
		tail -n 30 "$work/$release.log"
		return 1
	}
	! grep -A 5 -E '(kmod/[a-z_]+\.[ch]|uapi/linux/tmem\.h):[0-9]+.*(warning|error)' \
		"$work/$release.log"
}

# What is not asked:
#  FILE_PATH_CHANGES           there is no MAINTAINERS file
#  SPDX_LICENSE_TAG            check_licences looks, and the library is LGPL
#  LINUX_VERSION_CODE, CONSTANT_COMPARISON    compat.h tests the version
#  SPLIT_STRING, LONG_LINE*, SPACING    clang-format decides
IGNORED=FILE_PATH_CHANGES,SPDX_LICENSE_TAG,LINUX_VERSION_CODE,SPLIT_STRING
IGNORED+=,CONSTANT_COMPARISON,LONG_LINE,LONG_LINE_COMMENT,LONG_LINE_STRING
IGNORED+=,SPACING

# In the module warnings count.  Many of them recommend helpers of the kernel
# that a program cannot have; there only errors count.
check_checkpatch() {
	local counts=$1
	shift
	# It fails on warnings too, so what it prints decides.
	! { files "$@" | xargs -n 8 -P "$(nproc)" perl "$checkpatch" --no-tree --no-signoff \
		--terse --show-types --no-summary --ignore "$IGNORED" -f ||
		true; } | grep -E "$counts|Can't|cannot"
}

# run NAME COMMAND...
run() {
	local name=$1 status
	shift
	# Not in the condition of an if: errexit would be off in the check.
	set +e
	(
		set -e
		"$@"
	) >"$work/output" 2>&1
	status=$?
	set -e
	count=$((count + 1))
	if [[ $status -eq 0 ]]; then
		echo "ok - $name"
	else
		cat "$work/output"
		echo "not ok - $name"
		failed=1
	fi
}

run_check() {
	local release headers
	case $1 in
	format | shell | manuals | licences | headers | levels | pace | holes)
		run "$1" "check_$1"
		;;
	documented) run documented selftests/documented.sh ;;
	clang) run "clang without warnings" check_clang ;;
	module)
		while read -r _ release _ _ headers; do
			run "module on $release: W=1" \
				check_module "$release" "$headers"
		done < <(tools/build/kernels.sh --list)
		;;
	sparse)
		while read -r _ release _ _ headers; do
			run "module on $release: sparse" check_module \
				"$release" "$headers" C=2 CHECK=sparse
		done < <(tools/build/kernels.sh --list)
		;;
	checkpatch)
		run "checkpatch, module" check_checkpatch 'ERROR:|WARNING:' \
			'kmod/*.[ch]' 'include/uapi/*.h'
		run "checkpatch, programs" check_checkpatch 'ERROR:' \
			'lib/*.[ch]' 'tools/*.[ch]' 'selftests/*.[ch]' \
			'include/tmem/*.h' 'include/*.h'
		;;
	*)
		echo "lint.sh: no check '$1'" >&2
		exit 2
		;;
	esac
}

main() {
	local check
	mkdir -p "$work"
	[[ $# -gt 0 ]] || set -- format shell licences headers manuals documented \
		levels pace
	for check in "$@"; do
		run_check "$check"
	done
	echo "1..$count"
	exit "$failed"
}

main "$@"
