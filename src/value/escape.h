/* SPDX-License-Identifier: MIT */
#ifndef BROOD_VALUE_ESCAPE_H
#define BROOD_VALUE_ESCAPE_H

#include <brood.h>

/* What JSON has no form for is an object whose one member has one of these names. */
enum escape { ESCAPE_NONE, ESCAPE_BIN, ESCAPE_STR, ESCAPE_EXT, ESCAPE_DOUBLE, ESCAPE_MAP };

enum escape escape_named(const unsigned char *name, size_t size);

/*
 * While JSON is read, arrays and maps stand in the buffer with heads of five bytes, whose count is filled in when they
 * end. This is the mark, in place of the first byte, of a map that is written as {"$map":[[key,value],…]}.
 */
enum { WIDE = 5, WIDE_ARRAY = 0xdd, WIDE_MAP = 0xdf, WIDE_PAIRS = 0xc1 };

/*
 * Turns the object of one member that begins at start, and is the last thing in the buffer, into what it stands for, if
 * it is one of those above; else it stays the map that it is. pairs: the member's value is an array of arrays of two.
 */
void escape_fold(struct brood_buffer *buffer, size_t start, bool pairs);

/* Gives the heads of the one value in the buffer the least width. 0, or -EBADMSG where it nests too deep. */
int escape_narrow(struct brood_buffer *buffer);

#endif
