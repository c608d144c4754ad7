/* SPDX-License-Identifier: MIT */
#include "record.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>

struct record *record_new(const struct brood_bytes *values, size_t count)
{
	size_t size = sizeof(struct record) + count * sizeof *values;
	for (size_t i = 0; i < count; i++)
		size += values[i].size + 1;
	struct record *record = need(size);
	record->references = 1;
	record->count = count;
	char *text = (char *)(record->values + count);
	for (size_t i = 0; i < count; i++) {
		record->values[i] = (struct brood_bytes){text, values[i].size};
		if (values[i].size)
			memcpy(text, values[i].data, values[i].size);
		text += values[i].size;
		*text++ = 0;
	}
	return record;
}

struct record *record_hold(struct record *record)
{
	record->references++;
	return record;
}

void record_free(struct record *record)
{
	if (record && !--record->references)
		free(record);
}

struct brood_bytes record_value(struct record *const *records, size_t count, size_t position)
{
	for (size_t i = 0; i < count; i++) {
		if (position < records[i]->count)
			return records[i]->values[position];
		position -= records[i]->count;
	}
	return (struct brood_bytes){0};
}

size_t record_values(struct record *const *records, size_t count)
{
	size_t values = 0;
	for (size_t i = 0; i < count; i++)
		values += records[i]->count;
	return values;
}
