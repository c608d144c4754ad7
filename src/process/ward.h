/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_WARD_H
#define BROOD_PROCESS_WARD_H

#include "base/oom.h"
#include "process/fork.h"
#include "process/inquest.h"
#include "process/nursery.h"

#include <stdint.h>
#include <sys/types.h>

/* The nursery from inside: what it shares with nursery.c, and what it does in its own process. */

/* As many reports as go into one message. */
enum { BUNDLE = 32, PENDING = 4096, ORDER_START = 1, ORDER_SIGNAL, ORDER_TRACE, ORDER_LEAVE };

struct order {
	int32_t kind, number, signal;
};

struct worker_entry {
	pid_t pid;
	int number;
	bool signaled, killed; /* by an order */
};

struct nursery {
	pid_t pid;
	int socket;    /* the host's end; the nursery's in the nursery */
	int bell;      /* the end to read in the host, the end to ring elsewhere */
	ino_t bell_id; /* of the pipe */
	int epoll;     /* the set that the host's ends are in; -1: none */
	int output;    /* of what workers write to stderr: the end to read in the host, to write in the nursery; -1: none */
	struct nursery_plan plan;
	struct fork_host host;
	/* In the host: reports that came in one message. */
	struct nursery_report bundle[BUNDLE];
	int next, count;
	/* In the host: what has come of a piece of output, with its head. */
	unsigned char *piece;
	size_t piece_size;
	struct ward *ward; /* in the nursery */
};

/*
 * What changes in the nursery from one fork to the next. It is not passed on: each worker would keep a copy, of the
 * moment of its own fork, of every page of it.
 */
struct ward {
	struct tee *tee;
	struct worker_entry workers[NURSERY_LIMIT];
	size_t living;
	/* Reports that the host has not taken yet, since the nursery waits for nobody. */
	struct nursery_report pending[PENDING];
	size_t pending_count;
	struct oom_watch kills; /* its place found by the host, and begun with the first worker */
	int signals;
	struct inquests inquests;
	bool leaving, news; /* news: there is a report that is worth to wake the host for */
};

/* What the nursery does from its fork on. */
_Noreturn void ward_run(struct nursery *);

#endif
