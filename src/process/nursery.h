/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_NURSERY_H
#define BROOD_PROCESS_NURSERY_H

#include "process/blackbox.h"
#include "process/usage.h"

#include <brood.h>

/*
 * A nursery is a process that forks workers for the host, waits for them, and says how each ended. It is a copy of the host
 * as it was, so that a worker that replaces another starts from the same memory; it has no threads; and nobody else waits
 * for its children. Each worker leads a process group, which the nursery kills before it reaps its leader. When the host has
 * gone, it kills them all; when it itself goes, the kernel kills the workers.
 *
 * Workers are told apart by numbers that the host gives. A number is free again once its worker's end has been reported.
 * All functions but nursery_ring are for the host, for one thread at a time.
 */
struct nursery;

/* At most so many workers at a time. */
enum { NURSERY_LIMIT = 2048 };

/* What a worker runs; what it returns is its exit code. The nursery is the worker's copy of it, to ring by. */
typedef int nursery_work_fn(struct nursery *, void *context, int number);

enum nursery_kind { NURSERY_STARTED = 1, NURSERY_ENDED, NURSERY_TRACED };

/* error is of STARTED: why there is no worker; or 0, and then its pid is in status. Of ENDED: usage; signaled, whether nursery_signal
   came before the end; and when that was seen, which is told later where a traceback takes its time. TRACED: what
   nursery_trace asked for is in the box; for a worker that has ended meanwhile there may be none. */
struct nursery_report {
	enum nursery_kind kind;
	int number, error;
	bool signaled;
	double ended;
	struct brood_status status;
	struct usage usage;
};

/*
 * What a nursery does. It is forked with the workers 0 to count - 1 as its first orders.
 *
 * ended   run in the nursery when a worker has ended, before that is reported, or its group killed; may be NULL
 * plain   descriptor 2 of the workers is the host's, and nothing of what they write is left
 * output  what they write is given to nursery_output, and not to descriptor 2, where they have no plain one
 * brief   it leaves as if by nursery_leave, and keeps the news that a worker has started until there is other news, or 10 ms
 *         have passed: nobody has to be woken for it
 * boxes   shared with host and workers, one for each number, cleared by the host before a worker gets the number; before a worker's
 *         end is reported, the last of what it wrote to stderr is left there, and the traceback of what it left itself. NULL: none
 */
struct nursery_plan {
	nursery_work_fn *work;
	void (*ended)(void *context, int number);
	void *context;
	struct blackbox *boxes;
	int count;
	bool brief, plain, output;
};

int nursery_new(struct nursery **out, const struct nursery_plan *);

/* Ends the workers that are left, by SIGKILL, and the nursery. */
void nursery_free(struct nursery *);

/* In a process that the host has forked: frees the memory alone. */
void nursery_forget(struct nursery *);

/* Orders. 0, or -EPIPE: the nursery has gone. */
int nursery_start(struct nursery *, int number);
int nursery_signal(struct nursery *, int number, int signal);
int nursery_trace(struct nursery *, int number); /* a traceback of where the worker is goes to its box, and is reported */
int nursery_leave(struct nursery *); /* when the last worker has ended */

/* Readable when there is a report, or the nursery has gone. */
int nursery_fd(const struct nursery *);

/* The next report: 1; 0: none now; -EPIPE: the nursery has gone, and all reports have been taken. */
int nursery_report(struct nursery *, struct nursery_report *out);

/* Readable when a worker has rung; and at its end when the nursery and all its workers have gone, which once seen makes it -1. */
int nursery_bell(const struct nursery *);

/* Forgets the rings so far: 1, or 0 when all have gone. */
int nursery_quiet(struct nursery *);

/* With the plan's output: readable when there is some; else -1. */
int nursery_output_fd(const struct nursery *);

/* Puts what says that there is something to be told or given into an epoll set, until the nursery is freed: 0 or -errno. */
int nursery_watch(struct nursery *, int epoll);

/*
 * Gives what workers have written to stderr, if some of it has come, up to as much as a pipe holds. pid is 0 where it is not
 * known, number -1 where a descendant of a worker that has ended wrote it.
 */
typedef void nursery_output_fn(void *context, int number, pid_t pid, struct brood_bytes);
void nursery_output(struct nursery *, nursery_output_fn *, void *context);

/* In a worker: wakes the host. */
void nursery_ring(void *nursery);

#endif
