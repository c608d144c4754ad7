/* SPDX-License-Identifier: MIT */
#include "pool/batch.h"

#include "pool/items.h"
#include "pool/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Nobody but the host has a say in how long a worker's strings may be. */
enum { STRINGS_LIMIT = 1 << 20 };

/* To make memory of as much takes about as long as to make the first workers. */
#define PREFAULT ((uint64_t)16 << 20)

/* Its arrays: states, values, times, attempts, values of one size, and costs. */
enum { ARRAYS = 6 };

static void set_sizes(size_t sizes[ARRAYS], size_t slots, size_t value_size, bool costs)
{
	const size_t each[ARRAYS] = {sizeof(uint16_t), sizeof(uint64_t), 2 * sizeof(uint64_t), sizeof(uint32_t), value_size,
				     costs ? sizeof(struct cost_place) : 0};
	for (size_t i = 0; i < ARRAYS; i++)
		sizes[i] = slots * each[i];
}

int batch_new(struct batch *batch, struct region *region, const struct batch_plan *plan)
{
	const size_t slots = plan->slots;
	size_t sizes[ARRAYS];
	uint64_t places[ARRAYS] = {0};
	set_sizes(sizes, slots, plan->value_size, plan->costs);
	if (plan->value_size > SIZE_MAX / (slots + 1))
		return -EOVERFLOW;
	const size_t top = region->top, array = plan->value_size ? 4 : 1;
	for (size_t i = 0; i < ARRAYS; i++) {
		places[i] = plan->array && i == array ? plan->array : region_take(region, sizes[i]);
		if (!places[i]) {
			region->top = top;
			return -ENOMEM;
		}
	}
	*batch = (struct batch){.region = region};
	if (plan->costs && !(batch->costs = calloc(slots + 1, sizeof *batch->costs))) {
		region->top = top;
		return -ENOMEM;
	}
	batch->board = (struct board_batch){.first = plan->first, .base = plan->base, .count = plan->count,
		.mask = plan->slots < plan->count ? plan->slots - 1 : UINT32_MAX, .states = places[0], .values = places[1], .times = places[2],
		.attempts = places[3], .fixed = places[4], .costs = plan->costs ? places[5] : 0,
		.value_size = plan->value_size};
	return 0;
}

void batch_prefault(struct batch *batch, size_t slots)
{
	const struct board_batch *board = &batch->board;
	const uint64_t states = slots * sizeof(uint16_t), values = slots * batch_stride(board->value_size);
	const uint64_t array = batch_array(batch);
	region_prefault(batch->region, board->states, board->states + (states < PREFAULT ? states : PREFAULT));
	region_prefault(batch->region, array, array + (values < PREFAULT ? values : PREFAULT));
}

void batch_clear(struct batch *batch, size_t slots, size_t used)
{
	const struct board_batch *board = &batch->board;
	const uint64_t places[ARRAYS] = {board->states, board->values, board->times, board->attempts, board->fixed, board->costs};
	size_t sizes[ARRAYS];
	set_sizes(sizes, slots, board->value_size, board->costs);
	for (size_t i = 0; i < ARRAYS; i++)
		region_clear(batch->region, places[i], sizes[i]);
	if (batch->costs)
		memset(batch->costs, 0, used * sizeof *batch->costs);
}

void batch_free(struct batch *batch)
{
	free(batch->costs);
	batch->costs = NULL;
}

size_t batch_stride(size_t value_size)
{
	return value_size ? value_size : sizeof(uint64_t);
}

uint64_t batch_array(const struct batch *batch)
{
	return batch->board.value_size ? batch->board.fixed : batch->board.values;
}

static _Atomic uint16_t *state_of(const struct batch *batch, uint32_t slot)
{
	return (_Atomic uint16_t *)region_at(batch->region, batch->board.states) + slot;
}

#define ONES UINT64_C(0x0001000100010001)
#define TOPS (ONES << 15)

/* Of four states that lie together, the top bit of each that is not pending: looking at one after another took 1 ms for a
   million. */
static uint64_t done_of_four(uint64_t states)
{
	return ((states & ONES * STATE_KIND) + (TOPS - ONES)) & TOPS;
}

uint64_t batch_done(const struct batch *batch, uint32_t slot)
{
	const _Atomic uint64_t *fours = (_Atomic uint64_t *)region_at(batch->region, batch->board.states) + slot / 4;
	uint64_t done = 0;
	for (int i = 0; i < 16; i++) {
		uint64_t four = done_of_four(atomic_load_explicit(&fours[i], memory_order_acquire)) >> 15;
		/* Bits 0, 16, 32 and 48 come to lie side by side. */
		done |= (four * UINT64_C(0x0001000200040008) >> 48 & 15) << 4 * i;
	}
	return done;
}

uint32_t batch_first_pending(const struct batch *batch, uint32_t slot, uint32_t end)
{
	const _Atomic uint64_t *fours = region_at(batch->region, batch->board.states);
	while (slot < end) {
		if (slot % 4 == 0 && end - slot >= 4 && done_of_four(atomic_load_explicit(&fours[slot / 4], memory_order_acquire)) == TOPS)
			slot += 4;
		else if ((batch_state(batch, slot) & STATE_KIND) != STATE_PENDING)
			slot++;
		else
			break;
	}
	return slot;
}

