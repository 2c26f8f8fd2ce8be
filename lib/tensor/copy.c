// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Copies: compact ones, and lazy ones that are made when they are written to.
 */
#include <errno.h>
#include <string.h>

#include "tensor/tensor.h"

/*
 * The walk over elements: rows of equal distance, one after the other, by
 * counting index[] up as an odometer.  Dimensions that lie in a row are taken
 * together first, so that rows are as long as can be.
 */
struct copy_walk {
	unsigned int ndim;
	int64_t shape[TMEM_TENSOR_DIMS];
	int64_t step[TMEM_TENSOR_DIMS]; /* bytes */
	int64_t index[TMEM_TENSOR_DIMS];
};

static void walk_add(struct copy_walk *w, int64_t shape, int64_t step)
{
	unsigned int n = w->ndim;

	if (shape == 1)
		return;
	if (n && w->step[n - 1] == shape * step) {
		w->shape[n - 1] *= shape;
		w->step[n - 1] = step;
		return;
	}
	w->shape[w->ndim] = shape;
	w->step[w->ndim] = step;
	w->index[w->ndim++] = 0;
}

static void walk_begin(struct copy_walk *w, const struct tmem_tensor *t)
{
	unsigned int i;

	w->ndim = 0;
	for (i = 0; i < t->ndim; i++)
		walk_add(w, t->dim[i], t->dim[t->ndim + i] * t->item);
}

static char *row_copy(char *to, const char *from, int64_t count, int64_t step,
		      size_t item)
{
	if (step == (int64_t)item) {
		memcpy(to, from, (size_t)count * item);
		return to + (size_t)count * item;
	}
	for (; count; count--, from += step, to += item) {
		switch (item) {
		case 1:
			*to = *from;
			break;
		case 2:
			memcpy(to, from, 2);
			break;
		case 4:
			memcpy(to, from, 4);
			break;
		case 8:
			memcpy(to, from, 8);
			break;
		default:
			memcpy(to, from, item);
		}
	}
	return to;
}

/* The next row; false: that was the last. */
static bool walk_next(struct copy_walk *w, int64_t *offset)
{
	unsigned int i = w->ndim - 1;

	while (i--) {
		*offset += w->step[i];
		if (++w->index[i] < w->shape[i])
			return true;
		*offset -= w->step[i] * w->shape[i];
		w->index[i] = 0;
	}
	return false;
}

void tmem_tensor_gather(const struct tmem_tensor *from, char *to)
{
	const char *base = tmem_tensor_at(from);
	struct copy_walk w;
	int64_t offset = 0;

	if (!from->count)
		return;
	walk_begin(&w, from);
	if (!w.ndim) {
		memcpy(to, base, from->item);
		return;
	}
	do {
		to = row_copy(to, base + offset, w.shape[w.ndim - 1],
			      w.step[w.ndim - 1], from->item);
	} while (walk_next(&w, &offset));
}

struct tmem_tensor *tmem_tensor_copy(struct tmem_tensor *tensor)
{
	struct tmem_tensor *copy;

	if (!tmem_tensor_ok(tensor))
		return NULL;
	copy = tmem_tensor_new_dtype((enum tmem_dtype)tensor->dtype,
				     tensor->ndim, tensor->dim, 0);
	if (!copy)
		return NULL;
	tmem_tensor_gather(tensor, tmem_tensor_at(copy));
	tmem_storage_count_copy(copy->count * copy->item);
	return copy;
}

struct tmem_tensor *tmem_tensor_lazy_copy(struct tmem_tensor *tensor)
{
	struct tmem_tensor_plan plan;
	struct tmem_storage *storage;
	struct tmem_tensor *copy;
	bool copied;

	if (!tmem_tensor_ok(tensor))
		return NULL;
	/* Of what others have, only the elements are ours to read. */
	if (!tensor->storage->ops->ours)
		return tmem_tensor_copy(tensor);
	storage = tmem_storage_lazy(tensor->storage, &copied);
	plan = tmem_tensor_plan_of(tensor);
	copy = tmem_tensor_make(&plan, storage);
	if (copy && !copied)
		tmem_tensor_count_view();
	return copy;
}
