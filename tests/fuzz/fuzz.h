/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <brood.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stays in release builds, in which assert does not. */
#define MUST(condition) \
	((condition) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

static inline struct brood_bytes bytes_of(const struct brood_buffer *buffer)
{
	return (struct brood_bytes){buffer->data, buffer->size};
}

static inline bool equal(struct brood_bytes one, struct brood_bytes other)
{
	return one.size == other.size && (!one.size || !memcmp(one.data, other.data, one.size));
}

#endif
