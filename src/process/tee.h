/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_TEE_H
#define BROOD_PROCESS_TEE_H

#include "process/blackbox.h"

#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * In a nursery: what its workers write to stderr comes to it by a pipe for each, and it passes that on to its own stderr, the
 * host's, and keeps the last of it. It never waits for whoever reads there: while nothing is taken, it reads nothing, so that a
 * worker that goes on writing waits, as it would without.
 *
 * It is not passed on to workers, which have what tee_open returned. Every function takes NULL, and then does nothing.
 */
struct tee;

/* For a nursery with one box for each number. NULL: there is no memory or descriptor for it, and workers keep their stderr.
   to: a pipe that does not wait, which gets what comes as pieces, each with a head; or -1, and the nursery's stderr gets it. */
struct tee *tee_new(struct blackbox *boxes, int to);

/* Before each piece in such a pipe: who wrote it, and how many bytes follow. */
struct tee_head {
	int32_t number; /* -1: a descendant of a worker that has ended */
	int32_t pid;
	uint32_t size;
};

enum { TEE_PIECE = 64 * 1024 };

/* Before a worker is forked: the end of its pipe to write to, for tee_enter there, and for lineage_close here; or -1. */
int tee_open(struct tee *, int number);

/* The worker has been forked. */
void tee_name(struct tee *, int number, pid_t pid);

/*
 * While many workers are forked one after the other: parks the pipes of the last PARKING_LOT, and takes back all. Each of
 * 1,000 workers had 500 of them to close, which was a sixth of what it took to make them. Until they are back nothing is read.
 */
void tee_park(struct tee *);
void tee_unpark(struct tee *);

/* In the worker: makes it descriptor 2, which programs inherit. */
void tee_enter(int fd);

/* The worker has ended, or could not be made: takes what it wrote last, and puts the end of it in its box. A descendant that
   has left its group may still have the pipe, and is heard on. */
void tee_end(struct tee *, int number);

/* What to poll for; and passes on what has come. */
struct pollfd tee_wish(const struct tee *);
void tee_pass(struct tee *);

/* All have ended: passes on what is left, as long as some of it is taken within a second. */
void tee_finish(struct tee *);

#endif
