/* SPDX-License-Identifier: MIT */
#ifndef BROOD_REPORT_ROWS_H
#define BROOD_REPORT_ROWS_H

#include "report/sink.h"
#include "report/text.h"

struct row {
	int64_t id;
	char *text;
};

struct brood_rows {
	unsigned generation;
	struct sink sink;
	struct widths widths;
	struct row *rows;
	size_t count, capacity;
	struct brood_buffer lines; /* that are to stay, and have not been written yet */
	struct brood_buffer out;
	bool plain; /* nothing is drawn, and lines have no control characters */
	bool styled, shown;
};

/* As brood_rows_print, but whole lines as they are. */
int rows_pass(brood_rows *, const void *data, size_t size);

/* Writes the lines that are to stay, with the rows taken off. */
void rows_flush(brood_rows *);

#endif
