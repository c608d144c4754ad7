/* SPDX-License-Identifier: MIT */
#include "pool/items.h"

#include <errno.h>
#include <string.h>

static struct brood_bytes within(const struct region *region, const struct board_batch *batch, uint64_t offset, uint64_t size)
{
	/* What lies before the bytes is far behind their end. */
	const uint64_t from = offset - batch->bytes;
	if (from > batch->bytes_size || size > batch->bytes_size - from)
		return (struct brood_bytes){0};
	return (struct brood_bytes){region_at(region, offset), size};
}

static struct brood_bytes slot_at(const struct region *region, const struct board_batch *batch, const struct item_slot *slot)
{
	uint64_t size = *(const volatile uint64_t *)&slot->size;
	if (size <= ITEM_SHORT)
		return (struct brood_bytes){slot->bytes, size};
	return within(region, batch, *(const volatile uint64_t *)&slot->offset, size);
}

static struct brood_bytes entry_at(const struct region *region, const struct board_batch *batch, const struct item_entry *entry)
{
	uint64_t size = *(const volatile uint64_t *)&entry->size, offset = *(const volatile uint64_t *)&entry->offset;
	return within(region, batch, offset, size);
}

struct brood_bytes items_at(const struct region *region, const struct board_batch *batch, uint32_t slot)
{
	switch (batch->kind) {
	case BOARD_ARRAY:
		return items_in_array(batch, slot);
	case BOARD_LIST:
		return ((const struct brood_bytes *)batch->inherited)[slot];
	case BOARD_TABLE:
		return entry_at(region, batch, (const struct item_entry *)region_at(region, batch->items) + slot);
	case BOARD_SLOTS:
		return slot_at(region, batch, (const struct item_slot *)region_at(region, batch->items) + slot);
	default:
		return (struct brood_bytes){0};
	}
}

int items_copy_list(struct region *region, struct board_batch *batch, const struct brood_bytes *items, size_t count)
{
	size_t total;
	if (__builtin_mul_overflow(count, sizeof(struct item_entry), &total))
		return -EOVERFLOW;
	for (size_t i = 0; i < count; i++) {
		if (items[i].size && !items[i].data)
			return -EINVAL;
		if (__builtin_add_overflow(total, items[i].size, &total))
			return -EOVERFLOW;
	}
	uint64_t offset = region_take(region, total);
	if (!offset)
		return -ENOMEM;
	region_prefault(region, offset, offset + total);
	struct item_entry *table = region_at(region, offset);
	uint64_t next = offset + count * sizeof *table;
	for (size_t i = 0; i < count; i++) {
		table[i] = (struct item_entry){next, items[i].size};
		if (items[i].size)
			memcpy(region_at(region, next), items[i].data, items[i].size);
		next += items[i].size;
	}
	batch->kind = BOARD_TABLE;
	batch->items = offset;
	batch->bytes = offset + count * sizeof *table;
	batch->bytes_size = total - count * sizeof *table;
	return 0;
}

int items_copy_array(struct region *region, struct board_batch *batch, const void *items, size_t size, size_t count)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total))
		return -EOVERFLOW;
	uint64_t offset = region_take(region, total);
	if (!offset)
		return -ENOMEM;
	if (total) {
		region_prefault(region, offset, offset + total);
		memcpy(region_at(region, offset), items, total);
	}
	batch->kind = BOARD_ARRAY;
	batch->inherited = region_at(region, offset);
	batch->stride = size;
	return 0;
}
