#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# documented.sh - every name of the interfaces is in its manual, and every such
# name in a manual is in the interface.  Prints those that are not.
#
# usage: selftests/documented.sh

set -euo pipefail

cd "$(dirname "$0")/.."
uapi=include/uapi/linux
abi=Documentation/ABI/testing
man=Documentation/man
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT

# lacking TEXT - what standard input has and file TEXT has not, a word a line.
lacking() {
	local text=$1 what=$2 word
	while read -r word; do
		echo "$what: $word" | tee -a "$t/bad"
	done < <(comm -23 <(sort -u) <(sort -u "$text"))
}

# The words of a manual; "-" and ":" may be within.
words() {
	sed -e '/^\.\\"/d' -e 's/\\-/-/g' "$@" |
		grep -oE '[A-Za-z0-9_]+([:-][A-Za-z0-9_]+)*' || true
}

constants() {
	grep -ohE '\bTMEM_[A-Z0-9_]*[A-Z0-9]\b' "$@"
}

# "STRUCT.FIELD" of a header, or of the structures that a manual shows.
fields() {
	awk '{
		for (i = 1; i < NF; i++)
			if ($i == "struct" && $(i + 2) == "{")
				s[++n] = $(i + 1)
	}
	n && /[a-z_\]];/ {
		m = split($0, half, /;/)
		for (i = 1; i < m; i++) {
			k = split(half[i], w, /[ \t*]+/)
			sub(/\[.*/, "", w[k])
			for (j = 1; j <= n; j++)
				print s[j] "." w[k]
		}
	}
	/^};/ || /^\.EE/ { n = 0 }' "$@"
}

# Attributes of one set, in full, that tmem.4 names in full or by their end.
attributes() {
	awk -v RS='\n[.]P\n' "/^(The|Of).*(\n.*)?TMEM_A_$1_/" "$man/tmem.4" |
		words | sed -nE "s/^(TMEM_A_$1)?(_[A-Z_]+)\$/TMEM_A_$1\2/p"
}

# Paths below /sys/class/misc/tmem.
sysfs_files() {
	sed -nE -e '/field\)/d' -e 's/^static DEVICE_ATTR_R[OW]\((.*)\);/\1/p' \
		-e 's/^TMEM_RECALL_ATTR\((.*)\);/recall\/\1/p' \
		-e 's/^TMEM_NODE_ATTR\(([a-z_]*),.*/node<N>\/\1/p' kmod/sysfs.c
	sed -nE -e 's/^static DEVICE_ATTR_RO\((.*)\);/pressure\/\1/p' \
		-e 's/^TMEM_SETTING\(([a-z_]*),.*/pressure\/\1/p' \
		kmod/pressure_sysfs.c
}

tracepoints() {
	tr -d '\n\t ' <kmod/trace.h | grep -oE \
		'(TRACE_EVENT\(|DEFINE_EVENT\([a-z_]*,)tmem_[a-z_]*' |
		sed 's/.*tmem_/tmem:tmem_/'
}

words "$man/tmem_ioctl.2" "$man/tmem.4" >"$t/kernel"
words "$man/tmem.4" >"$t/tmem.4"

# From the interface to the manual.
constants "$uapi/tmem.h" | grep -v _IOC_MAGIC |
	lacking "$t/kernel" "not in tmem_ioctl(2) or tmem(4)"
fields "$uapi/tmem.h" >"$t/fields"
fields "$man/tmem_ioctl.2" "$man/tmem.4" >"$t/shown"
lacking "$t/shown" "field shown in no manual" <"$t/fields"
grep -hE '^\.(I|B|IR|RI|BR) ' "$man/tmem_ioctl.2" "$man/tmem.4" |
	words >"$t/named"
sed 's/.*\.//' "$t/fields" | lacking "$t/named" "field explained in no manual"
constants "$uapi/tmem_netlink.h" | grep -vE '_A_|_CMD_MAX' |
	lacking "$t/tmem.4" "netlink, not in tmem(4)"
for set in ARENA NODE PRESSURE; do
	constants "$uapi/tmem_netlink.h" | grep "_A_${set}_" |
		grep -vE '_(PAD|MAX)$' >"$t/header"
	attributes "$set" >"$t/manual"
	lacking "$t/manual" "attribute, not in tmem(4)" <"$t/header"
	lacking "$t/header" "attribute in tmem(4), of no such name" <"$t/manual"
done
sysfs_files >"$t/sysfs"
sed -nE 's,^What:\t*/sys/class/misc/tmem/(.*[^/])$,\1,p' \
	"$abi/sysfs-class-misc-tmem" >"$t/abi"
lacking "$t/abi" "not in $abi/sysfs-class-misc-tmem" <"$t/sysfs"
lacking "$t/sysfs" "in $abi/sysfs-class-misc-tmem, but no file" <"$t/abi"
sed 's,.*/,,' "$t/sysfs" | lacking "$t/tmem.4" "sysfs, not in tmem(4)"
sed -nE 's,.*debugfs_create_file\("([a-z]*)".*,/sys/kernel/debug/tmem/\1,p' \
	kmod/debug.c >"$t/debugfs"
sed -nE 's/^What:\t*//p' "$abi/debugfs-tmem" >"$t/abi"
lacking "$t/abi" "not in $abi/debugfs-tmem" <"$t/debugfs"
lacking "$t/debugfs" "in $abi/debugfs-tmem, but no file" <"$t/abi"
grep -ohE 'tmem-[a-z]+:' kmod/arena.c | tr -d : >"$t/fdinfo"
lacking "$t/tmem.4" "fdinfo, not in tmem(4)" <"$t/fdinfo"
lacking <(words "$abi/dev-tmem") "not in $abi/dev-tmem" <"$t/fdinfo"
tracepoints >"$t/events"
lacking "$t/tmem.4" "tracepoint, not in tmem(4)" <"$t/events"
sed -n 's/^\t\(tmem_[a-z0-9_]*\);$/\1/p' lib/libtmem.map |
	lacking <(words "$man/libtmem.7") "not in libtmem(7)"

# And back.
words "$man"/*.[0-9] "$abi"/* >"$t/all"
constants "$uapi"/*.h include/tmem/*.h kmod/compat.h kmod/debug.c \
	lib/core/*.[ch] >"$t/header"
constants "$t/all" |
	lacking "$t/header" "in a manual, but in no header"
fields "$man/tmem_ioctl.2" | lacking "$t/fields" "field in tmem_ioctl(2)"
grep -E '^tmem:tmem_' "$t/all" |
	lacking "$t/events" "in a manual, but no tracepoint"
[[ ! -s $t/bad ]]
