/* SPDX-License-Identifier: MIT */
#ifndef BROOD_VALUE_BASE64_H
#define BROOD_VALUE_BASE64_H

#include <stddef.h>
#include <sys/types.h>

/* How many characters size bytes take, padding included. */
static inline size_t base64_length(size_t size)
{
	return (size / 3 + (size % 3 != 0)) * 4;
}

/* Writes base64_length(size) characters, and no NUL. */
void base64_encode(unsigned char *out, const unsigned char *data, size_t size);

/*
 * Decodes what base64_encode writes, and nothing else: padded, without blanks, and with unused bits 0. How many bytes,
 * or -EBADMSG. out may be NULL, to ask first; and may lie in the same memory, not behind the text.
 */
ssize_t base64_decode(unsigned char *out, const unsigned char *text, size_t size);

#endif
