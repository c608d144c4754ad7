/* SPDX-License-Identifier: MIT */
#ifndef BROOD_REPORT_WORDS_H
#define BROOD_REPORT_WORDS_H

#include "report/tally.h"
#include "report/text.h"

/* What a display says, each appended to a buffer. Memory that is not there leaves words out. */
struct words {
	struct widths widths;
	const char *noun; /* what an item is called */
	bool styled;
};

void words_add(struct brood_buffer *, const char *format, ...) BROOD_PRINTF(2, 3);

/* Ends the buffer with a NUL that is not counted: its text, "" where there is no memory; and it begins again. */
const char *words_text(struct brood_buffer *);

/* As 4s, 1:30 or 2:01:30. */
void words_clock(struct brood_buffer *, double seconds);

/* What an item is, as it can be shown, up to that many columns: its text, or its number where it has none. */
void words_item(struct brood_buffer *, const struct words *, const struct tally_item *, int columns);

/* The row of figures. */
void words_figures(struct brood_buffer *, const struct words *, const struct tally *);

/* The row of a worker that has an item. */
void words_worker(struct brood_buffer *, const struct words *, const struct tally *, size_t worker);

/* The line of an item that failed. */
void words_failure(struct brood_buffer *, const struct words *, const struct brood_event *);

/* The line of figures for the end, and those of the slowest items, as far as they are worth it: the number-th, false: none. */
void words_end(struct brood_buffer *, const struct words *, const struct tally *);
bool words_slow(struct brood_buffer *, const struct words *, const struct tally *, size_t number);

#endif
