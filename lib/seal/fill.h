/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From contents in a store to a view, one way or the other.
 */
#ifndef TMEM_SEAL_FILL_H
#define TMEM_SEAL_FILL_H

#include "seal/file.h"
#include "seal/index.h"

/*
 * Copy a block to the place of new contents.
 * @drain: the block's memory may be given back while it is copied
 * @flags: of tmem_seal()
 *
 * The view, or NULL with errno, and the block is as it was.
 */
char *tmem_fill_view(struct tmem_file *file, const struct tmem_content *content,
		     char *block, bool drain, unsigned int flags);

/*
 * A view of contents that are there, with its pages mapped.  NULL with errno.
 */
char *tmem_fill_share(const struct tmem_file *file,
		      const struct tmem_content *content, unsigned int flags);

#endif /* TMEM_SEAL_FILL_H */
