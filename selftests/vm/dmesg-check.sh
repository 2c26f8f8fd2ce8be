#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# dmesg-check.sh - has the kernel complained?  Runs in the guest.
#
# usage: dmesg-check.sh MARKER
#
# Looks at the kernel's messages after the last line that contains MARKER,
# prints the complaints with the lines around them and returns 1 if there are
# any.  A marker that is not there (any more) is a complaint too.
#
# An OOM kill prints a call trace although nothing is wrong with the kernel:
# tests of memory limits provoke it.  Its report, from "invoked oom-killer" to
# the line that names the victim, does not count.  Nor does the report of an
# allocation or a kmem_cache_create() that failed, from its first line to the
# end of its trace, nor a program's own fault ("traps: ...").

dmesg | awk -v marker="$1" '
function bad(line) {
	return line ~ /WARNING:|BUG:|BUG |Oops|Call Trace|UBSAN|KASAN|KCSAN/ ||
	       line ~ /general protection|[Mm]emory leak|blocked for more than/ ||
	       line ~ /possible recursive locking|circular locking/ ||
	       line ~ /inconsistent lock state|sleeping function called/ ||
	       line ~ /rcu.*stall|soft lockup|hard LOCKUP|Bad page state/ ||
	       line ~ /unable to handle|refcount_t:|list_(add|del) corruption/
}
index($0, marker) { seen = 1; n = 0; count = 0; oom = 0; fail = 0; next }
!seen { next }
/invoked oom-killer/ { oom = 1 }
/oom-kill:|Out of memory: Killed|out of memory: Killed/ { oom = 0 }
/, mode:0x[0-9a-f]+\([A-Z_|0-9a-fx]*\), nodemask=/ { fail = 60 }
/kmem_cache_create.*failed with error -/ { fail = 60 }
/traps: / { next }
{
	text[++n] = $0
	hit[n] = !oom && !fail && bad($0)
	count += hit[n]
	fail -= fail > 0
}
/<\/TASK>|<\/IRQ>/ { fail = 0 }
END {
	if (!seen) {
		print "the kernel log does not hold: " marker
		exit 1
	}
	for (i = 1; i <= n; i++)
		if (hit[i])
			for (j = i - 2; j <= i + 20; j++)
				show[j] = 1
	for (i = 1; i <= n && shown < 60; i++)
		if (show[i]) {
			print text[i]
			shown++
		}
	exit count > 0
}'
