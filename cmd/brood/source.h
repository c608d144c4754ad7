/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_SOURCE_H
#define BROOD_COMMAND_SOURCE_H

#include "options.h"
#include "record.h"

#include <regex.h>
#include <stdio.h>

/* One source of inputs, value by value: arguments or the lines of a file, each split into columns where that is asked for. */
struct source_reader {
	const struct options *options;
	const struct source *source;
	FILE *file;
	char *line;
	size_t capacity, next;
	const char *rest; /* of an argument that -d splits */
	regex_t columns;
	bool ended;
};

/*
 * Called where a read would have to wait, so that whoever has other things to look after can do so meanwhile; false: the
 * source is to end here.
 */
extern bool (*source_wait)(int fd, void *context);
extern void *source_wait_context;

void source_open(struct source_reader *, const struct options *, const struct source *);
void source_close(struct source_reader *);

/* The next record, or NULL. */
struct record *source_next(struct source_reader *);

#endif