void batch_set_state(struct batch *batch, uint32_t slot, uint32_t state)
{
	atomic_store(state_of(batch, slot), (uint16_t)state);
}

void batch_cancel(struct batch *batch, uint32_t slot)
{
	uint16_t state = atomic_load(state_of(batch, slot));
	if ((state & STATE_KIND) == STATE_PENDING)
		atomic_compare_exchange_strong(state_of(batch, slot), &state, STATE_CANCELED);
}

void batch_set_attempts(struct batch *batch, uint32_t slot, unsigned attempts)
{
	((uint32_t *)region_at(batch->region, batch->board.attempts))[slot] = attempts;
}

void batch_forget_cost(struct batch *batch, uint32_t slot)
{
	if (batch->costs)
		batch->costs[slot].known = false;
}

const struct brood_cost *batch_cost(const struct batch *batch, uint32_t slot)
{
	struct cost_copy *copy = &batch->costs[slot];
	if (!copy->known)
		*copy = (struct cost_copy){cost_read(batch->region, &batch->board, slot), true};
	return &copy->cost;
}

/* Copies of size bytes at an offset that a worker gave. */
static int copy_out(const struct region *region, uint64_t offset, void *to, size_t size)
{
	/* What lies behind has been given to nobody, and to read it would make memory of it. */
	if (offset > region->top || size > region->top - offset)
		return -EBADMSG;
	memcpy(to, region_at(region, offset), size);
	return 0;
}

static int read_arena(const struct batch *batch, uint32_t slot, struct brood_bytes *out)
{
	uint64_t offset = atomic_load_explicit(batch_value(batch, slot), memory_order_relaxed), size;
	if (offset % TASK_HEAD || copy_out(batch->region, offset, &size, sizeof size))
		return -EBADMSG;
	if (TASK_HEAD > batch->region->top - offset || size > batch->region->top - offset - TASK_HEAD)
		return -EBADMSG;
	*out = (struct brood_bytes){region_at(batch->region, offset + TASK_HEAD), size};
	return 0;
}

static int fail_corrupt(struct record *record)
{
	record->outcome = BROOD_ABORT;
	return record_say(record, "Corrupt", "a worker overwrote the item's record");
}

static int read_failure(const struct batch *batch, uint32_t slot, struct record *record)
{
	const struct region *region = batch->region;
	uint64_t offset = atomic_load_explicit(batch_value(batch, slot), memory_order_relaxed);
	struct task_failure head;
	if (!offset)
		return record_say(record, "Failure", "no shared memory was left to say why");
	if (copy_out(region, offset, &head, sizeof head) || head.type > STRINGS_LIMIT || head.message > STRINGS_LIMIT ||
	    head.traceback > STRINGS_LIMIT || head.type + head.message + head.traceback > region->top - offset - sizeof head)
		return fail_corrupt(record);
	const char *strings = region_at(region, offset + sizeof head);
	const struct brood_failure failure = {.type = strings, .message = strings + head.type, .output = "",
					      .traceback = strings + head.type + head.message, .code = head.code};
	record->outcome = BROOD_FAIL;
	return record_fail(record, &failure, (const size_t[RECORD_STRINGS]){head.type, head.message, head.traceback});
}

/* What the board says, into a record where it takes one: 0 or -ENOMEM. */
static int read_state(const struct batch *batch, struct records *records, uint32_t slot, uint32_t state, struct brood_result *out)
{
	uint32_t kind = state & STATE_KIND;
	int error = -EBADMSG;
	out->outcome = BROOD_SUCCESS;
	if (kind >= STATE_VALUE && kind < STATE_ARENA) {
		out->value = (struct brood_bytes){batch_value(batch, slot), kind - STATE_VALUE};
		return 0;
	}
	if (kind == STATE_FIXED && batch->board.value_size) {
		size_t size = batch->board.value_size;
		out->value = (struct brood_bytes){region_at(batch->region, batch->board.fixed + slot * size), size};
		return 0;
	}
	if (kind == STATE_ARENA)
		error = read_arena(batch, slot, &out->value);
	if (!error)
		return 0;
	struct record *record = record_make(records, out->index);
	if (!record)
		return -ENOMEM;
	record->outcome = BROOD_FAIL;
	record->attempts++;
	error = kind == STATE_FAILURE ? read_failure(batch, slot, record) : fail_corrupt(record);
	if (error) {
		record->outcome = BROOD_PENDING;
		record->attempts--;
	}
	return error;
}

/* Of items that nobody had begun, so that they need no record. */
static const struct brood_failure canceled = {.type = "Canceled", .message = "the item was canceled", .traceback = "",
						.output = ""};

void batch_read_times(const struct batch *batch, uint32_t slot, struct brood_result *out)
{
	const _Atomic uint64_t *times = (_Atomic uint64_t *)region_at(batch->region, batch->board.times) + 2 * (size_t)slot;
	uint64_t began = atomic_load_explicit(&times[0], memory_order_relaxed);
	uint64_t ended = atomic_load_explicit(&times[1], memory_order_relaxed);
	out->started = (double)began * 1e-9;
	out->seconds = ended > began ? (double)(ended - began) * 1e-9 : 0;
}

