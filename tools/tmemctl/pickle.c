// SPDX-License-Identifier: GPL-2.0-only
/*
 * pickle - Python's pickle format, protocol 2.
 *
 * A pickle is a program for a small stack machine; its instructions are in
 * Python's pickletools.py.  Those used here push data, and can call nothing.
 * Elements are added one by one: PyTorch's viewer takes lists apart by
 * function arguments, of which a browser allows some 65,000.
 */
#include <string.h>

#include "pickle.h"

enum {
	OP_PROTO = 0x80,
	OP_STOP = '.',
	OP_EMPTY_DICT = '}',
	OP_SETITEM = 's',
	OP_EMPTY_LIST = ']',
	OP_APPEND = 'a',
	OP_BINUNICODE = 'X',
	OP_BININT = 'J',
	OP_LONG1 = 0x8a,
	OP_NEWTRUE = 0x88,
	OP_NEWFALSE = 0x89,
	OP_LONG_BINPUT = 'r',
	OP_LONG_BINGET = 'j',
};

/* The lowest @bytes of @n, the lowest first. */
static void put(FILE *out, uint64_t n, unsigned int bytes)
{
	for (; bytes; bytes--, n >>= 8)
		putc((int)(n & 0xff), out);
}

void pickle_begin(FILE *out)
{
	putc(OP_PROTO, out);
	putc(2, out);
}

void pickle_end(FILE *out)
{
	putc(OP_STOP, out);
}

void pickle_dict(FILE *out)
{
	putc(OP_EMPTY_DICT, out);
}

void pickle_key(FILE *out, const char *key)
{
	pickle_text(out, key);
}

void pickle_put(FILE *out)
{
	putc(OP_SETITEM, out);
}

void pickle_list(FILE *out)
{
	putc(OP_EMPTY_LIST, out);
}

void pickle_append(FILE *out)
{
	putc(OP_APPEND, out);
}

void pickle_text(FILE *out, const char *text)
{
	size_t length = strlen(text);

	putc(OP_BINUNICODE, out);
	put(out, length, 4);
	fwrite(text, 1, length, out);
}

void pickle_bool(FILE *out, int value)
{
	putc(value ? OP_NEWTRUE : OP_NEWFALSE, out);
}

/* BININT has a sign, and LONG1 here 8 bytes. */
void pickle_number(FILE *out, uint64_t number)
{
	if (number <= INT32_MAX) {
		putc(OP_BININT, out);
		put(out, number, 4);
		return;
	}
	putc(OP_LONG1, out);
	putc(8, out);
	put(out, number, 8);
}

void pickle_keep(FILE *out, uint32_t slot)
{
	putc(OP_LONG_BINPUT, out);
	put(out, slot, 4);
}

void pickle_again(FILE *out, uint32_t slot)
{
	putc(OP_LONG_BINGET, out);
	put(out, slot, 4);
}

void pickle_put_text(FILE *out, const char *key, const char *text)
{
	pickle_key(out, key);
	pickle_text(out, text);
	pickle_put(out);
}

void pickle_put_number(FILE *out, const char *key, uint64_t number)
{
	pickle_key(out, key);
	pickle_number(out, number);
	pickle_put(out);
}
