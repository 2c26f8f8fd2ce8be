#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# packages.sh - install the Debian packages that building and testing take.
#
# usage: packages.sh [--lint | --check | --full | --debug | --bench]
#
#   (none)    those of building, of `make run` and of the virtual machine
#   --lint    those of `make lint` alone
#   --check   those of `make check` and `make soak`, but for lint's
#   --full    those of `make check-full`, but for lint's and the debug kernel's
#   --debug   those of the debug kernel too
#   --bench   those of `make bench` too
#
# Does nothing, and needs no network, if all are there.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# package, and what it is for
build_packages() {
	cat <<-END
		build-essential      compiler, linker, make; headers of libc
		libnuma-dev          library: which nodes there are
		libmnl-dev           library: netlink messages
		libxxhash-dev        library: equal contents
		libzstd-dev          library: cold tensors; tmemctl: traces
		libjson-c-dev        tmemctl: --json
		libncurses-dev       tmemctl: top
		libdw-dev            tmemctl: names of functions
		libelf-dev           the same
		libiberty-dev        the same, of C++
		libelf1              programs of Kbuild, as the kernel packages them
		libssl3              the same
		xz-utils             kernel sources and modules are packed with it
		zstd                 kernel modules may be
		$TMEM_LINUX_SOURCE    the kernel's test harness and style checker
		kmod                 VM: modinfo and depmod
		qemu-system-x86      VM: the machine
		busybox-static       VM: its programs
		cpio                 VM: its file system
	END
}

# What tests call: others' readers of what tmem writes.
check_packages() {
	cat <<-END
		google-perftools     google-pprof reads profiles
		python3              runs other readers
		python3-prometheus-client    reads OpenMetrics
	END
}

full_packages() {
	cat <<-END
		clang                the second compiler
		sparse               checks kernel annotations
		pahole               holes in structures
		valgrind             memcheck
		chromium             opens the report's page
		python3-numpy        takes tensors by DLPack
		python3-torch        the same
	END
}

lint_packages() {
	cat <<-END
		build-essential      headers of the interface, one by one
		clang-format         format of C
		shellcheck           checks shell scripts
		mandoc               checks manual pages
		perl                 the tests' runner; checkpatch
		git                  which files there are
	END
}

# To build a kernel; the sources are among the build packages.
debug_packages() {
	cat <<-END
		flex                 Kconfig's and other parsers
		bison                the same
		bc                   constants of the kernel's time
		libelf-dev           objtool
		libssl-dev           programs that the kernel's build builds
	END
}

# What the library is measured beside.
bench_packages() {
	cat <<-END
		libjemalloc2         a rival
		libmimalloc2.0       another
		libtcmalloc-minimal4 another
	END
}

missing() {
	local package
	awk '{print $1}' | while read -r package; do
		if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" \
			2>/dev/null) != installed ]]; then
			echo "$package"
		fi
	done
}

main() {
	local list want log
	list=$(build_packages)
	case ${1:-} in
	--lint) list=$(lint_packages) ;;
	--check) list+=$'\n'$(check_packages) ;;
	--full) list+=$'\n'$(check_packages)$'\n'$(full_packages) ;;
	--debug) list+=$'\n'$(debug_packages) ;;
	--bench) list+=$'\n'$(bench_packages) ;;
	'') ;;
	*) die "unknown option $1; usage: packages.sh" \
		"[--lint | --check | --full | --debug | --bench]" ;;
	esac
	need_apt
	want=$(missing <<<"$list")
	[[ -n $want ]] || return 0

	say "  packages to install: ${want//$'\n'/ }"
	[[ $(id -u) -eq 0 ]] ||
		die "only root can install them; run:" \
			"sudo apt-get install ${want//$'\n'/ }"
	log=$(mktemp)
	# shellcheck disable=SC2064 # the value now is wanted
	trap "rm -f '$log'" EXIT
	say "  apt-get update"
	apt_quiet "$log" apt-get update ||
		die "missing: ${want//$'\n'/ }; apt-get update failed, is there a network?"
	say "  apt-get install"
	# shellcheck disable=SC2086 # words are wanted
	apt_quiet "$log" apt-get install -y --no-install-recommends $want ||
		die "missing: ${want//$'\n'/ }; apt-get install failed, see above"
}

main "$@"
