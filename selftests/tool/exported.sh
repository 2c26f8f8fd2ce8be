#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# exported.sh - proves what a program sees of the library: build/libtmem.so.0
# exports the names in lib/libtmem.map and no others, the headers declare each
# of them and nothing that is not there, the version is the map's, and a C++17
# program can be built against it and runs.  Prints TAP.
#
# shellcheck disable=SC2317 # the checks are called by their names

set -euo pipefail

cd "$(dirname "$0")/../.."
lib=build/libtmem.so.0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 failed=0

# check TEXT COMMAND... - what the command prints is shown if it fails.
check() {
	local text=$1
	shift
	number=$((number + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $number - $text"
	else
		sed 's/^/# /' "$work/said"
		echo "not ok $number - $text"
		failed=1
	fi
}

# skip TEXT WHY
skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

map_names() {
	sed -n 's/^\t\(tmem_[a-z0-9_]*\);$/\1/p' lib/libtmem.map | sort
}

# Name and version of what is exported; A is the version itself.
exported() {
	nm -D --defined-only "$lib" | awk '$2 != "A" { print $3 }' | sort
}

header_names() {
	# A name may stand below its type; what is inline is not exported.
	awk '{ print (/^tmem_/ ? before " " : "") $0; before = $0 }' \
		include/tmem/*.h | sed -nE -e '/^static /d' -e \
		's/^[a-z][A-Za-z0-9_ *]*[ *](tmem_[a-z0-9_]+)\(.*/\1/p' |
		sort -u
}

same() {
	diff -u --label "$1" --label "$2" "$work/$1" "$work/$2"
}

one_version() {
	local version
	version=$(sed -n 's/^\([A-Z0-9_.]*\) {$/\1/p' lib/libtmem.map)
	! grep -v "@@$version\$" "$work/versioned"
}

soname() {
	readelf -d "$lib" | grep -q 'SONAME.*\[libtmem\.so\.0\]'
}

cxx_builds() {
	g++ -std=c++17 -Wall -Wextra -Werror -fmax-errors=2 \
		-Iinclude -Iinclude/uapi -o "$work/header_cxx" \
		selftests/lib/header_cxx.cc "$lib" -Wl,-rpath,"$PWD/build"
}

echo "TAP version 13"
echo "1..6"
map_names >"$work/map"
exported >"$work/versioned"
sed 's/@.*//' "$work/versioned" >"$work/exported"
header_names >"$work/headers"
check "the library exports the names in the map" same map exported
check "all in the map's version" one_version
check "the headers declare them and no others" same map headers
check "the soname is libtmem.so.0" soname
if command -v g++ >/dev/null; then
	check "a C++17 program builds without a warning" cxx_builds
else
	skip "a C++17 program builds without a warning" "no g++"
fi
if [[ -x $work/header_cxx ]]; then
	check "and runs" "$work/header_cxx"
else
	skip "and runs" "it was not built"
fi
exit "$failed"
