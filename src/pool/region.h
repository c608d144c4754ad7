/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_REGION_H
#define BROOD_POOL_REGION_H

#include <stddef.h>
#include <stdint.h>

/*
 * The memory that a host and its workers share: one large reserved mapping, made before the nursery is forked and so at
 * the same address in every process. Pages come to be when they are touched. It has no descriptor, so that nobody
 * can truncate it. Places in it are told as offsets, never 0. The host alone hands out its parts.
 */
struct region {
	unsigned char *base;
	size_t size, top;
	int references;
};

int region_new(struct region **out);
void region_free(struct region *);

struct region *region_hold(struct region *);

/* The offset of size bytes that nobody has yet, zero, and aligned to 128, or to a huge page where they fill one;
   0: there is no room. */
uint64_t region_take(struct region *, size_t size);

/* Asks for huge pages where the size is worth it: for a process that is about to fill them. */
void region_advise(struct region *, uint64_t offset, size_t size);

static inline void *region_at(const struct region *region, uint64_t offset)
{
	return region->base + offset;
}

#endif
