/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_PRINTER_H
#define BROOD_COMMAND_PRINTER_H

#include "job.h"
#include "options.h"
#include "sink.h"

/* What jobs wrote, to stdout and stderr: job by job in the order in which they ended, or in that of inputs, or line by line. */
struct printer {
	const struct options *options;
	struct sink sinks[2];
	struct job **waiting; /* ended: a ring by ticket, which is the number with keep_order, else the order of their ends */
	size_t capacity, turn, arrived, count;
	bool stopping; /* numbers that have not come will not come */
	size_t failed; /* the number of the job whose output could not be written */
	size_t writing; /* the number of the job that was written last */
	struct job *current; /* what it wrote is being printed, and nobody else's */
	void (*printed)(struct job *, void *context);
	void *context;
};

void printer_begin(struct printer *, const struct options *, void (*printed)(struct job *, void *context), void *context);

/* All that is pending is written. */
void printer_end(struct printer *);

/* A job has ended. It is given back by the callback printed once all that it wrote is written. */
void printer_job_ended(struct printer *, struct job *);
/* With keep_order: nothing will come for this number. */
void printer_skip(struct printer *, size_t number);

/* Prints what can be. running: the jobs that have not ended. */
void printer_run(struct printer *, struct job *const *running, size_t count);

/* Whether the job's output should not be read for now, since there is no room for it. */
bool printer_is_held(const struct printer *, const struct job *, int output);

/* How many jobs wait to be printed. */
size_t printer_waiting(const struct printer *);

#endif
