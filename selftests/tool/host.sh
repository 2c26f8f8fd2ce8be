#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# host.sh - doctor, status and version on this host, and doctor and status on
# hosts that are made up below TMEMCTL_SYSROOT: other kernels, two nodes, no
# huge pages, no PSI, all kinds of cgroups, and nothing at all.  What status
# makes of a module is tested with fake_module.c.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

need_built "$helpers"/fake_{module,clock}.so
host=$work/host
device=0
[[ ! -e /dev/tmem ]] || device=1

# file PATH TEXT - of the made-up host.
file() {
	mkdir -p "$host$(dirname "$1")"
	printf '%b' "$2\n" >"$host$1"
}

# good_host - with two nodes; what the doctor has nothing to say against.
good_host() {
	rm -rf "$host"
	file /proc/sys/kernel/osrelease '6.12.117+deb12-amd64'
	file /proc/sys/kernel/modules_disabled 0
	file /proc/modules 'tmem 45056 0 - Live 0x0000000000000000'
	file /sys/kernel/mm/transparent_hugepage/enabled \
		'always [madvise] never'
	file /sys/kernel/mm/transparent_hugepage/defrag \
		'always defer defer+madvise [madvise] never'
	file /sys/kernel/mm/transparent_hugepage/hpage_pmd_size 2097152
	file /sys/devices/system/node/has_memory 0-1
	file /sys/devices/system/node/node0/meminfo \
		'Node 0 MemTotal: 67108864 kB\nNode 0 MemFree: 1048576 kB'
	file /sys/devices/system/node/node1/meminfo \
		'Node 1 MemTotal: 33554432 kB\nNode 1 MemFree: 524288 kB'
	file /proc/meminfo 'MemTotal: 100663296 kB\nMemFree: 1572864 kB'
	file /proc/self/status 'Name:\ttmemctl\nMems_allowed_list:\t0-1'
	file /proc/pressure/memory \
		'some avg10=0.12 avg60=0.00 avg300=0.00 total=7'
	file /proc/self/cgroup '0::/user/job'
	file /proc/self/mountinfo \
		'30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw'
	file /sys/fs/cgroup/user/job/cgroup.controllers 'cpu memory pids'
	file /sys/fs/cgroup/user/job/memory.max max
	file /sys/fs/cgroup/user/job/memory.pressure \
		'some avg10=0.00 avg60=0.00 avg300=0.00 total=0'
	file /proc/sys/vm/max_map_count 65530
	file /proc/sys/vm/overcommit_memory 0
}

# doctor - on the made-up host.
doctor() {
	TMEMCTL_SYSROOT=$host run doctor --json
}

# finds ITEM MARK REGEX [COST] - the doctor's words on that item.
finds() {
	local text
	text=$(grep -A 3 "\"item\": \"$1\"" "$work/out")
	grep -q "\"mark\": \"$2\"" <<<"$text" &&
		grep -qE "\"found\": \".*$3" <<<"$text" &&
		grep -qE "\"cost\": \"${4:-\"}" <<<"$text"
}

# see TEXT ITEM MARK REGEX [COST] - a result of finds, after the doctor came.
see() {
	local text=$1
	shift
	doctor
	check "$text" finds "$@"
}

missing_counted() {
	local n
	n=$(grep -c '"mark": "missing"' "$work/out" || true)
	equal "$(value missing) $status" "$n $((n > 0))" &&
		[[ ! -s $work/err ]]
}

# The text names each item once, at the left, after its mark.
all_items() {
	local item
	for item in module kernel 'module loading' 'huge pages' 'NUMA nodes' \
		PSI cgroup max_map_count overcommit; do
		equal "$(grep -cE "^(ok|note|missing) +$item  +[^ ]" \
			"$work/out")" 1 || { echo "# item $item"; return 1; }
	done
}

# Each missing piece has its price below it.
costs_said() {
	awk '/^(ok|note|missing) /{ if (owed) bad = 1; owed = /^missing/ }
	/^ +costs: /{ owed = 0 } END { exit bad || owed }' "$work/out"
}

no_escapes() {
	! grep -q $'\033' "$work/out"
}

echo "TAP version 13"

# --- this host --------------------------------------------------------------

