#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# pool.sh - tmemctl pool sets the pools of the module, shows what is in force,
# and says why not if it cannot.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

# in_force NODE - "low target", from sysfs.
in_force() {
	echo "$(cat "$sys/node$1/pool_low_bytes")" \
		"$(cat "$sys/node$1/pool_target_bytes")"
}

# Of all nodes with memory, the first.
node=$(find $sys/ -maxdepth 1 -name 'node*' | sed 's/.*node//' | sort -n |
	head -n 1)
filled() {
	[ "$(cat "$sys/node$node/pool_bytes")" -ge $((16 << 20)) ]
}

empty() {
	[ "$(cat "$sys/node$node/pool_bytes")" -eq 0 ]
}

echo "TAP version 13"

old=$(in_force "$node")
quick_levels # a pool is not refilled when memory is short

run pool set --node "$node" --low 16M --target 32M
check "both sizes are set" equal "$status $(in_force "$node")" \
	"0 16777216 33554432"
check "and shown" printed "^ +$node +.* +16\.0 MiB +32\.0 MiB "
check "and the pool is filled" until_true filled
run pool set --node "$node" --low 8M --json
check "low alone leaves the target" equal "$(in_force "$node")" \
	"8388608 33554432"
check "the JSON has both" equal "$(values pool_low_bytes | head -n 1) $(values \
	pool_target_bytes | head -n 1)" "8388608 33554432"
check "and what was refilled" at_least "$(values pool_refilled | head -n 1)" 8

run pool set --node "$node" --low 64M
check "low above the target is refused" said 'is above the target'
run pool set --node "$node" --target 1024G
check "so is more than half of the node" said 'is above half of the node'
run pool set --node 1000 --low 0
check "and a node that is not there" said 'node 1000 does not exist'
check "and all is as it was" equal "$(in_force "$node")" "8388608 33554432"

run_as_nobody pool --json
check "everybody may look" equal "$status $(values pool_low_bytes |
	head -n 1)" "0 8388608"
run_as_nobody pool set --node "$node" --low 0
check "but not set" said "node $node: needs CAP_SYS_ADMIN; run as root"
check "and all is as it was" equal "$(in_force "$node")" "8388608 33554432"

run pool set --low 0 --target 0
check "all nodes are set if none is named" equal \
	"$(cat $sys/node*/pool_target_bytes | sort -u)" 0
check "a target of 0 empties the pool" until_true empty

for file in "$sys"/node*; do
	run pool set --node "${file##*node}" --low "${old% *}" \
		--target "${old#* }"
done
finish
