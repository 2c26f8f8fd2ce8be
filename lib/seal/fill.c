// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Contents into a store, and views of them.
 *
 * Memory comes before the copy, so that a full machine is an error and not
 * SIGBUS.  A large block is copied piece by piece, and each piece's memory is
 * given back when it is copied; should a later piece find no memory, the
 * earlier ones are copied back, last first, each into the memory of its copy.
 */
#define _GNU_SOURCE
#include "seal/fill.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "seal/view.h"

#define FILL_PIECE ((size_t)8 << 20)

struct fill {
	struct tmem_file *file;
	const struct tmem_content *content;
	char *block, *to;
	size_t piece;
	bool drain;
};

static size_t fill_piece(const struct fill *fill, size_t at)
{
	size_t left = fill->content->bytes - at;

	return left < fill->piece ? left : fill->piece;
}

/* Whole pages only.  Whatever comes of it, they may be written to. */
static void fill_drain(char *from, size_t bytes)
{
	uintptr_t start = ((uintptr_t)from + TMEM_STORE_PAGE - 1) &
			  ~(TMEM_STORE_PAGE - 1);
	uintptr_t end = ((uintptr_t)from + bytes) & ~(TMEM_STORE_PAGE - 1);

	if (start < end)
		(void)madvise((void *)start, end - start, MADV_DONTNEED);
}

static void fill_restore(const struct fill *fill, size_t done)
{
	size_t at, bytes;

	for (at = done; fill->drain && at;) {
		at -= fill->piece;
		bytes = fill_piece(fill, at);
		memcpy(fill->block + at, fill->to + at, bytes);
		fill->file->ops->discard(fill->file, fill->content->offset + at,
					 tmem_view_span(bytes), 0, 0);
	}
}

static int fill_copy(const struct fill *fill)
{
	const struct tmem_content *content = fill->content;
	size_t at, bytes;
	int err;

	for (at = 0; at < content->bytes; at += bytes) {
		bytes = fill_piece(fill, at);
		err = fill->file->ops->populate(fill->file, fill->to + at,
						content->offset + at,
						tmem_view_span(bytes));
		if (err) {
			fill_restore(fill, at);
			return err;
		}
		memcpy(fill->to + at, fill->block + at, bytes);
		if (fill->drain)
			fill_drain(fill->block + at, bytes);
	}
	/* What others had there before is not ours to show. */
	memset(fill->to + at, 0, tmem_view_span(at) - at);
	return 0;
}

/* The mapping that was written to becomes the view, or makes way for it. */
static char *fill_finish(const struct fill *fill, unsigned int flags)
{
	size_t span = tmem_view_span(fill->content->bytes);
	char *view;

	if (!(flags & TMEM_SEAL_COPY))
		return mprotect(fill->to, span, PROT_READ) ? NULL : fill->to;
	view = tmem_view_map(fill->file, fill->content, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE);
	if (view)
		munmap(fill->to, span);
	return view;
}

/* Where the block's end is, in pieces: what fill_restore() counts back from. */
static size_t fill_end(const struct fill *fill)
{
	return (fill->content->bytes + fill->piece - 1) / fill->piece *
	       fill->piece;
}

char *tmem_fill_view(struct tmem_file *file, const struct tmem_content *content,
		     char *block, bool drain, unsigned int flags)
{
	struct fill fill = {
		.file = file,
		.content = content,
		.block = block,
		.piece = drain ? FILL_PIECE : content->bytes,
		.drain = drain,
	};
	char *view;
	int err;

	fill.to = tmem_view_map(file, content, PROT_READ | PROT_WRITE,
				MAP_SHARED);
	if (!fill.to)
		return NULL;
	if (file->ops->advise)
		file->ops->advise(file, fill.to,
				  tmem_view_span(content->bytes));
	err = -fill_copy(&fill);
	view = err ? NULL : fill_finish(&fill, flags);
	if (view)
		return view;
	if (!err) {
		err = errno;
		fill_restore(&fill, fill_end(&fill));
	}
	munmap(fill.to, tmem_view_span(content->bytes));
	errno = err;
	return NULL;
}

/*
 * EFAULT: a peer has taken pages away, and there is no memory to put zeroes
 * there.  Kernels before 5.14 cannot be asked (EINVAL).
 */
static int fill_read(char *view, size_t span)
{
	while (madvise(view, span, MADV_POPULATE_READ)) {
		if (errno == EINTR || errno == EAGAIN)
			continue;
		return errno == EINVAL ? 0 : -ENOMEM;
	}
	return 0;
}

char *tmem_fill_share(const struct tmem_file *file,
		      const struct tmem_content *content, unsigned int flags)
{
	bool copy = flags & TMEM_SEAL_COPY;
	size_t span = tmem_view_span(content->bytes);
	char *view = tmem_view_map(file, content,
				   copy ? PROT_READ | PROT_WRITE : PROT_READ,
				   copy ? MAP_PRIVATE : MAP_SHARED);

	if (view && fill_read(view, span)) {
		munmap(view, span);
		errno = ENOMEM;
		return NULL;
	}
	return view;
}
