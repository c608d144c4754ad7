/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_CORONER_H
#define BROOD_PROCESS_CORONER_H

#include "process/blackbox.h"

#include <sys/types.h>

/*
 * A process that says where others died, or are stuck. What it reads for that may be broken, or may take it long, so it can be
 * done without at any moment: whoever asks it waits no longer than CORONER_TIME for an answer, and then ends it and makes
 * another. It lives as long as the process that made it, keeps what it has read of the program's files, and has no descriptor but
 * its own and the standard ones.
 */
struct coroner {
	pid_t pid;
	int socket; /* readable when there is an answer, or it has gone; -1: there is none */
};

/* Seconds. */
#define CORONER_TIME 2.0

enum coroner_kind { CORONER_DEAD = 1, CORONER_STUCK };

/* DEAD: what the box of that number says. STUCK: a process with its threads; of the first one's frames, none from bottom on. */
struct coroner_question {
	enum coroner_kind kind;
	int number;
	pid_t pid;
	uint64_t bottom;
};

/* Made when it is first asked something; boxes may be NULL. -errno: there is none, or it has gone. */
int coroner_ask(struct coroner *, const struct blackbox *boxes, const struct coroner_question *);

/* The answer, without a 0 at its end: its size; -EAGAIN: none yet; -EPIPE: it has gone. */
ssize_t coroner_answer(struct coroner *, char *text, size_t size);

/* Ends it, if there is one; another is made when there is something to ask. */
void coroner_end(struct coroner *);

/* In a process forked from the one that has it. */
void coroner_forget(struct coroner *);

#endif
