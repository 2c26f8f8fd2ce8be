#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# debug-kernel.sh - have the kernel of `make check-full` at hand: Debian's
# sources of Linux 6.12, built with everything that finds errors by itself
# (debug.config), which no distribution's kernel has.
#
# usage: debug-kernel.sh [--list]
#
# Prints a line like kernels.sh:
#     debug RELEASE VMLINUZ MODULES_DIR BUILD_DIR
#
#   (no option)  build it if the cache ($TMEM_CACHE) lacks it: minutes, no
#                network.  If it is there, nothing is done
#   --list       only say what the cache has
#
# The cache keeps the kernel's image and what the build of a module takes.  A
# change of the sources' version, of debug.config or of this script makes
# another kernel; the old one is removed when the new one is complete.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

config=$TMEM_ROOT/tools/build/debug.config
top=$TMEM_LINUX_SOURCE
tarball=/usr/src/$top.tar.xz

# Compiled and assembled files of this configuration, for the progress.
OBJECTS=1310
# What the build takes at its largest, and a margin.
NEEDED_MIB=2500

# Sets final, the folder of the kernel that these sources make.
find_final() {
	local version hash
	version=$(dpkg-query -W -f '${Version}' "$top" 2>/dev/null) || true
	[[ -n $version && -f $tarball ]] || return 1
	hash=$({
		echo "$version"
		cat "$config" "${BASH_SOURCE[0]}"
	} | sha256sum)
	final=$TMEM_CACHE/debug-${version%%-*}-${hash:0:12}
}

print_kernel() {
	local release
	release=$(cat "$final/complete")
	echo "debug $release $final/boot/vmlinuz-$release" \
		"$final/lib/modules/$release $final/build"
}

# What the caller's make, or a person's habits, would say to Kbuild must not
# reach it: MAKEFLAGS, CC, ARCH, CROSS_COMPILE ...
kbuild() {
	env -i PATH="$PATH" HOME="${HOME:-/}" LC_ALL=C \
		KCONFIG_ALLCONFIG="$config" make -C "$work/$top" "$@"
}

# Some folders are large and not looked at by a build for x86.
unpack() {
	say "  [1/4] unpacking $tarball (1.5 GB)"
	tar -xJf "$tarball" -C "$work" --anchored \
		--exclude="$top/Documentation/[a-z]*" \
		--exclude="$top/arch/*/boot/dts/*" \
		--exclude="$top/tools/testing/*"
}

configure() {
	local line bad=0
	say "  [2/4] configuring"
	kbuild allnoconfig >"$work/config.log" 2>&1 || {
		tail -n 15 "$work/config.log" >&2
		die "configuring the debug kernel failed"
	}
	# Kconfig drops in silence what it cannot have.
	while IFS= read -r line; do
		if ! is_configured "$line"; then
			say "  debug.config: $line is not in the final .config"
			bad=1
		fi
	done < <(grep -E '^(CONFIG_|# CONFIG_[A-Z0-9_]+ is not set)' "$config")
	[[ $bad -eq 0 ]] ||
		die "an option lacks another that it depends on; see above"
}

is_configured() {
	local name
	if [[ $1 != '# '* ]]; then
		grep -qxF "$1" "$work/$top/.config"
		return
	fi
	name=${1#\# }
	if grep -q "^${name%% *}=" "$work/$top/.config"; then
		return 1
	fi
}

# Lines of Kbuild in, a line for every tenth out.
show_progress() {
	awk -v all="$OBJECTS" '
	/^  (CC|AS) / && int(++n * 10 / all) > tenths && n < all {
		tenths = int(n * 10 / all)
		printf "        %d of about %d objects\n", n, all
		fflush()
	}' >&2
}

compile() {
	say "  [3/4] building $OBJECTS objects on $(nproc) CPUs" \
		"(7 minutes on two)"
	kbuild -j"$(nproc)" bzImage modules 2>&1 |
		tee "$work/build.log" | show_progress || {
		grep -aE 'error:|Error [0-9]|No space' "$work/build.log" |
			tail -n 10 >&2 || true
		cp "$work/build.log" "$TMEM_CACHE/debug-failed.log"
		die "building the debug kernel failed;" \
			"see $TMEM_CACHE/debug-failed.log"
	}
}

# The kernel's own script knows what a module's build takes.
keep() {
	local release tree=$work/tree
	say "  [4/4] keeping the image and what modules are built with"
	release=$(kbuild -s kernelrelease)
	(
		cd "$work/$top"
		env -i PATH="$PATH" LC_ALL=C srctree=. SRCARCH=x86 CC=gcc \
			HOSTCC=gcc MAKE=make \
			scripts/package/install-extmod-build "$tree/build"
		cp .config "$tree/build"
		install -D -m 644 arch/x86/boot/bzImage \
			"$tree/boot/vmlinuz-$release"
		install -D -m 644 modules.builtin \
			"$tree/lib/modules/$release/modules.builtin"
		: >"$tree/lib/modules/$release/modules.dep"
	)
	echo "$release" >"$tree/complete"
}

build() {
	local old free
	# Left by a build that was killed.
	rm -rf "$TMEM_CACHE"/.debug.??????
	free=$(df --output=avail -m "$TMEM_CACHE" | tail -n 1)
	((free >= NEEDED_MIB)) ||
		die "the build takes $NEEDED_MIB MiB in $TMEM_CACHE, free are" \
			"$((free)); set TMEM_CACHE to another folder"
	work=$(mktemp -d "$TMEM_CACHE/.debug.XXXXXX")
	# shellcheck disable=SC2064 # the value now is wanted
	trap "rm -rf '$work'" EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	say "  building the debug kernel to $final"
	unpack
	configure
	compile
	keep
	for old in "$TMEM_CACHE"/debug-*; do
		[[ ! -d $old ]] || rm -rf "$old"
	done
	mv "$work/tree" "$final"
	say "  done; $(du -sm "$final" | cut -f1) MiB stay there"
}

main() {
	local mode=${1:-}

	[[ -z $mode || $mode == --list ]] ||
		die "unknown option $mode; usage: debug-kernel.sh [--list]"
	if find_final && [[ -f $final/complete ]]; then
		print_kernel
		return
	fi
	[[ $mode != --list ]] || return 0
	[[ -n ${final:-} ]] ||
		die "$tarball is missing; run as root:" \
			"tools/build/packages.sh --debug"
	[[ $TMEM_CACHE != *[[:space:]]* ]] ||
		die "TMEM_CACHE may not contain blanks: $TMEM_CACHE"
	if ! mkdir -p "$TMEM_CACHE" 2>/dev/null ||
		! : 2>/dev/null >>"$TMEM_CACHE/.debug-lock"; then
		die "cannot write $TMEM_CACHE; set TMEM_CACHE to another folder"
	fi
	# Two calls at once must not build the same kernel twice.
	exec 9>>"$TMEM_CACHE/.debug-lock"
	flock 9
	if [[ ! -f $final/complete ]]; then
		build
	fi
	print_kernel
}

main "$@"
