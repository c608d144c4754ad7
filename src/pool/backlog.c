/* SPDX-License-Identifier: MIT */
#include "pool/backlog.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int backlog_add(struct backlog *backlog, struct board_range range, double due)
{
	if (!board_left(range))
		return 0;
	struct pending *last = backlog->count ? &backlog->entries[backlog->count - 1] : NULL;
	if (last && last->range.end == range.begin && last->due <= due && last->due >= due) {
		last->range.end = range.end;
		return 0;
	}
	if (backlog->count == backlog->capacity) {
		size_t capacity = backlog->capacity ? 2 * backlog->capacity : 16;
		struct pending *entries = realloc(backlog->entries, capacity * sizeof *entries);
		if (!entries)
			return -ENOMEM;
		backlog->entries = entries;
		backlog->capacity = capacity;
	}
	backlog->entries[backlog->count++] = (struct pending){range, due};
	return 0;
}

double backlog_due(const struct backlog *backlog)
{
	double due = INFINITY;
	for (size_t i = 0; i < backlog->count; i++)
		due = fmin(due, backlog->entries[i].due);
	return due;
}

void backlog_clear(struct backlog *backlog)
{
	free(backlog->entries);
	*backlog = (struct backlog){0};
}
