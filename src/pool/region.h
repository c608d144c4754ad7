/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_REGION_H
#define BROOD_POOL_REGION_H

#include <stdatomic.h>
#include <stdbool.h>
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
	bool small; /* there are no huge pages, as far as this process knows */
	unsigned together; /* so many are asked for at once */
	_Atomic int64_t *debt; /* shared: by how many nanoseconds they took longer than small ones would have */
};

int region_new(struct region **out);
void region_free(struct region *);

struct region *region_hold(struct region *);

/* The offset of size bytes that nobody has yet, zero, and aligned to 128, or to a huge page where they fill one;
   0: there is no room. */
uint64_t region_take(struct region *, size_t size);

/* Makes size bytes zero again that somebody had, and gives their memory back, but for what is less than a page. */
void region_clear(struct region *, uint64_t from, size_t size);

/*
 * Makes memory of what lies from one offset on and before another, in huge pages, for a process that is about to fill it: a
 * tenth of what page faults would take. Small pages that are there are merged. For less than a part of a huge page nothing is
 * done, nor where that is slower or not to be had.
 *
 * The system has huge pages for shared memory on this request alone, also where its settings say never, which is their default.
 */
void region_prefault(struct region *, uint64_t from, uint64_t to);

/* Does so for a first part of it, a few huge pages, and returns where that ends. */
uint64_t region_prefault_some(struct region *, uint64_t from, uint64_t to);

/* Where the huge page ends that has the byte before the offset. */
uint64_t region_huge_end(uint64_t offset);

static inline void *region_at(const struct region *region, uint64_t offset)
{
	return region->base + offset;
}

#endif
