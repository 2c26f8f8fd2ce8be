#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# initramfs.sh - pack the guest's file system.
#
# usage: initramfs.sh OUTPUT ROOT MODULES_DIR [MODULE]...
#
# ROOT is a folder with what is special to this run (see run.sh); it is
# completed here with busybox, the MODULEs of the kernel with all that they
# need, the shared libraries of every program in it, and packed.  The names
# of the modules, in the order to load them, go to /etc/tmem-vm.modules.

set -euo pipefail

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

output=${1:?} root=${2:?} modules_dir=${3:?}
shift 3

add_busybox() {
	local busybox
	busybox=$(command -v busybox) ||
		die "busybox is missing; run as root: tools/build/packages.sh"
	! ldd "$busybox" >/dev/null 2>&1 ||
		die "busybox is not static; install the package busybox-static"
	install -D "$busybox" "$root/bin/busybox"
}

# modules.dep lists what a module needs, to be loaded from right to left.
# What is built in needs nothing.
module_order() {
	local module=$1 line path
	if grep -qsE "/$module\.ko\$" "$modules_dir/modules.builtin"; then
		return
	fi
	line=$(grep -E "^[^:]*/$module\.ko(\.[a-z]+)?:" \
		"$modules_dir/modules.dep") || die "no module $module in $modules_dir"
	# shellcheck disable=SC2086 # words are wanted
	for path in ${line/:/ }; do
		echo "$path"
	done | tac
}

unpack_module() {
	local from=$1 to=$2
	case $from in
	*.xz) xz -dc "$from" >"$to" ;;
	*.zst) zstd -qdc "$from" >"$to" ;;
	*.gz) gzip -dc "$from" >"$to" ;;
	*) cp "$from" "$to" ;;
	esac
}

add_modules() {
	local module path name
	mkdir -p "$root/lib/modules" "$root/etc"
	for module in "$@"; do
		module_order "$module"
	done | awk '!seen[$0]++' | while read -r path; do
		name=${path##*/}
		name=${name%%.ko*}.ko
		unpack_module "$modules_dir/$path" "$root/lib/modules/$name"
		echo "$name"
	done >"$root/etc/tmem-vm.modules"
}

is_elf() {
	[[ $(head -c 4 "$1" | tr -d '\0') == $'\x7fELF' ]]
}

# Libraries lie in the guest where they lie here; those of the project are
# found beside the program that uses them.
add_libraries() {
	local file lib
	find "$root/tmem" -type f -perm -u+x | while read -r file; do
		if is_elf "$file"; then
			ldd "$file" 2>/dev/null || true # static ones
		fi
	done | sed -nE 's:^[^/]*(/[^ ]+).*:\1:p' | sort -u | while read -r lib; do
		[[ $lib == "$root"/* || ! -e $lib ]] || echo "$lib"
	done >"$output.libs"
	# Loaded by name when a thread is cancelled, so ldd does not see it.
	if grep -q 'libc\.so' "$output.libs"; then
		find /lib/x86_64-linux-gnu -name 'libgcc_s.so.1' >>"$output.libs"
	fi
	while read -r lib; do
		install -D "$lib" "$root$lib"
	done <"$output.libs"
	rm -f "$output.libs"
}

add_busybox
add_modules "$@"
add_libraries
mkdir -p "$root"/{dev,proc,sys,tmp,run,etc,sbin}
(cd "$root" && find . -print0 | cpio --null -o -H newc -R 0:0 --quiet) >"$output"
