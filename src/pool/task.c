/* SPDX-License-Identifier: MIT */
#include "pool/task.h"

#include "pool/items.h"
#include "pool/witness.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TYPE_LIMIT = 256, MESSAGE_LIMIT = 64 * 1024 };

BROOD_API struct brood_bytes brood_item(const brood_task *task)
{
	const struct board_batch *batch = &task->worker->batch;
	if (batch->kind != BOARD_ARRAY)
		return items_at(task->worker->plan->region, batch, task->slot);
	const struct brood_bytes item = items_in_array(batch, task->slot);
	__builtin_prefetch((const char *)item.data + WORKER_AHEAD * batch->stride);
	return item;
}

BROOD_API size_t brood_index(const brood_task *task)
{
	return task->index;
}

BROOD_API unsigned brood_attempt(const brood_task *task)
{
	const struct worker_plan *plan = task->worker->plan;
	if (!atomic_load(&plan->board->retried))
		return 1;
	return 1u + ((const uint32_t *)region_at(plan->region, task->worker->batch.attempts))[task->slot];
}

BROOD_API uint64_t brood_seed(const brood_task *task)
{
	/* The mixing of splitmix64, by Steele, Lea and Flood, whose outputs for consecutive inputs are independent. */
	uint64_t x = task->worker->plan->seed + (task->index + 1) * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Room for more bytes of a value that does not fit into its place any more; it moves there. */
static unsigned char *grow(brood_task *task, size_t more)
{
	struct worker *worker = task->worker;
	const struct region *region = worker->plan->region;
	size_t size;
	if (__builtin_add_overflow(task->size, more, &size) || size > region->size)
		return NULL;
	/* Behind the value the arena is free: where there is room, it grows there. */
	uint64_t offset = worker_room(worker, TASK_HEAD + size);
	if (!offset)
		return NULL;
	unsigned char *to = region_at(region, offset + TASK_HEAD);
	if (task->form == TASK_SHORT)
		memcpy(to, task->value, task->size);
	else if (task->offset != offset)
		memcpy(to, region_at(region, task->offset + TASK_HEAD), task->size);
	task->form = TASK_ARENA;
	task->offset = offset;
	unsigned char *place = to + task->size;
	task->size = size;
	return place;
}

static unsigned char *extend_fixed(brood_task *task, size_t more)
{
	const struct board_batch *batch = &task->worker->batch;
	if (more > batch->value_size - task->size)
		return NULL;
	unsigned char *place = region_at(task->worker->plan->region, batch->fixed + task->slot * batch->value_size + task->size);
	task->size += more;
	return place;
}

/* Where the next bytes of the value go. */
static unsigned char *extend(brood_task *task, size_t more)
{
	if (task->form == TASK_FAILED)
		return NULL;
	if (task->form == TASK_FIXED)
		return extend_fixed(task, more);
	if (task->form == TASK_SHORT && more <= sizeof task->value - task->size) {
		unsigned char *place = task->value + task->size;
		task->size += more;
		return place;
	}
	return grow(task, more);
}

static __attribute__((noinline)) int reply_slowly(brood_task *task, const void *data, size_t size)
{
	unsigned char *place = extend(task, size);
	if (!place)
		return task->form == TASK_FAILED ? -EINVAL : task->form == TASK_FIXED ? -EMSGSIZE : -ENOMEM;
	if (size)
		memcpy(place, data, size);
	return 0;
}

BROOD_API int brood_reply(brood_task *task, const void *data, size_t size)
{
	/* Most values are a number: without a way of their own they took a third longer. */
	if (size != sizeof task->value || task->form != TASK_SHORT || task->size)
		return reply_slowly(task, data, size);
	memcpy(task->value, data, sizeof task->value);
	task->size = sizeof task->value;
	return 0;
}

BROOD_API void *brood_reply_reserve(brood_task *task, size_t size)
{
	return extend(task, size);
}

static void write_failure(brood_task *task, int code, const char *const strings[3])
{
	struct worker *worker = task->worker;
	const size_t sizes[] = {strnlen(strings[0], TYPE_LIMIT), strlen(strings[1]), strlen(strings[2])};
	const struct task_failure head = {.type = sizes[0], .message = sizes[1], .traceback = sizes[2], .code = code};
	task->form = TASK_FAILED;
	task->failure = worker_room(worker, sizeof head + sizes[0] + sizes[1] + sizes[2]);
	if (!task->failure)
		return;
	unsigned char *to = region_at(worker->plan->region, task->failure);
	memcpy(to, &head, sizeof head);
	to += sizeof head;
	for (size_t i = 0; i < 3; to += sizes[i++])
		memcpy(to, strings[i], sizes[i]);
	worker_used(worker, task->failure + sizeof head + sizes[0] + sizes[1] + sizes[2]);
}

/* In brackets, for it is a macro too. */
BROOD_API int (brood_fail)(brood_task *task, int code, const char *type, const char *format, ...)
{
	char message[MESSAGE_LIMIT];
	va_list arguments;
	va_start(arguments, format);
	if (!format || vsnprintf(message, sizeof message, format, arguments) < 0)
		message[0] = '\0';
	va_end(arguments);
	code = code ? code : 1;
	const char *traceback = task->worker->plan->boxes ? witness_calls(task->worker, __builtin_frame_address(0)) : "";
	write_failure(task, code, (const char *const[]){type ? type : "", message, traceback});
	return code;
}

uint16_t task_end_slowly(brood_task *task, int returned)
{
	struct worker *worker = task->worker;
	_Atomic uint64_t *value = &worker->values[task->slot];
	if (returned && task->form != TASK_FAILED) {
		char message[64];
		snprintf(message, sizeof message, "the work function returned %d", returned);
		write_failure(task, returned, (const char *const[]){"Return", message, ""});
	}
	if (task->form == TASK_FAILED) {
		atomic_store_explicit(value, task->failure, memory_order_relaxed);
		return STATE_FAILURE;
	}
	if (task->form == TASK_FIXED) {
		size_t rest = worker->batch.value_size - task->size;
		if (rest)
			memset(extend_fixed(task, rest), 0, rest);
		return STATE_FIXED;
	}
	uint64_t size = task->size;
	memcpy(region_at(worker->plan->region, task->offset), &size, sizeof size);
	worker_used(worker, task->offset + TASK_HEAD + size);
	atomic_store_explicit(value, task->offset, memory_order_relaxed);
	return STATE_ARENA;
}
