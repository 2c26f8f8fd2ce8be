#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# kernels.sh - have the two Debian kernels that tmem supports at hand.
#
# usage: kernels.sh [--list | --update]
#
# Prints a line per kernel:  SERIES RELEASE VMLINUZ MODULES_DIR HEADERS_DIR
#
#   (no option)  download what the cache ($TMEM_CACHE) lacks; no network is
#                used if it lacks nothing
#   --list       only say what the cache has
#   --update     look for newer kernels and download them
#
# Nothing is installed: the packages are unpacked in the cache.  Installing
# would change which kernel the host boots, and not only for the image: the
# 6.12 headers package depends on its image.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

SERIES=(6.1 6.12)

# linux-image-amd64 is Debian 12's own kernel, always 6.1; later series come
# as versioned packages.
newest_release() {
	local series=$1
	case $series in
	6.1)
		apt-cache depends linux-image-amd64 2>/dev/null |
			sed -n 's/^ *Depends: linux-image-\(6\.1\..*-amd64\)$/\1/p'
		;;
	*)
		apt-cache search --names-only \
			"^linux-image-${series//./\\.}\\.[0-9]+\\+deb12-amd64\$" |
			sed 's/^linux-image-//; s/ .*//' | sort -V
		;;
	esac | tail -n 1
}

cached_release() {
	local series=$1 dir
	for dir in "$TMEM_CACHE/linux-$series".*; do
		if [[ -f $dir/complete ]]; then
			echo "${dir##*/linux-}"
		fi
	done | sort -V | tail -n 1
}

print_kernel() {
	local series=$1 release=$2 dir=$TMEM_CACHE/linux-$2
	echo "$series $release $dir/boot/vmlinuz-$release" \
		"$dir/lib/modules/$release $dir/usr/src/linux-headers-$release"
}

# The package with the build programs is named after the headers' dependency,
# differently in the two series.
kbuild_package() {
	apt-cache depends "linux-headers-$1" |
		sed -n 's/^ *Depends: \(linux-kbuild-.*\)$/\1/p' | head -n 1
}

# Unpacked headers name their place in a Makefile; put in the cache's.  The
# index of modules is otherwise made when a kernel is installed.
adjust_tree() {
	local tree=$1 final=$2 release=$3
	local headers=usr/src/linux-headers-$release

	sed -i "s:^include /usr/src/:include $final/usr/src/:" \
		"$tree/$headers/Makefile"
	ln -sfn "$final/$headers" "$tree/lib/modules/$release/build"
	rm -f "$tree/lib/modules/$release/source"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$tree" "$release"
}

download() {
	local release=$1 final=$TMEM_CACHE/linux-$1 work deb
	local common=linux-headers-${1%-amd64}-common

	work=$(mktemp -d "$TMEM_CACHE/.unpack.XXXXXX")
	# shellcheck disable=SC2064 # the value now is wanted
	trap "rm -rf '$work'" EXIT
	mkdir "$work/tree"
	say "  downloading Linux $release (image and headers) to $TMEM_CACHE"
	(
		cd "$work"
		apt_quiet "$work/log" apt-get -o APT::Sandbox::User=root \
			download "linux-image-$release" \
			"linux-headers-$release" "$common" \
			"$(kbuild_package "$release")"
	) || {
		rm -rf "$work"
		return 1
	}
	for deb in "$work"/*.deb; do
		dpkg-deb -x "$deb" "$work/tree"
	done
	adjust_tree "$work/tree" "$final" "$release"
	touch "$work/tree/complete"
	rm -rf "$final"
	mv "$work/tree" "$final"
	rm -rf "$work"
	trap - EXIT
}

update_lists() {
	[[ $(id -u) -eq 0 ]] ||
		die "the package lists are missing or old; run as root: apt-get update"
	say "  apt-get update"
	apt_quiet "$TMEM_CACHE/apt-update.log" apt-get update ||
		die "apt-get update failed; is there a network?"
}

fetch_newest() {
	local series=$1 release

	release=$(newest_release "$series")
	if [[ -n $release && -f $TMEM_CACHE/linux-$release/complete ]]; then
		return
	fi
	# Lists may be absent, or name a package that was replaced since.
	if [[ -z $release ]] || ! download "$release"; then
		update_lists
		release=$(newest_release "$series")
		[[ -n $release ]] ||
			die "no Linux $series package in the package lists;" \
				"Debian 12 with its security archive has one"
		download "$release" ||
			die "cannot download Linux $release; is there a network?"
	fi
}

list_kernels() {
	local series release
	for series in "${SERIES[@]}"; do
		release=$(cached_release "$series")
		[[ -z $release ]] || print_kernel "$series" "$release"
	done
}

have_all() {
	local series
	for series in "${SERIES[@]}"; do
		[[ -n $(cached_release "$series") ]] || return 1
	done
}

main() {
	local mode=${1:-} series

	case $mode in
	--list) list_kernels; return ;;
	'' | --update) ;;
	*) die "unknown option $mode; usage: kernels.sh [--list | --update]" ;;
	esac
	if [[ $mode != --update ]] && have_all; then
		list_kernels
		return
	fi
	[[ $TMEM_CACHE != *[[:space:]]* ]] ||
		die "TMEM_CACHE may not contain blanks: $TMEM_CACHE"
	# Two builds at once must not unpack the same kernel twice.
	if ! mkdir -p "$TMEM_CACHE" 2>/dev/null ||
		! : 2>/dev/null >>"$TMEM_CACHE/.lock"; then
		die "cannot write $TMEM_CACHE; set TMEM_CACHE to another folder"
	fi
	exec 9>>"$TMEM_CACHE/.lock"
	flock 9
	for series in "${SERIES[@]}"; do
		if [[ $mode == --update || -z $(cached_release "$series") ]]; then
			need_apt
			fetch_newest "$series"
		fi
	done
	list_kernels
}

main "$@"