run doctor
check "doctor names every item" all_items
check "and what the missing ones cost" costs_said
check "in lines of 80 columns" narrow
check "without colours in a file" no_escapes
text_status=$status
run doctor --json
check_json "doctor --json prints one JSON object"
check "whose count of missing pieces is the exit status" missing_counted
check "as is the text's" equal "$status" "$text_status"

run status --json
check_json "status --json prints one JSON object"
check "status passes if the device can be used" \
	equal "$((status == 0))" "$device"
check "and names the nodes of this host" \
	equal "$(values node | wc -l)" "$(find /sys/devices/system/node \
		-maxdepth 1 -name 'node[0-9]*' 2>/dev/null | wc -l)"
if [[ $device -eq 0 ]]; then
	check "without the device it says so in one line" \
		one_line '^tmemctl: /dev/tmem is missing'
	check "and the backend is anon" equal "$(value backend)" anon
	run version
	check "version says that there is no module" \
		printed '^module +none: /dev/tmem is missing'
else
	run version
	check "version knows the module" printed '^module +[0-9.]+, ABI [0-9]'
fi
check "version passes" passed
version=$(sed -n 's/^#define TMEM_VERSION "\(.*\)"/\1/p' \
	"$here/include/tmem/version.h")
check "with the versions of tool and library" equal \
	"$(sed -n 's/^\(tmemctl\|libtmem\) *//p' "$work/out" | xargs)" \
	"$version $version"
cp "$work/out" "$work/version"
run --version
check "--version is the same" cmp -s "$work/out" "$work/version"

TMEM_BACKEND=anon run status --json
check "status says that TMEM_BACKEND decides" \
	equal "$(value backend): $(value why)" "anon: TMEM_BACKEND asks for it"
TMEM_BACKEND=gpu run status --json
check "and that the library refuses a wrong one" \
	equal "$(value backend)" none

# --- made-up hosts ----------------------------------------------------------

good_host
doctor
check "a good host misses nothing but the module" \
	equal "$(value missing)" "$((device == 0))"
see "kernel 6.12 is supported" kernel ok '6.12.117.*supports it'
file /proc/sys/kernel/osrelease '6.1.0-56-amd64'
see "so is 6.1" kernel ok '6.1.0-56-amd64'

if [[ $device -eq 0 ]]; then
	for release in 6.10.3 6.13.0-rc1 5.1.0 16.1.0 7.12.0; do
		file /proc/sys/kernel/osrelease "$release"
		see "kernel $release is not" kernel missing \
			'supports 6.1 and 6.12' 'no module'
	done
	check "which makes the doctor fail" missing_counted

	good_host
	rm "$host/proc/modules"
	see "a kernel without modules" 'module loading' missing \
		'no loadable modules' 'no module'
	good_host
	file /proc/sys/kernel/modules_disabled 1
	see "loading switched off" 'module loading' missing \
		'kernel.modules_disabled=1' 'no module'
	good_host
	file /sys/kernel/security/lockdown 'none [integrity] confidentiality'
	see "a locked-down kernel" 'module loading' note 'locked down' 'only a'
	file /sys/kernel/security/lockdown '[none] integrity confidentiality'
	see "one that could be and is not" 'module loading' ok 'loads modules'

	good_host
	file /sys/kernel/mm/transparent_hugepage/enabled \
		'always madvise [never]'
	see "huge pages never" 'huge pages' missing 'enabled=never' \
		'memory comes in 4 KiB'
	good_host
	rm -r "$host/sys/kernel/mm"
	see "no transparent huge pages" 'huge pages' missing 'has no' 'memory'
	good_host
	file /sys/kernel/mm/transparent_hugepage/hpage_pmd_size 536870912
	see "huge pages of 512 MiB" 'huge pages' missing 'not 2 MiB' 'memory'
else
	skip "what is missing without the device" "/dev/tmem is there"
fi

good_host
see "huge pages by madvise are right" 'huge pages' ok \
	'enabled=madvise defrag=madvise'
file /sys/kernel/mm/transparent_hugepage/enabled '[always] madvise never'
see "so are huge pages always" 'huge pages' ok 'enabled=always'
for defrag in never defer; do
	file /sys/kernel/mm/transparent_hugepage/defrag "always [$defrag]"
	see "defrag=$defrag is noted" 'huge pages' note "defrag=$defrag" \
		'when no huge page'
done