/* Of the last attempt. */
static void read_record(const struct record *record, struct brood_result *out)
{
	out->worker = record->worker;
	out->started = record->started;
	out->seconds = record->ended - record->started;
}

static int result_of(const struct batch *batch, struct records *records, uint32_t slot, size_t index, struct brood_result *out)
{
	struct brood_result result = {.index = index, .worker = -1};
	struct record *record = record_find(records, index);
	uint32_t state = batch_state(batch, slot);
	const uint32_t kind = state & STATE_KIND;
	/* Only the host says so, and then there is a record. */
	const bool corrupt = kind == STATE_DECIDED && (!record || record->outcome == BROOD_PENDING);
	const bool worked = corrupt || (kind != STATE_PENDING && kind != STATE_DECIDED && kind != STATE_CANCELED);
	result.item = items_at(batch->region, &batch->board, slot);
	if (!record || record->outcome == BROOD_PENDING) {
		result.attempts = record ? record->attempts : 0;
		if (kind == STATE_CANCELED) {
			result.outcome = BROOD_CANCELED;
			result.failure = &canceled;
			if (result.attempts)
				read_record(record, &result);
		}
		if (worked) {
			result.attempts++;
			int error = read_state(batch, records, slot, state, &result);
			if (error)
				return error;
			record = record_find(records, index);
		}
	}
	if (worked) {
		result.worker = batch_worker(batch, state);
		result.started = batch->began;
		if (state & STATE_TIMED)
			batch_read_times(batch, slot, &result);
		if (batch->costs)
			result.cost = batch_cost(batch, slot);
	}
	if (record && record->outcome != BROOD_PENDING) {
		result.outcome = record->outcome;
		result.value = (struct brood_bytes){0};
		result.attempts = record->attempts;
		result.failure = record->has_failure ? &record->failure : NULL;
		result.status = record->has_status ? &record->status : NULL;
		if (!worked) {
			read_record(record, &result);
			result.cost = record->has_cost ? &record->cost : NULL;
		}
	}
	*out = result;
	return 0;
}

int batch_result(const struct batch *batch, struct records *records, uint32_t slot, size_t index, struct brood_result *out)
{
	const uint32_t state = batch_state(batch, slot);
	if (records->count || !batch_is_brief(state & ~(uint32_t)STATE_TIMED))
		return result_of(batch, records, slot, index, out);
	batch_brief(batch, slot, state, out);
	out->index = index;
	out->item = items_at(batch->region, &batch->board, slot);
	if (state & STATE_TIMED)
		batch_read_times(batch, slot, out);
	if (batch->costs)
		out->cost = batch_cost(batch, slot);
	return 0;
}

int batch_outcome(const struct batch *batch, struct records *records, uint32_t slot, size_t index, struct brood_result *out)
{
	int error = batch_result(batch, records, slot, index, out);
	if (error || out->outcome != BROOD_PENDING)
		return error;
	struct record *record = record_make(records, index);
	if (!record)
		return -ENOMEM;
	error = fail_corrupt(record);
	return error ? error : batch_result(batch, records, slot, index, out);
}

/* The first slot from one on whose state is of another kind. */
static uint32_t first_unlike(const struct batch *batch, uint32_t slot, uint64_t kind)
{
	const _Atomic uint64_t *fours = region_at(batch->region, batch->board.states);
	while (slot < batch->board.count) {
		if (slot % 4 == 0 && batch->board.count - slot >= 4 &&
		    (atomic_load_explicit(&fours[slot / 4], memory_order_acquire) & ONES * STATE_KIND) == ONES * kind)
			slot += 4;
		else if ((batch_state(batch, slot) & STATE_KIND) == kind)
			slot++;
		else
			break;
	}
	return slot;
}

/* What a worker wrote before its item came to nothing is no value. */
static const void *fixed_values(struct batch *batch)
{
	const size_t size = batch->board.value_size;
	unsigned char *values = region_at(batch->region, batch->board.fixed);
	for (uint32_t slot = 0; (slot = first_unlike(batch, slot, STATE_FIXED)) < batch->board.count; slot++)
		memset(values + slot * size, 0, size);
	return values;
}

const void *batch_values(struct batch *batch, struct records *records, size_t size)
{
	if (batch->board.value_size)
		return size == batch->board.value_size ? fixed_values(batch) : NULL;
	if (size != sizeof(uint64_t))
		return NULL;
	for (uint32_t slot = 0; (slot = first_unlike(batch, slot, STATE_VALUE + sizeof(uint64_t))) < batch->board.count; slot++) {
		struct brood_result result;
		if (batch_result(batch, records, slot, batch->board.first + slot, &result) || result.outcome == BROOD_SUCCESS)
			return NULL;
		/* What is there says where a failure is; that is in the record now. */
		atomic_store(batch_value(batch, slot), 0);
	}
	return batch_value(batch, 0);
}
