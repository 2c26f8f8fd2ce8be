#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# status.sh - tmemctl status says the same as sysfs and /proc, for root from
# the status page and for others by netlink.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

# near A B - within a tenth.
near() {
	awk "BEGIN { exit !($1 > $2 * 0.9 && $1 < $2 * 1.1) }"
}

meminfo() {
	awk -v key="$1:" '$1 == key { print $2 * 1024 }' /proc/meminfo
}

psi=false
[ "$(cat $sys/pressure/psi)" != on ] || psi=true

# What is the same from both sources.
check_pressure() {
	check "the level is that of sysfs" \
		equal "$(values level)" "$(cat $sys/pressure/level)"
	check "PSI is $psi" equal "$(values psi)" $psi
	check "as much is available as /proc says" \
		near "$(values available_bytes)" "$(meminfo MemAvailable)"
	check "each node has its pool" equal "$(values pool_target_bytes)" \
		"$(cat $sys/node*/pool_target_bytes)"
	check "no limit is null" equal "$(values max_bytes)" null
}

echo "TAP version 13"

quick_levels
run status --json
check "status passes" equal "$status" 0
check "root reads the status page" equal "$(values source)" page
check_pressure
check "the total is that of /proc" near "$(values total_bytes | head -n 1)" \
	"$(meminfo MemTotal)"
check "recall is counted" equal "$(values scanned)" "$(cat \
	$sys/recall/scanned)"

setting max_user_bytes 1073741824
setting max_bytes 2147483648
run status
check "limits are shown" printed '\(limit: 2\.0 GiB; each user: 1\.0 GiB\)$'
check "also that of this user" printed "your user's .*\(limit: 1\.0 GiB\)$"
restore
quick_levels

setting pressure/use_medium 1
check "the level can be raised" until_true level_is medium
run status
check "and is shown" printed '^pressure +medium for [0-9]+ (s|min)'
restore
quick_levels

run_as_nobody status --json
check "others by netlink" equal "$(values source)" netlink
check_pressure
check "although the device is closed to them" \
	said '/dev/tmem may not be opened: that is for root and the group tmem'
run_as_nobody status
check "and that the module is there" printed '^module +loaded, not usable'

finish