see "two nodes and their memory" 'NUMA nodes' ok \
	'node 0 64.0 GiB, node 1 32.0 GiB'
file /proc/self/status 'Mems_allowed_list:\t1'
see "a process kept to one node" 'NUMA nodes' note 'may use 1 only' 'tensors'
TMEMCTL_SYSROOT=$host run status --json
check "status shows both nodes" equal "$(values node | xargs)" "0 1"
check "their free memory" \
	equal "$(values free_bytes | xargs)" "1073741824 536870912"
check "and which one may be used" \
	equal "$(values allowed | xargs)" "false true"
good_host
file /sys/devices/system/node/has_memory 0
see "one node is no fault" 'NUMA nodes' ok 'one node, nothing to place'
rm -r "$host/sys/devices"
see "a kernel that knows no nodes has one" 'NUMA nodes' ok \
	'node 0 96.0 GiB: one node'

see "PSI is read" PSI ok 'some avg10=0.12'
rm "$host/proc/pressure/memory"
see "psi=0" PSI missing 'cannot be read' 'it cannot be seen'

good_host
see "cgroup v2 without a limit" cgroup ok 'v2, memory not limited'
file /sys/fs/cgroup/user/job/memory.max 8589934592
see "with a limit" cgroup ok 'limited to 8.0 GiB'
file /sys/fs/cgroup/user/memory.max 1073741824
see "with a lower limit above it" cgroup ok 'limited to 1.0 GiB'
file /sys/fs/cgroup/user/job/memory.high 536870912
see "a memory.high that is lower still" cgroup ok '512.0 MiB .memory.high'
rm "$host/sys/fs/cgroup/user/job/memory.pressure"
see "a group without stall figures" cgroup note 'memory.pressure cannot' \
	'the monitor'
file /sys/fs/cgroup/user/job/cgroup.controllers 'cpu memoryless pids'
see "without the memory controller" cgroup note 'no memory controller' memory
file /sys/fs/cgroup/user/cgroup.controllers 'cpu memory'
rm "$host/sys/fs/cgroup/user/job/memory."{max,high}
see "or only above it" cgroup note 'limited to 1.0 GiB' 'the monitor'
rm "$host/sys/fs/cgroup/user/cgroup.controllers"
good_host
file /proc/self/cgroup '0::/box/user/job'
file /proc/self/mountinfo \
	'30 24 0:26 /box /sys/fs/cgroup rw - cgroup2 cgroup2 rw'
file /sys/fs/cgroup/user/job/memory.max 2147483648
file /sys/fs/cgroup/user/job/memory.pressure \
	'some avg10=0.00 avg60=0.00 avg300=0.00 total=0'
see "in a container that mounts its own group" cgroup ok 'limited to 2.0 GiB'
file /proc/self/cgroup '0::/boxes/job'
see "a group that only begins like the mount's" cgroup note \
	'not to be seen from here' 'a limit counts'
file /proc/self/cgroup '0::/../box'
see "a group outside of the namespace" cgroup note \
	'not to be seen from here' 'a limit counts'
file /proc/self/cgroup '5:cpu,cpuacct:/x\n4:memory:/x\n0::/'
see "memory in v1" cgroup note 'v1 has the memory controller' limits
file /proc/self/cgroup 'rubbish\n::\n:::::\n'
see "a file of rubbish" cgroup note 'no memory controller' memory

good_host
file /proc/sys/vm/max_map_count 1000
see "few mappings" max_map_count note '1,000 mappings' 'a program whose'
file /proc/sys/vm/max_map_count 65530
file /proc/meminfo 'MemTotal: 1073741824 kB'
see "the usual number in 1 TiB of memory" max_map_count note \
	'524,288 spans' 'a program.*vm.max_map_count=1048576'
see "overcommit as usual" overcommit ok 'overcommit_memory=0'
file /proc/sys/vm/overcommit_memory 2
see "strict overcommit" overcommit note 'overcommit_memory=2' backend

# --- a module ---------------------------------------------------------------

good_host
module() {
	# The clock stands: "since when" is exact.
	preloaded "$helpers/fake_module.so:$helpers/fake_clock.so" \
		FAKE_DEVICE=1 TMEM_BACKEND=anon TMEMCTL_SYSROOT="$host" "$@"
}
module FAKE_UPTIME=86400 status
check "status knows the module" printed '^module +0\.2\.3, ABI 1$'
check "what the user's arenas hold" \
	printed "your user's arenas hold 5\\.0 MiB \\(limit: unlimited\\)"
