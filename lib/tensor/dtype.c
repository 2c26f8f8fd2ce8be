// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Element types: one table.
 */
#include "tensor/dtype.h"

/* Of DLDataType.code. */
enum { DL_INT, DL_UINT, DL_FLOAT, DL_BFLOAT = 4, DL_COMPLEX, DL_BOOL };

static const struct tmem_dtype_info infos[] = {
	[TMEM_F32] = { "f32", 4, 4, DL_FLOAT },
	[TMEM_F64] = { "f64", 8, 8, DL_FLOAT },
	[TMEM_F16] = { "f16", 2, 2, DL_FLOAT },
	[TMEM_BF16] = { "bf16", 2, 2, DL_BFLOAT },
	[TMEM_I8] = { "i8", 1, 1, DL_INT },
	[TMEM_I16] = { "i16", 2, 2, DL_INT },
	[TMEM_I32] = { "i32", 4, 4, DL_INT },
	[TMEM_I64] = { "i64", 8, 8, DL_INT },
	[TMEM_U8] = { "u8", 1, 1, DL_UINT },
	[TMEM_U16] = { "u16", 2, 2, DL_UINT },
	[TMEM_U32] = { "u32", 4, 4, DL_UINT },
	[TMEM_U64] = { "u64", 8, 8, DL_UINT },
	[TMEM_BOOL] = { "bool", 1, 1, DL_BOOL },
	[TMEM_C64] = { "c64", 8, 4, DL_COMPLEX },
	[TMEM_C128] = { "c128", 16, 8, DL_COMPLEX },
};

#define INFOS (sizeof(infos) / sizeof(infos[0]))

const struct tmem_dtype_info *tmem_dtype_info(unsigned int dtype)
{
	return &infos[dtype < INFOS ? dtype : 0];
}

size_t tmem_dtype_size(enum tmem_dtype dtype)
{
	return tmem_dtype_info(dtype)->size;
}

const char *tmem_dtype_name(enum tmem_dtype dtype)
{
	return tmem_dtype_info(dtype)->name;
}

unsigned int tmem_dtype_of_dlpack(DLDataType type)
{
	unsigned int i;

	for (i = 1; i < INFOS; i++)
		if (type.lanes == 1 && type.code == infos[i].code &&
		    type.bits == infos[i].size * 8)
			return i;
	return 0;
}
