/* SPDX-License-Identifier: MIT */
#include "pool/region.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE ((size_t)2 << 20)
#define LARGEST ((size_t)1 << 40)
/* Two cache lines, since processors fetch them in pairs. */
#define LINE ((size_t)128)
#define SMALLEST ((size_t)1 << 20)
/* With other pages, huge ones are of another size too. */
#define PAGE 4096

/* Of the headers of Linux 6.1. */
#if !defined(MADV_COLLAPSE)
#define MADV_COLLAPSE 25
#endif

/* So many at once, where they have not taken long so far: each call waits until all processors have turned to it, which is long where
   they are busy. */
enum { TOGETHER = 4 };

/* A huge page is worth its memory, and what clearing it takes, where this much of it will be used. */
#define WORTH (HUGE / 4)

/* Nanoseconds of processor time: SMALL is what as much memory takes in small pages, 512 faults of 2.2 microseconds, where a
   huge page takes 70 to 150. It takes 5 milliseconds in a virtual machine that has to get it back from its host first: of what is
   above SMALL there may be so much, and each huge page that is left out after that makes up for a part of it. */
enum { SMALL = 1000000, DEBT = 4 * SMALL, PAID = SMALL / 16, MOST = 64 * SMALL };

/*
 * At a multiple of huge pages' size, or there can be none in it: it is not enough that these themselves begin at one. Where
 * another thread has been quicker it is elsewhere: a fixed place would be taken from it.
 */
static void *reserve(size_t size)
{
	char *place = mmap(NULL, size + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (place == MAP_FAILED)
		return MAP_FAILED;
	munmap(place, size + HUGE);
	place += -(uintptr_t)place % HUGE;
	return mmap(place, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

int region_new(struct region **out)
{
	struct region *region = calloc(1, sizeof *region);
	if (!region)
		return -ENOMEM;
	size_t size = LARGEST;
	void *base = reserve(size);
	while (base == MAP_FAILED && size > SMALLEST) {
		size /= 2;
		base = reserve(size);
	}
	/* Where address space is scarce, half of what there is is left to others. */
	if (base != MAP_FAILED && size < LARGEST && size > SMALLEST) {
		munmap((char *)base + size / 2, size - size / 2);
		size /= 2;
	}
	if (base == MAP_FAILED) {
		free(region);
		return -ENOMEM;
	}
	madvise(base, size, MADV_DONTDUMP);
	/* What is before the first line is nobody's part. */
	*region = (struct region){.base = base, .size = size, .top = LINE, .references = 1, .debt = base, .together = TOGETHER / 2,
				  .small = (uintptr_t)base % HUGE || sysconf(_SC_PAGESIZE) != PAGE};
	*out = region;
	return 0;
}

void region_free(struct region *region)
{
	if (!region || --region->references)
		return;
	munmap(region->base, region->size);
	free(region);
}

struct region *region_hold(struct region *region)
{
	region->references++;
	return region;
}

uint64_t region_take(struct region *region, size_t size)
{
	size_t alignment = size >= HUGE ? HUGE : LINE;
	size_t from = ((size_t)region->base + region->top + alignment - 1) / alignment * alignment - (size_t)region->base;
	if (from > region->size || size > region->size - from)
		return 0;
	region->top = from + size;
	return from;
}

void region_clear(struct region *region, uint64_t from, size_t size)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), to = from + size;
	const uint64_t first = (from + page - 1) / page * page, last = to / page * page;
	if (first >= last) {
		memset(region->base + from, 0, size);
		return;
	}
	memset(region->base + from, 0, first - from);
	memset(region->base + last, 0, to - last);
	if (!madvise(region->base + first, last - first, MADV_REMOVE))
		return;
	/* Of locked memory nothing can be given back. */
	for (uint64_t at = first; at < last; at += page) {
		unsigned char there = 1;
		mincore(region->base + at, page, &there);
		if (there & 1)
			memset(region->base + at, 0, page);
	}
}

/* Whether of the huge page enough lies from one offset on and before another, and nobody has seen to it already. */
static bool is_worth(const struct region *region, uint64_t page, uint64_t from, uint64_t to)
{
	unsigned char first = 0, last = 0;
	const uint64_t used = (page + HUGE < to ? page + HUGE : to) - (page > from ? page : from);
	if (used < WORTH || page + HUGE > region->size)
		return false;
	mincore(region->base + page, 1, &first);
	mincore(region->base + page + HUGE - PAGE, 1, &last);
	return !(first & last & 1);
}

/* However much a worker may have written there. */
static bool is_in_debt(const struct region *region)
{
	int64_t debt = atomic_load(region->debt);
	if (debt > MOST)
		atomic_store(region->debt, MOST);
	return debt > DEBT;
}

static void make_huge(struct region *region, uint64_t from, uint64_t to)
{
	const uint64_t began = clock_busy();
	/* Else there is none just now, or another process is at it. */
	if (madvise(region->base + from, to - from, MADV_COLLAPSE) && errno != ENOMEM && errno != EBUSY && errno != EAGAIN)
		region->small = true;
	const int64_t more = (int64_t)(clock_busy() - began) - (int64_t)((to - from) / HUGE) * SMALL;
	if (more > 0 || atomic_load(region->debt) > 0)
		atomic_fetch_add(region->debt, more);
	region->together = more > 0 ? 1 : region->together < TOGETHER ? 2 * region->together : TOGETHER;
}

uint64_t region_prefault_some(struct region *region, uint64_t from, uint64_t to)
{
	uint64_t page = from / HUGE * HUGE;
	while (page < to && !is_worth(region, page, from, to))
		page += HUGE;
	if (page >= to || region->small)
		return to;
	const uint64_t begin = page, part = page + region->together * HUGE, end = part < to ? part : to;
	if (is_in_debt(region)) {
		atomic_fetch_sub(region->debt, PAID);
		page += HUGE;
	} else {
		/* Nothing can be collapsed where there is nothing yet. */
		for (; page < end && is_worth(region, page, from, to); page += HUGE)
			(void)*(volatile unsigned char *)(region->base + (page > from ? page : from));
		make_huge(region, begin, page);
	}
	return page < to ? page : to;
}

void region_prefault(struct region *region, uint64_t from, uint64_t to)
{
	while (from < to)
		from = region_prefault_some(region, from, to);
}

uint64_t region_huge_end(uint64_t offset)
{
	return (offset + HUGE - 1) / HUGE * HUGE;
}
