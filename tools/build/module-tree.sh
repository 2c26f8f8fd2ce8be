#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# module-tree.sh - a folder in which Kbuild may build the module.
#
# usage: module-tree.sh DIR
#
# Kbuild puts its products beside the sources.  DIR gets links to the sources
# instead, so that each kernel has its own products and the source folders
# stay clean.  Links to sources that are gone are removed.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

dir=${1:?usage: module-tree.sh DIR}

mkdir -p "$dir/kmod"
ln -sfn "$TMEM_ROOT/Kbuild" "$dir/Kbuild"
ln -sfn "$TMEM_ROOT/include" "$dir/include"
for file in "$TMEM_ROOT"/kmod/*.[ch]; do
	ln -sfn "$file" "$dir/kmod/${file##*/}"
done
for link in "$dir"/kmod/*.[ch]; do
	if [[ -L $link && ! -e $link ]]; then
		# Its object would be linked for as long as it lies there.
		rm -f "$link" "${link%.*}.o"
	fi
done
