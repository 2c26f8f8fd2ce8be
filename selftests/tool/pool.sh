#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# pool.sh - the pools: how they are shown, what is asked of the module when
# they are set, and what is said about sizes that cannot be.

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

need_built "$helpers/fake_module.so"
asked=$work/asked

# sets TEXT ANSWER ARG... - the module is asked for that: "node low target",
# one line per node; -1 is "as it is".
sets() {
	local text=$1 answer=$2
	shift 2
	: >"$asked"
	fake FAKE_POOL="$asked" pool set "$@"
	check "$text" equal "$status $(xargs <"$asked")" "0 $answer"
}

# refused TEXT REGEX ARG... - before the module is asked.
refused() {
	local text=$1 regex=$2
	shift 2
	: >"$asked"
	fake FAKE_POOL="$asked" pool set "$@"
	check "$text" complained 1 "$regex"
	check "... and nothing is set" equal "$(wc -l <"$asked")" 0
}

echo "TAP version 13"

check_without_module "without the module it says so" pool
check_without_module "so does set" pool set --low 2M
fake FAKE_LIST=12 pool
check "a list that fails" \
	complained 1 '^tmemctl: cannot list the nodes: Cannot allocate memory$'

fake pool
check "pool passes" passed
check "has a line per node" printed '^ +1 +30\.0 MiB +16\.0 MiB +32\.0 MiB +1,23'
check "in 80 columns" narrow
fake pool --json
check_json "pool --json prints one JSON object"
check "of both nodes" equal "$(values node | xargs)" "0 1"
check "and their targets" \
	equal "$(values pool_target_bytes | xargs)" "33554432 33554432"

# Node 0 has 1 GiB, node 1 has 2 GiB; low is 16 MiB, the target 32 MiB.
sets "both sizes, all nodes" \
	"0 67108864 134217728 1 67108864 134217728" --low 64M --target 128MiB
sets "the same by name" "0 0 2097152 1 0 2097152" \
	--node all --low 0 --target 2097152
sets "one node, the target alone" "1 -1 1073741824" --node 1 --target 1GiB
sets "low alone, in small letters" "0 33554432 -1" --node=0 --low=32m
sets "a blank before the unit" "0 4194304 -1" --node 0 --low '4 MiB'
check "then the pools are shown" printed '^ +1 +30\.0 MiB'
fake pool set --target 64M --json
check_json "with --json as JSON"

refused "low above the target" \
	'node 0: low \(4\.0 MiB\) is above the target \(2\.0 MiB\)' \
	--low 4M --target 2M
refused "low above the target that is" \
	'node 0: low \(64\.0 MiB\) is above the target \(32\.0 MiB, as it is\)' \
	--low 64M
refused "a target below the low that is" \
	'node 1: low \(16\.0 MiB, as it is\) is above' --node 1 --target 2M
refused "more than half of one node's memory" \
	'node 0: a target of 1\.0 GiB is above half .*\(1\.0 GiB\)' \
	--target 1G
refused "a node that is not there" '^tmemctl: node 7 does not exist' \
	--node 7 --low 2M

fake FAKE_POOL_ERROR=1 pool set --low 2M
check "without the right to" complained 1 \
	'^tmemctl: node 0: needs CAP_SYS_ADMIN; run as root$'
fake FAKE_POOL_ERROR=22 pool set --low 2M
check "if the module refuses all the same" complained 1 \
	'^tmemctl: node 0: the module refuses these sizes$'

finish
