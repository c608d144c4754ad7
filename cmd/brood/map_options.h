/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_MAP_OPTIONS_H
#define BROOD_COMMAND_MAP_OPTIONS_H

#include "options.h"

/* How a value stands in a line. VALUE_AUTO: as a string where it is UTF-8, else as bytes. */
enum value_form { VALUE_AUTO, VALUE_STRING, VALUE_BYTES, VALUE_JSON };

struct map_options {
	const char *work; /* LIBRARY:FUNCTION */
	char **items;     /* or NULL */
	const char **paths;
	size_t path_count;
	char delimiter;
	bool json, raw, keep_order, costs, tracebacks, pin;
	enum value_form value;

	int workers;
	double timeout, grace, memory, backoff;
	long recycle, threads;
	unsigned attempts;
	struct halt halt;
	enum status_style status;
};

/* Ends the command, with a message, where something is wrong, and after --help. */
void map_options_read(struct map_options *, char **arguments);
void map_options_free(struct map_options *);

#endif
