/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Element types, and what DLPack calls them.
 */
#ifndef TMEM_TENSOR_DTYPE_H
#define TMEM_TENSOR_DTYPE_H

#include <tmem/dlpack.h>

struct tmem_dtype_info {
	const char *name;
	uint8_t size; /* bytes; 0: there is no such type */
	uint8_t align;
	uint8_t code; /* DLDataType */
};

/* Of a type that exists; all zero of another. */
const struct tmem_dtype_info *tmem_dtype_info(unsigned int dtype);

/* 0: we have none such. */
unsigned int tmem_dtype_of_dlpack(DLDataType type);

#endif /* TMEM_TENSOR_DTYPE_H */
