#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# run.sh - run a command in a virtual machine with NUMA nodes and the module.
#
# The machine has a stock Debian kernel and a file system in memory, in which
# the project lies at /tmem as it lies here: build/tmemctl, build/selftests/
# kmod/*, tools/traces/*.  That is the command's working folder, so a command
# line means there what it means here.  KVM is used if it works, else QEMU's
# own emulation (TCG).

set -euo pipefail

usage() {
	cat <<-'END'
	usage: selftests/vm/run.sh [options] -- COMMAND [ARGUMENT]...
	       selftests/vm/run.sh [options] --shell

	  --kernel K        6.1, 6.12 (default), a release in the cache, or debug:
	                    the kernel of make check-full
	  --nodes N         NUMA nodes (default 2); two CPUs are spread over them
	  --mem MIB         memory of each node (default 1024)
	  --timeout S       end the machine after S seconds (default 300)
	  --append ARGS     further kernel arguments
	  --file SRC[:DST]  put a file or folder into the machine; DST is
	                    absolute, or below /tmem (default: as it lies here)
	  --get FILE        bring a file out when the command has ended; a path
	                    below /tmem there, and below the project here
	  --module NAME     load a module of the kernel's package (brd always is)
	  --ko FILE         the tmem.ko to use (default build/kmod/RELEASE/tmem.ko)
	  --no-insmod       do not load tmem.ko, nor expect it to be there
	  --may-complain    what the kernel complains of is the command's matter
	  --logs DIR        keep console.log and output.log there
	  --shell           an interactive shell instead of a command

	Exit status: the command's; 1 if the command was content but the module
	could not be loaded or removed, the kernel complained (WARNING, BUG, ...),
	or processes were left behind; 124 after the time limit; 125 if the
	machine ended without a verdict, as after a panic; 2 for a wrong option.
	END
}

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build

say() {
	echo "run.sh: $*" >&2
}

die() {
	say "$*"
	exit 125
}

wrong() {
	say "$*"
	usage >&2
	exit 2
}

number() {
	[[ $2 =~ ^[1-9][0-9]*$ ]] || wrong "$1 wants a number, not '$2'"
}

# --- options ----------------------------------------------------------------

kernel=6.12 nodes=2 mem=1024 limit=300 append='' ko='' logs=''
insmod=1 shell=0 complain=0
files=() gets=() modules=(brd) command=()

parse_options() {
	while [[ $# -gt 0 ]]; do
		case $1 in
		--no-insmod) insmod=0; shift; continue ;;
		--shell) shell=1; shift; continue ;;
		--may-complain) complain=1; shift; continue ;;
		-h | --help) usage; exit 0 ;;
		--) shift; command=("$@"); break ;;
		-*) ;;
		*) wrong "the command goes after --" ;;
		esac
		[[ $# -gt 1 ]] || wrong "unknown option, or no value: $1"
		case $1 in
		--kernel) kernel=$2 ;;
		--nodes) number "$1" "$2"; nodes=$2 ;;
		--mem) number "$1" "$2"; mem=$2 ;;
		--timeout) number "$1" "$2"; limit=$2 ;;
		--append) append=$2 ;;
		--file) files+=("$2") ;;
		--get) gets+=("$2") ;;
		--module) modules+=("$2") ;;
		--ko) ko=$2 ;;
		--logs) logs=$2 ;;
		*) wrong "unknown option $1" ;;
		esac
		shift 2
	done
	if [[ $shell -eq 0 && ${#command[@]} -eq 0 ]]; then
		wrong "no command given"
	fi
	if [[ $shell -eq 1 && ! -t 0 ]]; then
		wrong "--shell needs a terminal"
	fi
}

# --- what to boot -----------------------------------------------------------

# Sets release, vmlinuz, modules_dir.
find_kernel() {
	local line lister=$root/tools/build/kernels.sh
	if [[ $kernel == debug || $kernel == *-tmem-debug ]]; then
		lister=$root/tools/build/debug-kernel.sh
	fi
	line=$("$lister" --list | kernel_line)
	if [[ -z $line ]]; then
		line=$("$lister" | kernel_line)
	fi
	[[ -n $line ]] || die "no kernel '$kernel'; there are:" \
		"$("$lister" --list | awk '{print $1 " = " $2}' | paste -sd,)"
	read -r _ release vmlinuz modules_dir _ <<<"$line"
}

kernel_line() {
	awk -v want="$kernel" '$1 == want || $2 == want { line = $0 }
		END { print line }'
}

# A word for the guest's shell, which knows no $'...'.
quote() {
	printf "'%s'" "${1//\'/\'\\\'\'}"
}

write_config() {
	local etc=$1 size rows=24 cols=80 arg

	if [[ $shell -eq 1 ]] && size=$(stty size 2>/dev/null) &&
		[[ $size != 0* ]]; then
		read -r rows cols <<<"$size"
	fi
	cat >"$etc/tmem-vm.conf" <<-END
		NONCE=$nonce
		INSMOD=$insmod
		MAY_COMPLAIN=$complain
		SHELL_WANTED=$shell
		TERM=$(quote "${TERM:-dumb}")
		ROWS=$rows
		COLUMNS=$cols
	END
	for arg in "${command[@]}"; do
		quote "$arg"
		printf ' '
	done >"$etc/tmem-vm.command"
	printf '%s\n' ${gets[@]+"${gets[@]}"} >"$etc/tmem-vm.get"
	cat >"$etc/profile" <<-'END'
		stty rows "$ROWS" cols "$COLUMNS"
		echo "tmem: Linux $(uname -r), $(ls -d /sys/devices/system/node/node* |
			wc -l) NUMA node(s), module $(lsmod | grep -q '^tmem ' &&
			echo loaded || echo not loaded).  build/tmemctl, build/selftests/kmod/*"
		echo "Leave with exit or Ctrl-D; Ctrl-A X ends the machine at once."
	END
	echo 'root:x:0:0:root:/tmem:/bin/sh' >"$etc/passwd"
	echo 'nobody:x:65534:65534:nobody:/:/bin/sh' >>"$etc/passwd"
	printf '%s\n' root:x:0: nogroup:x:65534: >"$etc/group"
}

# put SRC DST - DST is a path in the guest.
put() {
	mkdir -p "$guest$(dirname "$2")"
	cp -rL "$1" "$guest$2"
}

put_file() {
	local src=${1%%:*} dst='' full
	[[ $1 != *:* ]] || dst=${1#*:}
	[[ -e $src ]] || die "--file: $src does not exist"
	full=$(realpath -s "$src")
	case $dst in
	/*) ;;
	'') case $full in
		"$root"/*) dst=/tmem/${full#"$root"/} ;;
		*) dst=/tmem/${full##*/} ;;
		esac ;;
	*) dst=/tmem/$dst ;;
	esac
	put "$full" "$dst"
}

