/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_BITS_H
#define BROOD_POOL_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits by place, of which those that are equal under mask, which is a power of two less one or all ones, are the same. */

static inline bool bits_test(const uint64_t *bits, uint64_t at)
{
	return bits[at / 64] >> at % 64 & 1;
}

static inline void bits_set(uint64_t *bits, uint64_t at)
{
	bits[at / 64] |= UINT64_C(1) << at % 64;
}

/* The bits from at on that lie in one word with it, before end; and how many they are. */
static inline uint64_t bits_part(size_t mask, uint64_t at, uint64_t end, uint64_t *count)
{
	const uint64_t from = (at & mask) % 64, left = mask < 63 ? mask + 1 - (at & mask) : 64 - from;
	*count = end - at < left ? end - at : left;
	return (*count == 64 ? UINT64_MAX : (UINT64_C(1) << *count) - 1) << from;
}

/* Turns round those from begin on and before end. */
static inline void bits_flip(uint64_t *bits, size_t mask, uint64_t begin, uint64_t end)
{
	for (uint64_t count; begin < end; begin += count)
		bits[(begin & mask) / 64] ^= bits_part(mask, begin, end, &count);
}

/* The first place from begin on whose bit is not set; end where there is none before it. */
static inline uint64_t bits_end_of_run(const uint64_t *bits, size_t mask, uint64_t begin, uint64_t end)
{
	for (uint64_t count; begin < end; begin += count) {
		uint64_t part = bits_part(mask, begin, end, &count), clear = ~bits[(begin & mask) / 64] & part;
		if (clear)
			return begin + (uint64_t)__builtin_ctzll(clear) - (begin & mask) % 64;
	}
	return end;
}

#endif
