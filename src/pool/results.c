/* SPDX-License-Identifier: MIT */
#include "pool/results.h"

#include "pool/items.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int results_new(brood_results **out, struct region *region)
{
	brood_results *results = calloc(1, sizeof *results);
	if (!results)
		return -ENOMEM;
	results->region = region_hold(region);
	*out = results;
	return 0;
}

BROOD_API void brood_results_free(brood_results *results)
{
	if (!results)
		return;
	region_free(results->region);
	records_free(&results->records);
	free(results->finder.table);
	free(results->joined);
	for (size_t i = 0; i < results->batch_count; i++)
		batch_free(&results->batches[i]);
	free(results->batches);
	free(results);
}

struct batch *results_room(brood_results *results)
{
	if (results->batch_count == results->batch_capacity) {
		size_t capacity = results->batch_capacity ? 2 * results->batch_capacity : 1;
		struct batch *batches = realloc(results->batches, capacity * sizeof *batches);
		if (!batches)
			return NULL;
		results->batches = batches;
		results->batch_capacity = capacity;
	}
	return &results->batches[results->batch_count];
}

void results_add(brood_results *results)
{
	results->count += results->batches[results->batch_count++].board.count;
}

BROOD_API size_t brood_results_count(const brood_results *results)
{
	return results ? results->count : 0;
}

/* The batch of an item; there is one. */
static struct batch *batch_of(const brood_results *results, size_t index)
{
	size_t low = 0, high = results->batch_count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (results->batches[middle].board.first <= index)
			low = middle;
		else
			high = middle;
	}
	return &results->batches[low];
}

BROOD_API int brood_results_get(const brood_results *results, size_t index, struct brood_result *out)
{
	if (!results || !out)
		return -EINVAL;
	if (index >= results->count)
		return -ERANGE;
	const struct batch *batch = batch_of(results, index);
	/* What it finds out about a failure is kept, which nobody can tell. */
	struct records *records = &((brood_results *)(uintptr_t)results)->records;
	const uint32_t slot = (uint32_t)(index - batch->board.first);
	return (batch->over ? batch_outcome : batch_result)(batch, records, slot, index, out);
}

uint64_t results_array(brood_results *results, size_t count, size_t stride)
{
	size_t from, size;
	/* Address space costs nothing. */
	if (!results->array_size) {
		results->array = region_take(results->region, results->region->size / 4);
		results->array_size = results->array ? results->region->size / 4 : 1;
	}
	if (__builtin_mul_overflow(results->count, stride, &from) || __builtin_mul_overflow(count, stride, &size) ||
	    !results->array || from > results->array_size || size > results->array_size - from)
		return 0;
	return results->array + from;
}

/* The batches' arrays, where they are one: the first one's. */
static const void *in_place(brood_results *results, size_t size)
{
	const void *values = NULL;
	uint64_t next = batch_array(results->batches);
	for (size_t i = 0; i < results->batch_count; i++) {
		struct batch *batch = &results->batches[i];
		const void *array = next == batch_array(batch) ? batch_values(batch, &results->records, size) : NULL;
		if (!array)
			return NULL;
		values = values ? values : array;
		next += batch->board.count * size;
	}
	return values;
}

static const void *copied(brood_results *results, size_t size)
{
	char *joined = realloc(results->joined, results->count * size), *next = joined;
	if (!joined)
		return NULL;
	results->joined = joined;
	for (size_t i = 0; i < results->batch_count; i++) {
		struct batch *batch = &results->batches[i];
		const void *values = batch_values(batch, &results->records, size);
		if (!values)
			return NULL;
		memcpy(next, values, batch->board.count * size);
		next += batch->board.count * size;
	}
	return joined;
}

BROOD_API const void *brood_results_values(const brood_results *results, size_t size)
{
	if (!results || !results->batch_count || !size || size != batch_stride(results->batches->board.value_size))
		return NULL;
	brood_results *mutable = (brood_results *)(uintptr_t)results;
	const void *values = in_place(mutable, size);
	return values || results->batch_count == 1 ? values : copied(mutable, size);
}

static struct brood_bytes item_of(const brood_results *results, size_t index)
{
	const struct batch *batch = batch_of(results, index);
	return items_at(results->region, &batch->board, (uint32_t)(index - batch->board.first));
}

static bool same(struct brood_bytes one, struct brood_bytes other)
{
	return one.size == other.size && (!one.size || !memcmp(one.data, other.data, one.size));
}

/* FNV-1a. */
static size_t hash(struct brood_bytes bytes)
{
	uint64_t value = UINT64_C(14695981039346656037);
	const unsigned char *data = bytes.data;
	for (size_t i = 0; i < bytes.size; i++)
		value = (value ^ data[i]) * UINT64_C(1099511628211);
	return (size_t)(value ^ value >> 32);
}

/* The place of an item's bytes: where the number, plus 1, of the first item with them is, or 0. */
static size_t *place_of(const brood_results *results, struct brood_bytes item)
{
	const struct finder *finder = &results->finder;
	size_t at = hash(item) & (finder->capacity - 1);
	while (finder->table[at] && !same(item_of(results, finder->table[at] - 1), item))
		at = (at + 1) & (finder->capacity - 1);
	return &finder->table[at];
}

static int learn(brood_results *results)
{
	struct finder *finder = &results->finder;
	if (2 * results->count > finder->capacity) {
		size_t capacity = 64;
		while (capacity < 4 * results->count)
			capacity *= 2;
		size_t *table = calloc(capacity, sizeof *table);
		if (!table)
			return -ENOMEM;
		free(finder->table);
		*finder = (struct finder){.table = table, .capacity = capacity};
	}
	for (; finder->known < results->count; finder->known++) {
		size_t *place = place_of(results, item_of(results, finder->known));
		if (!*place)
			*place = finder->known + 1;
	}
	return 0;
}

BROOD_API int brood_results_find(const brood_results *results, struct brood_bytes item, struct brood_result *out)
{
	if (!results || !out || (item.size && !item.data))
		return -EINVAL;
	if (!results->count)
		return -ENOENT;
	int error = learn((brood_results *)(uintptr_t)results);
	if (error)
		return error;
	size_t found = *place_of(results, item);
	return found ? brood_results_get(results, found - 1, out) : -ENOENT;
}
