/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An answer, whole before its first byte is sent: a slow reader holds no lock
 * and delays nobody, and the head can say how long it is, so that a reader
 * knows when some of it is missing.
 *
 *	tmem 1 ok 1234\n                    and 1234 bytes follow
 *	tmem 1 error 22 no such request\n   an errno and why
 */
#ifndef TMEM_CONTROL_ANSWER_H
#define TMEM_CONTROL_ANSWER_H

#include <stddef.h>

#define TMEM_CONTROL_PROTOCOL 1

/* Text of ours is short; a snapshot comes in a mapping. */
struct tmem_control_answer {
	size_t head_bytes, text_bytes;
	char head[160];
	char text[4096];
	char *map;
	size_t map_bytes;
};

/* Nothing said yet. */
void tmem_control_answer_clear(struct tmem_control_answer *answer);

/* Append to the text; what does not fit makes the answer an error. */
__attribute__((format(printf, 2, 3))) void
tmem_control_answer_add(struct tmem_control_answer *answer, const char *format,
			...);

/* It is complete. */
void tmem_control_answer_end(struct tmem_control_answer *answer);

/* It could not be done: a positive errno, and why in a line. */
__attribute__((format(printf, 3, 4))) void
tmem_control_answer_fail(struct tmem_control_answer *answer, int error,
			 const char *format, ...);

/*
 * The answer is what write() writes to a descriptor, 0 or -errno; of memory,
 * so that writing never waits.
 */
void tmem_control_answer_take(struct tmem_control_answer *answer,
			      int (*write)(int fd, unsigned int flags),
			      unsigned int flags);

/* Bytes from an offset that lie together; 0 at the end. */
size_t tmem_control_answer_at(const struct tmem_control_answer *answer,
			      size_t offset, const char **at);

void tmem_control_answer_free(struct tmem_control_answer *answer);

#endif /* TMEM_CONTROL_ANSWER_H */
