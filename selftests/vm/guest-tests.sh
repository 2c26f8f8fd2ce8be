#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-tests.sh - run tests of the module, and those of the library and of
# tmemctl on /dev/tmem.  Runs in the guest.
#
# usage: guest-tests.sh NAME...
#
# lib/NAME is a test of the library, tool/NAME one of tmemctl, "replay" the whole
# way in one piece (trace, tool, library, module, pages), any other NAME a test
# of the module.
#
# Each program's output stands between two lines that name it and say how it
# ended; run.pl takes it apart.  "# problem TEXT" is what the program cannot
# report itself: the kernel complained, or the program left the module away or
# its settings changed.  At the end the module is taken out and put in again.

cd /tmem || exit 1
export TMEM_BACKEND=dev # for those of the library
limit=$(sed -n 's/^timeout=//p' selftests/kmod/settings)
results=/tmp/guest-tests.$$
sys=/sys/class/misc/tmem
all_good=1

problem() {
	echo "# problem $*"
	all_good=0
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
	if [ ! -e $sys/ ]; then
		problem "left the machine without the module"
		insmod /lib/modules/tmem.ko
	fi
	settings >$results.now
	if cmp -s $results.now $results.settings; then
		return
	fi
	diff $results.settings $results.now | sed -n "s,^+$sys/,# left set: ,p"
	[ "$1" -ne 0 ] || problem "left settings changed"
	put_back || problem "the settings cannot be put back"
}

# What the last program did to the machine's pressure is over before the next one
# begins.
calm_down() {
	looks=0
	while [ "$(cat $sys/pressure/level)" != low ] && [ $looks -lt 600 ]; do
		usleep 100000
		looks=$((looks + 1))
	done
	[ $looks -lt 600 ] || echo "# the pressure level is $(cat $sys/pressure/level)"
}

# The report goes to a file that is brought out of the machine.
replay() {
	mkdir -p build/check
	if build/tmemctl replay --backend dev --numa interleave --touch page \
		--json tools/traces/c_gpt.trace.zst >build/check/replay.json; then
		echo "ok 1 the replay ends well"
	else
		echo "not ok 1 the replay ends well"
	fi
	echo "1..1"
}

# The module leaves nothing behind, and can come back.
reload() {
	if rmmod tmem && [ ! -e /dev/tmem ]; then
		echo "ok 1 module removed"
	else
		echo "# in use: $(awk '$1 == "tmem" { print $3, $4 }' /proc/modules)"
		echo "not ok 1 module removed"
	fi
	if insmod /lib/modules/tmem.ko && [ -c /dev/tmem ]; then
		echo "ok 2 module inserted again"
	else
		echo "not ok 2 module inserted again"
	fi
	echo "1..2"
}

# All but those of the module have their folder in their name.
run_program() {
	case $1 in
	replay | reload) "$1" ;;
	lib/*) timeout -s KILL "$limit" "build/selftests/$1" ;;
	tool/*) timeout -s KILL "$limit" "selftests/tool/guest/${1#tool/}.sh" ;;
	*) timeout -s KILL "$limit" "build/selftests/kmod/$1" ;;
	esac
}

run_one() {
	name=$1 mark="tmem-test: $1 $$"
	echo "# program $name"
	echo "$mark" >/dev/kmsg
	calm_down
	start=$(date +%s)
	run_program "$name" 2>&1
	status=$?
	[ $status -eq 0 ] || [ $status -eq 4 ] || all_good=0
	tidy $status
	if ! selftests/vm/dmesg-check.sh "$mark" >$results.dmesg; then
		sed 's/^/# kernel: /' $results.dmesg
		problem "the kernel complained"
	fi
	echo "# end $name $(($(date +%s) - start)) s, status $status"
}

settings >$results.settings
for name in "$@" reload; do
	run_one "$name"
done
rm -f $results $results.*
[ $all_good -eq 1 ]
