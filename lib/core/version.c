// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The version of the library that runs, which need not be the one that a
 * program was built with.
 */
#include <tmem/version.h>

const char *tmem_version(void)
{
	return TMEM_VERSION;
}
