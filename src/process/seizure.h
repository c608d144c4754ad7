/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_SEIZURE_H
#define BROOD_PROCESS_SEIZURE_H

#include "process/trail.h"

/*
 * The threads of another process, stopped for a while. All its functions are called in the same thread, which then ends: what
 * would not stop in time is let go by the kernel only then.
 */
enum { SEIZURE_MOST = 64, SEIZURE_NAME = 32 };

struct seizure {
	pid_t pid;
	bool child; /* of this process, which may want to know how it ended */
	bool more;  /* threads than these */
	size_t count;
	struct seized {
		pid_t tid;
		bool stopped, gone;
		int signal; /* which it was about to get */
		char name[SEIZURE_NAME];
	} threads[SEIZURE_MOST];
};

/* false: it has no thread that may be stopped. */
bool seizure_begin(struct seizure *, pid_t);

/* Lets them go on as they would have. */
void seizure_end(struct seizure *);

/* The thread, and its memory as long as it is stopped; false: its registers cannot be read. */
bool seizure_look(struct seized *, struct thread *);

#endif
