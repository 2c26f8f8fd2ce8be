#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# guest-control.sh - can the debug kernel's reports come at all?  The module,
# built with TMEM_DEBUG, commits each error on demand; the kernel has to say
# so.  Runs in the guest, on a machine that may complain.
#
# usage: guest-control.sh NAME...
#
# Lockdep stops at its first report, KASAN's report stops lockdep: one violation
# of locking rules per boot, and before the others.

cd /tmem || exit 1
# shellcheck source-path=SCRIPTDIR source=guest-lib.sh
. selftests/debug/guest-lib.sh
violate=$DEBUGFS/tmem/violate

LOCKDEP='possible circular locking|possible recursive locking'
LOCKDEP="$LOCKDEP|inconsistent lock state|possible irq lock inversion"
LOCKDEP="$LOCKDEP|sleeping function called|held lock freed"

# said REGEX MARK - the kernel's log has it after the mark
said() {
	dmesg | sed "1,/$2/d" >/tmp/said
	if ! grep -qE "$1" /tmp/said; then
		echo "# the kernel's last words:"
		tail -n 10 /tmp/said | sed 's/^/# /'
		return 1
	fi
}

commit() {
	echo "$1" >$violate
}

leak_found() {
	scan_for_leaks && grep -q '\[tmem\]' /tmp/leaks
}

for name in "$@"; do
	begin "$name"
	mark="tmem-control: $name"
	echo "$mark" >/dev/kmsg
	if [ ! -e $violate ]; then
		echo "# no $violate: the module was built without -DTMEM_DEBUG"
	fi
	# The kernel may refuse what it finds wrong, so the status says little.
	commit "$name" 2>/dev/null || echo "# the write failed"
	case $name in
	leak) check "kmemleak reports a leak" leak_found ;;
	use-after-free) check "KASAN reports a use after free" \
		said 'BUG: KASAN: .*use-after-free' "$mark" ;;
	*) check "lockdep reports $name" said "$LOCKDEP" "$mark" ;;
	esac
	end
done
finish
