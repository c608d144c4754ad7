/* SPDX-License-Identifier: MIT */
/*
 * Bytes that workers may have written over all that a batch has in the region: what the host reads there lies within what has
 * been handed out, and each item that it takes for done has an outcome.
 */
#include "fuzz.h"

#include "pool/batch.h"
#include "pool/items.h"
#include "pool/results.h"

#include <errno.h>

enum { SLOTS = 24, ARENA = 1024 };

static bool is_inside(const struct region *region, uint64_t from, uint64_t to, struct brood_bytes bytes)
{
	const uint64_t offset = (uint64_t)((const unsigned char *)bytes.data - region->base);
	return !bytes.size || (offset >= from && offset <= to && bytes.size <= to - offset);
}

static void check_result(const struct batch *batch, const struct brood_result *result, size_t index, bool over)
{
	const struct region *region = batch->region;
	MUST(result->index == index);
	MUST(result->outcome <= BROOD_CANCELED && (result->outcome != BROOD_PENDING || !over));
	MUST(result->worker >= -1 && result->worker < (int)batch->workers);
	MUST(result->seconds >= 0 && result->started >= 0);
	MUST(!result->cost || (result->cost->user_seconds >= 0 && result->cost->system_seconds >= 0));
	MUST(!result->cost || batch->board.costs);
	MUST(is_inside(region, batch->board.bytes, batch->board.bytes + batch->board.bytes_size, result->item) ||
	     (batch->board.kind == BOARD_SLOTS && result->item.size <= ITEM_SHORT));
	MUST(is_inside(region, 0, region->top, result->value));
	MUST(result->outcome == BROOD_SUCCESS || !result->value.size);
	MUST(!result->failure == (result->outcome <= BROOD_SUCCESS));
	if (!result->failure)
		return;
	size_t length = strlen(result->failure->type) + strlen(result->failure->message) + strlen(result->failure->traceback);
	MUST(length <= 3 << 20);
}

/* All of it twice: what is found out at first is kept in a record. */
static void read_all(struct batch *batch, struct records *records, bool over)
{
	for (size_t i = 0; i < 2 * SLOTS; i++) {
		struct brood_result result;
		const uint32_t slot = (uint32_t)(i % SLOTS);
		const size_t index = batch->board.first + slot;
		MUST(!(over ? batch_outcome : batch_result)(batch, records, slot, index, &result));
		check_result(batch, &result, index, over);
	}
	MUST(records->count <= SLOTS);
}

static void read_values(struct batch *batch, struct records *records)
{
	const uint64_t *values = batch_values(batch, records, sizeof(uint64_t));
	MUST(!values || is_inside(batch->region, 0, batch->region->top, (struct brood_bytes){values, SLOTS * sizeof *values}));
	for (uint32_t from = 0; from < SLOTS; from++) {
		uint32_t first = batch_first_pending(batch, from, SLOTS);
		MUST(first >= from && first <= SLOTS);
		MUST(first == SLOTS || (batch_state(batch, first) & STATE_KIND) == STATE_PENDING);
	}
}

/* Made once: to map a region takes far longer than to read it. */
static struct region *the_region(void)
{
	static struct region *region;
	if (!region)
		MUST(!region_new(&region));
	region->top = 64;
	return region;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct brood_bytes some[SLOTS] = {{"an item", 7}, {"another, which is longer", 24}, {"", 0}};
	struct region *region = the_region();
	struct batch batch;
	struct records records = {0};
	if (!size)
		return 0;
	const unsigned how = data[0];
	const struct batch_plan plan = {.first = how & 1 ? 1000 : 0, .count = SLOTS, .slots = SLOTS,
					.value_size = how & 2 ? how & 4 ? 8 : 20 : 0, .costs = how & 32};
	MUST(!batch_new(&batch, region, &plan));
	MUST(!items_copy_list(region, &batch.board, some, SLOTS));
	if (how & 8)
		batch.board.kind = BOARD_SLOTS;
	batch.workers = 1 + (how >> 6);
	uint64_t arena = region_take(region, ARENA);
	MUST(arena);
	unsigned char *from = region_at(region, batch.board.states), *to = region_at(region, region->top);
	for (size_t i = 1; from < to; from++, i++)
		*from = size > 1 ? data[1 + (i - 1) % (size - 1)] : 0;
	read_all(&batch, &records, how & 16);
	read_values(&batch, &records);
	read_all(&batch, &records, how & 16);
	records_free(&records);
	batch_free(&batch);
	return 0;
}
