#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dlpack.sh - numpy and PyTorch take tensors of the library and give theirs, by
# DLPack, without a copy (dlpack.py has the checks).  Each is skipped where it
# is not installed (python3-numpy, python3-torch).

# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

lib=$here/build/libtmem.so

# The first python3 that has the module; else any.
python_with() {
	local python
	for python in python3 /usr/bin/python3; do
		if command -v "$python" >/dev/null &&
			"$python" -c "import $1" 2>/dev/null; then
			echo "$python"
			return
		fi
	done
	command -v python3 || true
}

# module NAME - one result for each line of dlpack.py.
module() {
	local name=$1 python line
	python=$(python_with "$name")
	if [[ -z $python ]]; then
		skip "$name" "no python3"
		return
	fi
	status=0
	TMEM_BACKEND=anon limited "$python" \
		"$here/selftests/tool/dlpack.py" "$lib" "$name" \
		>"$work/out" 2>"$work/err" </dev/null || status=$?
	if [[ $status -eq 77 ]]; then
		skip "$name" "$(tail -n 1 "$work/out")"
		return
	fi
	while read -r line; do
		case $line in
		'ok '*) check "$name: ${line#ok }" true ;;
		'not ok '*) check "$name: ${line#not ok }" false ;;
		*) echo "$line" ;;
		esac
	done <"$work/out"
	check "$name: exit status" equal "$status" 0
}

echo "TAP version 13"
module numpy
module torch
finish
