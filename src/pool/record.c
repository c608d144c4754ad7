/* SPDX-License-Identifier: MIT */
#include "pool/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t bucket(const struct records *records, size_t index)
{
	return (index * (size_t)UINT64_C(0x9e3779b97f4a7c15) >> 20) & (records->capacity - 1);
}

static struct record **find_link(const struct records *records, size_t index)
{
	struct record **link = &records->buckets[bucket(records, index)];
	while (*link && (*link)->index != index)
		link = &(*link)->next;
	return link;
}

struct record *record_find(const struct records *records, size_t index)
{
	return records->count ? *find_link(records, index) : NULL;
}

static int grow(struct records *records)
{
	struct records larger = {.capacity = records->capacity ? 2 * records->capacity : 64, .count = records->count};
	larger.buckets = calloc(larger.capacity, sizeof *larger.buckets);
	if (!larger.buckets)
		return -ENOMEM;
	for (size_t i = 0; i < records->capacity; i++) {
		for (struct record *record = records->buckets[i], *next; record; record = next) {
			next = record->next;
			struct record **link = &larger.buckets[bucket(&larger, record->index)];
			record->next = *link;
			*link = record;
		}
	}
	free(records->buckets);
	*records = larger;
	return 0;
}

struct record *record_make(struct records *records, size_t index)
{
	struct record *record = record_find(records, index);
	if (record)
		return record;
	if (records->count == records->capacity && grow(records))
		return NULL;
	record = calloc(1, sizeof *record);
	if (!record)
		return NULL;
	struct record **link = &records->buckets[bucket(records, index)];
	*record = (struct record){.next = *link, .index = index, .worker = -1};
	*link = record;
	records->count++;
	return record;
}

static void release(struct record *record)
{
	if (record->has_failure)
		free((void *)(uintptr_t)record->failure.type);
	free(record);
}

static void replace_nuls(char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!text[i])
			text[i] = '?';
}

int record_fail(struct record *record, const struct brood_failure *failure, const size_t sizes[RECORD_STRINGS])
{
	const char *const strings[RECORD_STRINGS] = {failure->type, failure->message, failure->traceback, failure->output};
	char *copies = malloc(sizes[0] + sizes[1] + sizes[2] + sizes[3] + RECORD_STRINGS), *to[RECORD_STRINGS], *end = copies;
	if (!copies)
		return -ENOMEM;
	for (int i = 0; i < RECORD_STRINGS; i++) {
		to[i] = end;
		memcpy(end, strings[i], sizes[i]);
		end += sizes[i];
		*end++ = '\0';
	}
	replace_nuls(to[3], sizes[3]);
	if (record->has_failure)
		free((void *)(uintptr_t)record->failure.type);
	record->failure = (struct brood_failure){.type = to[0], .message = to[1], .traceback = to[2], .output = to[3],
						 .code = failure->code, .signal = failure->signal};
	record->has_failure = true;
	return 0;
}

int record_say(struct record *record, const char *type, const char *message)
{
	const struct brood_failure failure = {.type = type, .message = message, .traceback = "", .output = ""};
	return record_fail(record, &failure, (const size_t[RECORD_STRINGS]){strlen(type), strlen(message)});
}

void record_drop(struct records *records, size_t index)
{
	if (!records->count)
		return;
	struct record **link = find_link(records, index), *record = *link;
	if (!record)
		return;
	*link = record->next;
	records->count--;
	release(record);
}

void records_free(struct records *records)
{
	for (size_t i = 0; i < records->capacity; i++) {
		for (struct record *record = records->buckets[i], *next; record; record = next) {
			next = record->next;
			release(record);
		}
	}
	free(records->buckets);
	*records = (struct records){0};
}
