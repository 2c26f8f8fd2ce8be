// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many requests for a tensor made of another need no copy, in the shapes of
 * a transformer's layers: query, key and value are cut out of one tensor, the
 * heads moved to the front, the key turned, the mask spread over the heads; the
 * heads are put together again, which has to copy.
 */
#include <stdio.h>
#include <tmem.h>

#include "seed.h"

#define BATCH 4
#define TIME 128
#define HEADS 8
#define DEPTH 32

#define SHAPE(...) ((const int64_t[]){ __VA_ARGS__ })
#define ORDER(...) ((const unsigned int[]){ __VA_ARGS__ })

/* What a view is made of goes: the view keeps what it needs. */
static struct tmem_tensor *then(struct tmem_tensor *view,
				struct tmem_tensor *of)
{
	tmem_tensor_unref(of);
	return view;
}

/* Query, key or value: (batch, time, 3 * width) to (batch, head, time, depth). */
static struct tmem_tensor *part_cut(struct tmem_tensor *qkv, int64_t part)
{
	struct tmem_tensor *t = tmem_tensor_reshape(
		qkv, 5, SHAPE(BATCH, TIME, 3, HEADS, DEPTH), 0);

	t = then(tmem_tensor_slice(t, 2, part, 1, 1), t);
	t = then(tmem_tensor_reshape(t, 4, SHAPE(BATCH, TIME, HEADS, DEPTH), 0),
		 t);
	return then(tmem_tensor_permute(t, ORDER(0, 2, 1, 3)), t);
}

/* What attention has made: (batch, head, time, depth) to (batch, time, width). */
static struct tmem_tensor *heads_join(void)
{
	struct tmem_tensor *t = tmem_tensor_new_dtype(
		TMEM_F32, 4, SHAPE(BATCH, HEADS, TIME, DEPTH), 0);

	t = then(tmem_tensor_permute(t, ORDER(0, 2, 1, 3)), t);
	return then(tmem_tensor_reshape(t, 3, SHAPE(BATCH, TIME, HEADS * DEPTH),
					TMEM_TENSOR_COPY),
		    t);
}

static int layer_run(struct tmem_tensor *qkv, struct tmem_tensor *mask)
{
	struct tmem_tensor *key = part_cut(qkv, 1);
	struct tmem_tensor *made[] = {
		part_cut(qkv, 0),
		then(tmem_tensor_transpose(key, 2, 3), key),
		part_cut(qkv, 2),
		tmem_tensor_broadcast(mask, 4, SHAPE(BATCH, HEADS, TIME, TIME)),
		heads_join(),
	};
	int failed = 0;
	size_t i;

	for (i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		failed |= !made[i];
		tmem_tensor_unref(made[i]);
	}
	return failed;
}

int seed_views(unsigned int layers)
{
	struct tmem_tensor *qkv = tmem_tensor_new_dtype(
		TMEM_F32, 3, SHAPE(BATCH, TIME, 3 * HEADS * DEPTH), 0);
	struct tmem_tensor *mask =
		tmem_tensor_new_dtype(TMEM_F32, 4, SHAPE(1, 1, TIME, TIME), 0);
	struct tmem_tensor_stats stats = TMEM_TENSOR_STATS_INIT;
	unsigned int i;

	if (!qkv || !mask)
		return 1;
	for (i = 0; i < layers; i++)
		if (layer_run(qkv, mask))
			return 1;
	tmem_tensor_unref(qkv);
	tmem_tensor_unref(mask);
	if (tmem_tensor_stats_get(&stats))
		return 1;
	printf("views %llu\ncopies %llu\nleft %llu\n",
	       (unsigned long long)stats.views,
	       (unsigned long long)stats.copies,
	       (unsigned long long)stats.tensors);
	return stats.tensors != 0;
}
