/* SPDX-License-Identifier: MIT */
#ifndef BROOD_VALUE_OBJECT_H
#define BROOD_VALUE_OBJECT_H

#include <brood.h>

/* What stands before an object on a descriptor: a mark of four bytes, and the length, eight bytes, largest first. */
enum { OBJECT_MARK = 4, OBJECT_HEAD = 12 };

void object_head_write(unsigned char head[OBJECT_HEAD], uint64_t length);

/* Whether this can be the beginning of a head, of which size bytes are known. */
bool object_head_begins(const unsigned char *head, size_t size);

uint64_t object_head_length(const unsigned char head[OBJECT_HEAD]);

/*
 * Reads the rest of an object of so many bytes, of which the first are there already, and replaces what *out holds. 0,
 * or a negative errno; -EBADMSG where the descriptor ends first. Memory grows as bytes arrive.
 */
int object_body_read(int fd, struct brood_bytes already, uint64_t length, struct brood_buffer *out);

#endif
