#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-tests.sh - run the tests of the module, and those of the library and of
# tmemctl on /dev/tmem.  Runs in the guest.
#
# usage: guest-tests.sh [NAME]...      (default: all that are in the guest)
#
# lib/NAME is a test of the library, tool/NAME one of tmemctl, any other NAME one
# of the module.
#
# Every program prints TAP; this prints it on, between two lines that name the
# program, and adds results of its own: a program that the kernel complained
# about, that was ended by a signal, that printed no result, that left the module
# away or its settings changed, or that returned an error without a "not ok"
# line, has failed.  At the end the module is taken out and put in again.

cd /tmem || exit 1
export TMEM_BACKEND=dev # for those of the library
results=/tmp/guest-tests.$$
hang_s=1800 # a program that takes longer is ended
sys=/sys/class/misc/tmem
all_good=1

# bad NAME TEXT - a failure that the program itself could not report.
bad() {
	echo "not ok - $1: $2"
	all_good=0
}

# What the program's output and exit status say together.
judge() {
	name=$1 status=$2
	if [ "$status" -gt 128 ]; then
		bad "$name" "ended by signal $((status - 128))"
	elif ! grep -qE '^(not )?ok ' $results; then
		# A plan of no tests says why it was skipped.
		if grep -qE '^1\.\.0' $results || [ "$status" -eq 4 ]; then
			echo "ok - $name # SKIP $(sed -n 's/^1\.\.0 *# *SKIP *//p' \
				$results)"
		else
			bad "$name" "printed no result (exit status $status)"
		fi
	elif grep -q '^not ok ' $results; then
		all_good=0
	elif [ "$status" -ne 0 ]; then
		bad "$name" "exit status $status, but no test failed"
	fi
}

# All that can be set, "FILE:VALUE" a line.
settings() {
	find $sys/ -type f -perm -200 ! -path '*/power/*' ! -name uevent \
		-exec grep -H '' {} + | sort
}

# Rules between them (thresholds ascend) let some be set after others only.
put_back() {
	for _ in 1 2 3 4 5; do
		while IFS=: read -r file value; do
			echo "$value" >"$file"
		done <$results.settings
	done 2>/dev/null
	settings | cmp -s - $results.settings
}

# What a program that was cut short leaves behind spoils no other: the module
# is there, and set as it was before.  One that was not cut short fails by it.
tidy() {
	name=$1
	if [ ! -e $sys/ ]; then
		bad "$name" "left the machine without the module"
		insmod /lib/modules/tmem.ko
	fi
	settings >$results.now
	if cmp -s $results.now $results.settings; then
		return
	fi
	diff $results.settings $results.now | sed -n "s,^+$sys/,# left set: ,p"
	grep -q '^not ok ' $results || bad "$name" "left settings changed"
	put_back || bad "$name" "its settings cannot be put back"
}

# All but those of the module have their folder in their name.
path_of() {
	case $1 in
	lib/*) echo "build/selftests/$1" ;;
	tool/*) echo "selftests/tool/guest/${1#tool/}.sh" ;;
	*) echo "build/selftests/kmod/$1" ;;
	esac
}

run_one() {
	name=$1 mark="tmem-test: $1 $$"
	echo "# program $name"
	echo "$mark" >/dev/kmsg
	start=$(date +%s)
	# The status has to come through the pipe.
	{
		timeout -s KILL $hang_s "$(path_of "$name")" 2>&1
		echo $? >$results.status
	} | tee $results
	judge "$name" "$(cat $results.status)"
	tidy "$name"
	if ! selftests/vm/dmesg-check.sh "$mark" >$results.dmesg; then
		sed 's/^/# kernel: /' $results.dmesg
		bad "$name" "the kernel complained"
	fi
	echo "# end $name $(($(date +%s) - start)) s"
}

# The module leaves nothing behind, and can come back.
reload() {
	mark="tmem-test: reload $$"
	echo "# program reload"
	echo "$mark" >/dev/kmsg
	if rmmod tmem && [ ! -e /dev/tmem ]; then
		echo "ok - module removed"
	else
		bad reload "the module cannot be removed (in use: $(
			awk '$1 == "tmem" { print $3, $4 }' /proc/modules))"
	fi
	if insmod /lib/modules/tmem.ko && [ -c /dev/tmem ]; then
		echo "ok - module inserted again"
	else
		bad reload "the module cannot be inserted again"
	fi
	if ! selftests/vm/dmesg-check.sh "$mark" >$results.dmesg; then
		sed 's/^/# kernel: /' $results.dmesg
		bad reload "the kernel complained"
	fi
	echo "# end reload 0 s"
}

if [ $# -eq 0 ]; then
	for program in build/selftests/kmod/*; do
		[ -x "$program" ] && set -- "$@" "${program##*/}"
	done
	for program in build/selftests/lib/*; do
		[ -x "$program" ] && set -- "$@" "lib/${program##*/}"
	done
	for program in selftests/tool/guest/*.sh; do
		name=${program##*/}
		[ -x "$program" ] && set -- "$@" "tool/${name%.sh}"
	done
fi
if [ $# -eq 0 ]; then
	echo "there are no tests in build/selftests/kmod; run make" >&2
	exit 1
fi
settings >$results.settings
for name in "$@"; do
	run_one "$name"
done
reload
rm -f $results $results.*
[ $all_good -eq 1 ]
