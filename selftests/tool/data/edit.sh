# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# edit.sh - snapshots for the tests of tmemctl.  Sourced after common.sh; not a
# test itself.
#
# before.json and after.json are two runs of a program that does not exist: 100
# and 200 steps, one leak (metrics.py), one decoy with the same frames, a site
# that is gone and one that is new.  Their figures are those of the tests.

# shellcheck disable=SC2154 # here and work are common.sh's
cp "$here"/selftests/tool/data/*.json "$work" # they are this user's there
before=$work/before.json
# shellcheck disable=SC2034 # for the tests
after=$work/after.json
# Debian's, which sees Debian's packages.
python=/usr/bin/python3
[[ -x $python ]] || python=python3

if ! command -v "$python" >/dev/null; then
	echo "1..0 # SKIP no python3 to make snapshots with"
	exit 0
fi

# edit PYTHON [FILE [FROM]] - FROM (before.json), changed by statements in
# which it is "d".
edit() {
	"$python" -c 'import json, sys
d = json.load(open(sys.argv[2]))
exec(sys.argv[1])
json.dump(d, open(sys.argv[3], "w"))' "$1" "${3:-$before}" \
		"${2:-$work/edited.json}"
}

# holds PYTHON - true if that is, of the JSON on stdout as "d".
holds() {
	holds_of "$work/out" "$1"
}

# mutant I PYTHON FILE - $work/mutant is FILE, changed by mutate(r, data) of that
# Python, where r is seeded with $seed + I.  Python starts for 50 of them.
mutant() {
	# shellcheck disable=SC2154 # seed is common.sh's
	(($1 % 50)) || "$python" -c 'import json, random, sys
exec(sys.argv[1])
data = open(sys.argv[2], "rb").read()
for i in range(50):
	r = random.Random(int(sys.argv[4]) + i)
	open(sys.argv[3] + ".%d" % i, "wb").write(mutate(r, data))' \
		"$2" "$3" "$work/mutant" $((seed + $1)) || return 1
	mv "$work/mutant.$(($1 % 50))" "$work/mutant"
}

# snapshot ARG... - tmemctl, without a look at files.
snapshot() {
	run "$@" --no-symbols
}
