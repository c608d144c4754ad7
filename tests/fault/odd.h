/* SPDX-License-Identifier: MIT */
/* Numbers that somebody may stumble over, and what a worker may write of them into its black box. */
#ifndef BROOD_TESTS_ODD_H
#define BROOD_TESTS_ODD_H

#include "process/blackbox.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static inline uint64_t draw(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static inline uint64_t below(uint64_t *random, uint64_t limit)
{
	return draw(random) % limit;
}

/* A number that somebody may stumble over. */
static inline uint64_t odd_number(uint64_t *random)
{
	static const uint64_t some[] = {0, 1, 2, 3, 15, 16, 255, 4096, 65535, INT32_MAX, UINT32_MAX, (uint64_t)UINT32_MAX << 32,
		INT64_MAX, UINT64_MAX, UINT64_MAX - 15, UINT64_C(1) << 39, UINT64_C(1) << 40, (UINT64_C(1) << 40) - 8};
	switch (below(random, 3)) {
	case 0: return some[below(random, sizeof some / sizeof *some)];
	case 1: return below(random, 5000);
	default: return draw(random);
	}
}

static inline void scribble(void *place, size_t size, uint64_t *random)
{
	for (uint64_t left = 1 + below(random, 50); left--;) {
		uint64_t number = odd_number(random), width = UINT64_C(1) << below(random, 4);
		if (size >= width)
			memcpy((char *)place + below(random, size - width + 1), &number, width);
	}
}

/* Files that are not there, are no programs, or do not end, at places that a program could have. */
static inline void lie_of_maps(struct snapshot *snapshot, uint64_t *random)
{
	static const char *const files[] = {"/bin/sh", "/etc/passwd", "/dev/zero", "/proc/self/mem", "/nowhere", "[vdso]", "/"};
	size_t used = 0;
	while (used < sizeof snapshot->maps - 200 && below(random, 50)) {
		unsigned long long low = below(random, 3) ? draw(random) >> 17 << 12 : odd_number(random);
		unsigned long long high = below(random, 3) ? low + (below(random, 1 << 20) << 12) : odd_number(random);
		used += (size_t)sprintf(snapshot->maps + used, "%llx-%llx r-%cp %08llx 00:01 %llu %s\n", low, high,
			below(random, 4) ? 'x' : '-', (unsigned long long)odd_number(random), (unsigned long long)below(random, 100),
			files[below(random, sizeof files / sizeof *files)]);
	}
	snapshot->maps_size = below(random, 8) ? (uint32_t)used : (uint32_t)odd_number(random);
}

static inline void lie_of_thread(struct snapshot *snapshot, uint64_t *random)
{
	snapshot->stack_from = odd_number(random);
	snapshot->bottom = odd_number(random);
	snapshot->stack_size = (uint32_t)odd_number(random);
	for (int i = 0; i < SNAPSHOT_REGISTERS; i++)
		snapshot->registers[i] = below(random, 2) ? snapshot->stack_from + below(random, 5000) : odd_number(random);
	scribble(snapshot->stack, sizeof snapshot->stack, random);
}

static inline void over_box(struct blackbox *box, uint64_t *random)
{
	static const int signals[] = {SIGSEGV, SIGKILL, SIGABRT, 0, -1, 1000};
	lie_of_thread(&box->snapshot, random);
	if (below(random, 2))
		lie_of_maps(&box->snapshot, random);
	box->cause = (uint32_t)below(random, 7);
	box->signal = signals[below(random, sizeof signals / sizeof *signals)];
	box->code = (int32_t)odd_number(random);
	box->sender = (int32_t)odd_number(random);
	box->error = (int32_t)below(random, 140);
	box->address = odd_number(random);
	box->access = below(random, 6);
	box->text_size = (uint32_t)odd_number(random);
	box->output_size = (uint32_t)odd_number(random);
	scribble(box->text, sizeof box->text, random);
	scribble(box->output, sizeof box->output, random);
	atomic_store(&box->bottom, odd_number(random));
	/* What nobody would look at harms nobody. */
	const bool believed = below(random, 2);
	box->cause = believed ? BLACKBOX_SIGNAL : box->cause;
	box->signal = believed ? SIGSEGV : box->signal;
	atomic_store(&box->state, believed ? BLACKBOX_FILLED : (uint32_t)below(random, 5));
}

#endif
