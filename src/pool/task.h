/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_TASK_H
#define BROOD_POOL_TASK_H

#include <brood.h>

struct worker;

/* Before a value in the arena: its size, as 8 bytes of these. */
enum { TASK_HEAD = 16 };

/* A failure in the arena: this, and the bytes of the strings behind it. */
struct task_failure {
	uint64_t type, message, traceback; /* their sizes */
	int32_t code;
};

/* Where the value is so far. */
enum task_form { TASK_SHORT, TASK_ARENA, TASK_FIXED, TASK_FAILED };

struct brood_task {
	struct worker *worker;
	size_t index, size;
	uint32_t slot;
	enum task_form form;
	uint64_t offset; /* in the region: of the value's head, or of the failure */
	uint64_t failure;
	_Alignas(16) unsigned char value[8]; /* while it is TASK_SHORT */
};

/* Makes the task that of an item, whose value is to be TASK_SHORT, or TASK_FIXED where all are of one size. */
static inline void task_begin(brood_task *task, size_t index, uint32_t slot, enum task_form form)
{
	task->index = index;
	task->slot = slot;
	task->size = 0;
	task->form = form;
}

/* Puts the value, or the failure that what the function returned makes of it, in its place. The state, which is to be
   stored last. For all but short values; those are the worker's to put. */
uint16_t task_end_slowly(brood_task *, int returned);

#endif
