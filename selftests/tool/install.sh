#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# install.sh - what make install puts where, and that the device goes to a
# group that is made.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# Not the settings of the make that runs the tests.
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES DESTDIR PREFIX LIBDIR MANDIR \
	UDEVDIR SYSUSERSDIR
root=$work/root
rule=/usr/lib/udev/rules.d/60-tmem.rules
group=/usr/lib/sysusers.d/tmem.conf

install_to() {
	rm -rf "$root"
	status=0
	make -s -C "$here" install DESTDIR="$root" "$@" >"$work/out" \
		2>"$work/err" || status=$?
}

# Each path below $root is there, not empty, and with that mode.
installed() {
	local mode=$1 path
	shift
	for path; do
		if [[ ! -s $root$path ||
			$(stat -c %a "$root$path") != "$mode" ]]; then
			echo "# $path: $(stat -c %a "$root$path" 2>&1)"
			return 1
		fi
	done
}

# The group of the rule is the one that is made.
same_group() {
	local name
	name=$(sed -n 's/.*GROUP="\([a-z]*\)".*/\1/p' "$root$rule")
	[[ -n $name ]] && grep -qx "g $name -" "$root$group"
}

# What systemd makes of it, in a folder of its own.
group_made() {
	mkdir -p "$root/etc"
	systemd-sysusers --root="$root" "$root$group" >"$work/out" \
		2>"$work/err" && grep -q '^tmem:' "$root/etc/group"
}

echo "TAP version 13"

install_to
check "make install passes" passed
check "programs and libraries" installed 755 /usr/local/bin/tmemctl \
	/usr/local/lib/libtmem.so.0
check "headers, manuals, tmem.pc" installed 644 /usr/local/include/tmem.h \
	/usr/local/include/tmem/pressure.h \
	/usr/local/include/linux/tmem.h \
	/usr/local/include/linux/tmem_netlink.h \
	/usr/local/share/man/man8/tmemctl.8 /usr/local/lib/pkgconfig/tmem.pc
check "the udev rule and the group" installed 644 "$rule" "$group"
check "which belong together" same_group
check "the device is the group's to read and write, and nobody else's" \
	grep -q '^SUBSYSTEM=="misc", KERNEL=="tmem",.* MODE="0660"$' \
	"$root$rule"
if command -v systemd-sysusers >/dev/null; then
	check "systemd makes the group" group_made
else
	skip "systemd makes the group" "no systemd-sysusers"
fi

install_to PREFIX=/opt/tmem
check "PREFIX does not move them" installed 644 "$rule" "$group" \
	/opt/tmem/include/tmem.h
install_to UDEVDIR=/etc/udev/rules.d SYSUSERSDIR=/etc/sysusers.d
check "UDEVDIR and SYSUSERSDIR do" installed 644 \
	/etc/udev/rules.d/60-tmem.rules /etc/sysusers.d/tmem.conf
check "and nothing is left elsewhere" \
	equal "$(ls "$root")" "$(printf 'etc\nusr')"
install_to UDEVDIR= SYSUSERSDIR=
check "empty, they are not installed" equal "$status $(ls "$root")" "0 usr"

finish