put_project() {
	local file
	for file in build/tmemctl build/libtmem.so.0 tools/traces \
		selftests/vm/dmesg-check.sh selftests/vm/guest-tests.sh; do
		[[ ! -e $root/$file ]] || put "$root/$file" "/tmem/$file"
	done
	for file in "$build"/selftests/kmod/*; do
		if [[ -f $file && -x $file ]]; then
			put "$file" "/tmem/${file#"$root"/}"
		fi
	done
}

make_initramfs() {
	local file
	guest=$work/root
	mkdir -p "$guest/etc" "$guest/lib/modules" "$guest/tmem"
	install "$here/init" "$guest/init"
	put_project
	for file in ${files[@]+"${files[@]}"}; do
		put_file "$file"
	done
	if [[ $insmod -eq 1 ]]; then
		ko=${ko:-$build/kmod/$release/tmem.ko}
		[[ -f $ko ]] || die "$ko is missing; run make (or give --no-insmod)"
		cp "$ko" "$guest/lib/modules/tmem.ko"
	fi
	write_config "$guest/etc"
	"$here/initramfs.sh" "$work/initramfs" "$guest" "$modules_dir" \
		"${modules[@]}" || die "cannot pack the guest's file system"
	rm -rf "$guest"
}

# --- the machine ------------------------------------------------------------

# /dev/kvm may be there and be unable to run a guest, so it is tried, once per
# boot of this host.
choose_accel() {
	local answer=$build/vm/accel boot
	if [[ -n ${TMEM_VM_ACCEL:-} ]]; then
		echo "$TMEM_VM_ACCEL"
		return
	fi
	boot=$(cat /proc/sys/kernel/random/boot_id)
	if ! grep -qs "^$boot " "$answer"; then
		if [[ -r /dev/kvm && -w /dev/kvm ]] && TMEM_VM_ACCEL=kvm "$0" \
			--kernel "$release" --no-insmod --timeout 20 -- true \
			>/dev/null 2>&1; then
			echo "$boot kvm" >"$answer.$$"
		else
			echo "$boot tcg" >"$answer.$$"
		fi
		mv "$answer.$$" "$answer"
	fi
	awk '{print $2}' "$answer"
}

# CPU i belongs to node i mod nodes; further nodes have memory only.
numa_args() {
	local n m cpus
	for ((n = 0; n < nodes; n++)); do
		cpus=
		if ((nodes == 1)); then
			cpus=,cpus=0-1
		elif ((n < 2)); then
			cpus=,cpus=$n
		fi
		echo -object "memory-backend-ram,id=mem$n,size=${mem}M"
		echo -numa "node,nodeid=$n$cpus,memdev=mem$n"
	done
	for ((n = 0; n < nodes; n++)); do
		for ((m = n + 1; m < nodes; m++)); do
			echo -numa "dist,src=$n,dst=$m,val=$((10 + 10 * (m - n)))"
		done
	done
}

# Sets qemu.
qemu_command() {
	local accel cpu=max tty=stdio,id=out,signal=off
	accel=$(choose_accel)
	[[ $accel != kvm ]] || cpu=host
	cpu+=,la57=off # TCG's five-level page tables have misbehaved
	[[ $shell -eq 0 ]] || tty=stdio,id=out,signal=off,mux=on
	# For a brd that is built in; init gives a module the same.
	local brd="brd.rd_nr=2 brd.rd_size=65536"
	# shellcheck disable=SC2054,SC2207 # commas are QEMU's; words are wanted
	qemu=(qemu-system-x86_64 -no-user-config -nodefaults -display none
		-no-reboot -machine "pc,accel=$accel" -cpu "$cpu"
		-smp 2,sockets=2,cores=1,threads=1 -m "$((nodes * mem))M"
		$(numa_args)
		-kernel "$vmlinuz" -initrd "$work/initramfs"
		-append "console=ttyS0,115200 no_timer_check panic=-1 oops=panic log_buf_len=4M $brd $append"
		-serial "file:$work/console.log"
		-chardev "$tty" -serial chardev:out
		-serial "file:$work/words.log")
}

run_shell() {
	local terminal
	terminal=$(stty -g)
	# In the background, so that a signal to this script ends it too.
	"${qemu[@]}" <&0 &
	machine=$!
	wait "$machine" && status=0 || status=$?
	machine=
	stty "$terminal"
}

run_command() {
	mkfifo "$work/out"
	tee "$work/output.log" <"$work/out" &
	local copier=$!
	timeout -k 5 "$limit" "${qemu[@]}" </dev/null >"$work/out" \
		2>"$work/qemu.log" &
	machine=$!
	wait "$machine" && status=0 || status=$?
	machine=
	wait "$copier" || true
}

# From the kernel's first complaint on, or the end if there is none.
show_console() {
	local first
	first=$(grep -anm1 -E 'Kernel panic|BUG:|Oops|WARNING:' \
		"$work/console.log" 2>/dev/null | cut -d: -f1)
	if [[ -z $first ]]; then
		last_lines console.log "the kernel's console" 30
		return
	fi
	say "the kernel's console, from its first complaint on:"
	tail -n "+$first" "$work/console.log" | head -n 50 | tr -d '\r' |
		sed 's/^/    /' >&2
}

last_lines() {
	[[ ! -s $work/$1 ]] || {
		say "last lines of $2:"
		tail -n "$3" "$work/$1" | tr -d '\r' | sed 's/^/    /' >&2
	}
}

# What was asked for is among the guest's words, see init.
take_files() {
	local file
	for file in ${gets[@]+"${gets[@]}"}; do
		sed -n "/^file $nonce ${file//\//\\/}\$/,/^end $nonce\$/p" \
			"$work/words.log" | sed '1d;$d' | base64 -d >"$work/got"
		if [[ -s $work/got ]]; then
			mkdir -p "$(dirname "$root/$file")"
			mv "$work/got" "$root/$file"
		else
			say "no $file came out of the machine"
			failed=1
		fi
	done
	sed -i "/^file $nonce /,/^end $nonce\$/d" "$work/words.log"
}

# The guest's words: notes, and the verdict with our nonce last.
judge() {
	local code
	take_files
	if grep -v "^verdict " "$work/words.log" 2>/dev/null >"$work/notes"; then
		failed=1
		sed 's/^/run.sh: guest: /' "$work/notes" >&2
	fi
	code=$(sed -n "s/^verdict $nonce \([0-9]*\)\$/\1/p" \
		"$work/words.log" 2>/dev/null | tail -n 1)
	if [[ -n $code ]]; then
		exit "$code"
	fi
	failed=1
	if [[ $status -eq 124 || $status -eq 137 ]]; then
		say "the machine was ended after the time limit of $limit s"
		last_lines output.log "the command's output" 15
		show_console
		exit 124
	fi
	say "the machine ended without a verdict (QEMU's exit status $status)"
	last_lines qemu.log "QEMU's messages" 10
	show_console
	exit 125
}

# shellcheck disable=SC2317 # called by a trap
cleanup() {
	[[ -z $machine ]] || kill "$machine" 2>/dev/null || true
	if [[ -n $logs ]]; then
		mkdir -p "$logs"
		cp "$work"/{console,output}.log "$logs" 2>/dev/null || true
	elif [[ $failed -eq 1 && $shell -eq 0 && -s $work/console.log ]]; then
		cp "$work/console.log" "$build/vm/last-failure.console.log"
		say "the whole console is in build/vm/last-failure.console.log"
	fi
	rm -rf "$work"
}

main() {
	parse_options "$@"
	command -v qemu-system-x86_64 >/dev/null ||
		die "qemu is missing; run as root: tools/build/packages.sh"
	find_kernel
	mkdir -p "$build/vm"
	work=$(mktemp -d "$build/vm/run.XXXXXX")
	machine='' failed=0
	trap cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	nonce=$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
	make_initramfs
	qemu_command
	if [[ $shell -eq 1 ]]; then
		run_shell
		exit "$status"
	fi
	run_command
	judge
}

main "$@"
