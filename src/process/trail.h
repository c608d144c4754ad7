/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_TRAIL_H
#define BROOD_PROCESS_TRAIL_H

#include "process/modules.h"
#include "process/snapshot.h"

/* A thread that stands still, wherever it is kept: registers, as in a snapshot, and a way to read its memory. */
struct thread {
	uint64_t registers[SNAPSHOT_REGISTERS];
	uint64_t bottom; /* 0: none */
	uint64_t end;    /* from there on, up to the bottom, nothing has been kept; 0: all has */
	bool met_bottom, met_end; /* something from there on was asked for */
	bool called;     /* the program counter is that of a call, one byte back into it, and not where the thread stands */
	bool (*read)(void *memory, uint64_t address, uint64_t *value);
	void *memory;
};

bool thread_read(struct thread *, uint64_t address, uint64_t *value);

/* The thread as its innermost function would leave it at its first instruction: false where there is no caller. */
bool thread_return(struct thread *, const struct modules *);

/* The calls that a thread was in, innermost first. */
enum { TRAIL_MOST = 64 };

struct trail {
	struct call {
		uint64_t address;
		bool exact; /* the thread stands there; of others it is where they go on, behind the call */
		size_t again; /* so many more times, since the function calls itself there */
	} calls[TRAIL_MOST];
	size_t count;
	bool more;
};

/* false: it is full. */
bool trail_add(struct trail *, uint64_t address, bool exact);

/* Where the thread stands, and what the frame pointers say. */
void trail_follow(struct trail *, struct thread *);

#endif
