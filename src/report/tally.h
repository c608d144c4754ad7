/* SPDX-License-Identifier: MIT */
#ifndef BROOD_REPORT_TALLY_H
#define BROOD_REPORT_TALLY_H

#include <brood.h>

/* What a display knows of a pool's work: figures, who works on what, and some items that are worth a word in the end. Its
   memory does not grow with the number of items. */

enum { TALLY_TEXT = 240, TALLY_SLOWEST = 3, TALLY_SAMPLES = 32 };

/* An item: the first of it, whatever it is. */
struct tally_item {
	size_t index, size;
	bool cut;
	char text[TALLY_TEXT];
};

/* A worker. since: when its item was begun; negative: it has none. */
struct tally_worker {
	bool known;
	double since;
	struct tally_item item;
};

struct tally {
	double began, now;
	size_t total, done, failed, canceled, running;
	struct tally_worker *workers; /* by their numbers */
	size_t worker_count;
	struct {
		double seconds;
		struct tally_item item;
	} slowest[TALLY_SLOWEST]; /* the slowest first; 0 seconds: none */
	struct {
		double time;
		size_t done;
	} samples[TALLY_SAMPLES]; /* a ring, about one a second */
	size_t sampled;
};

void tally_begin(struct tally *, const struct brood_event *);
void tally_free(struct tally *);

/* Each event, first of all: the clock and the total. The time does not go back. */
void tally_see(struct tally *, const struct brood_event *);

void tally_spawn(struct tally *, const struct brood_event *);
void tally_exit(struct tally *, const struct brood_event *);
void tally_item_begun(struct tally *, const struct brood_event *);
void tally_item_done(struct tally *, const struct brood_event *);

/* Items in a second, of late if enough have been done of late to tell, else on the whole; 0: not known. */
double tally_rate(const struct tally *);

/* Numbers of the workers that have an item, those that have had it for longest first: how many, at most max. */
size_t tally_longest(const struct tally *, size_t *out, size_t max);

#endif
