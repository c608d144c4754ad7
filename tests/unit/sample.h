/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SAMPLE_H
#define TESTS_SAMPLE_H

#include <brood.h>

#define BYTES(literal) ((struct brood_bytes){literal, sizeof literal - 1})

static inline struct brood_bytes bytes_of(const struct brood_buffer *buffer)
{
	return (struct brood_bytes){buffer->data, buffer->size};
}

/* A copy that ends at a page which cannot be touched, so that one byte too far is a crash. Never freed. */
struct brood_bytes sample_guarded(struct brood_bytes bytes);

/* A copy in which nothing has changed since, but for what the test itself does. */
bool sample_same(const struct brood_buffer *one, const struct brood_buffer *other);

/* A small generator, so that the same seed gives the same values everywhere. */
uint64_t sample_random(uint64_t *seed);

/* Appends a random value, as the packers make them; keys of every type where odd_keys. */
void sample_value(struct brood_buffer *out, uint64_t *seed, unsigned depth, bool odd_keys);

/* Every format of MessagePack, minimal or not, each one whole value. NULL data ends it. */
extern const struct brood_bytes sample_formats[];

#endif