check "the level and since when, from the status page" \
	printed '^pressure +high for 1 h 1 min, 9 changes$'
check "how much is in use" printed '^ +90\.1 % in use, 0\.0 % stalled, 0 B avail'
check "the stalls" printed '^PSI +some 12\.5 %, 0\.0 %, 0\.0 % in 10, 60, 300 s'
check "of all tasks too" printed '^ +full 0\.0 %, 0\.0 %, 3\.0 % in'
check "the pools" \
	printed 'pool 30\.0 MiB \(low 16\.0 MiB, target 32\.0 MiB\)'
check "not limits and recall, which are not in /sys here" \
	not_printed '^(recall|all users)'
check "in 80 columns" narrow
module status --json
check "status --json passes" passed
check_json "and prints one JSON object"
check "with the level" printed '"level": "high"'
check "from the status page" printed '"source": "page"'
check "with stalls" printed '"avg300_percent": 3\.010'
check "and pools by node" \
	equal "$(values pool_low_bytes | xargs)" "16777216 16777216"
module FAKE_LIST=5 status --json
check "without netlink's list the page tells of node 0" equal \
	"$(values arena_bytes | xargs) $(values pool_low_bytes)" "2097152 "

sys=/sys/class/misc/tmem
file $sys/max_bytes max
file $sys/max_user_bytes 1073741824
file $sys/arenas 1234
file $sys/resident_bytes 2097152
for name in scanned purged busy pinned absent oom_calls oom_purged; do
	file $sys/recall/$name "${#name}000"
done
module status
check "limits are shown" printed \
	'^all users +1,234 arenas hold 2\.0 MiB \(limit: unl.*user: 1\.0 GiB\)$'
check "so is recall" \
	printed '^recall +6,000 spans taken back, of 7,000 looked at$'
check "what was left alone" \
	printed 'alone: 4,000 busy, 6,000 pinned, 6,000 without memory$'
check "and what was done when memory was out" \
	printed 'out of memory: 9,000 times, 10,000 spans'
check "in 80 columns too" narrow
module status --json
check_json "it is all JSON"
check "no limit is null" printed '"max_bytes": null'
check "a limit is a number" printed '"max_user_bytes": 1073741824'
check "the counters have their names" printed '"oom_purged": 10000'
file $sys/recall/busy rubbish
module status --json
check "a counter that is none hides them" not_printed '"recall": [{]'

fake FAKE_DEVICE=0 FAKE_UPTIME=86400 status
if [[ $device -eq 0 ]]; then
	check "a device that is not there, while netlink answers" \
		printed '^module +loaded, not usable$'
	check "is a failure" one_line '^tmemctl: /dev/tmem is missing'
	check "the level comes by netlink" \
		printed '^pressure +low for 1 min 30 s, 5 changes$'
fi
module FAKE_QUERY=93 status
check "a module that does not serve this tool" \
	one_line '^tmemctl: /dev/tmem does not serve ABI 1, .* of one release$'
module FAKE_QUERY=7 status
check "a module that is older" one_line '/dev/tmem is of an older release'
module FAKE_QUERY=25 version
check "a device that is another's" printed 'does not answer: it is not tmem'
module doctor --json
check "the doctor sees who may open the device" \
	finds module '\(ok\|note\)' '/dev/tmem answers.*version 0.2.3'

# Nothing is there at all, and then all of it is empty.
rm -rf "$host"
mkdir "$host"
TMEMCTL_SYSROOT=$host run doctor
check "a host that shows nothing: doctor names every item" all_items
doctor
check "and counts" missing_counted
TMEMCTL_SYSROOT=$host run status
check "status says what it does not know" \
	printed '^node 0 +memory unknown'
good_host
find "$host" -type f -exec truncate -s 0 {} +
TMEMCTL_SYSROOT=$host run doctor
check "a host of empty files: doctor names every item" all_items
rubbish 5000 >"$work/rubbish"
find "$host" -type f -exec cp "$work/rubbish" {} \;
TMEMCTL_SYSROOT=$host run doctor
check "a host of rubbish: doctor names every item" all_items

finish
