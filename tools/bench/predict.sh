#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# predict.sh - what `make bench-predict` does: build, and say of each trace what
# the optimizer foresees of it, beside two simpler means, and what each strategy
# does to a replay of it.  Two minutes a trace of a minute.
#
# usage: TRACES="FILES" tools/bench/predict.sh [--foresee] [--repeats N]
#
# Exit status: 0; 1 if less than 92 % of a trace's bytes are foreseen; 2 if it
# could not be run.  Without TRACES: the project's own.  TMEM_BACKEND chooses the
# backend (anon).

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../build/common.sh
source "$(dirname "$0")/../build/common.sh"

cd "$TMEM_ROOT"
# TRACES is a list of words.
# shellcheck disable=SC2206
traces=(${TRACES:-tools/traces/*.zst})
make build/bench/predict >&2
TMEM_BACKEND=${TMEM_BACKEND:-anon} build/bench/predict "$@" "${traces[@]}"
