/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_TEE_H
#define BROOD_PROCESS_TEE_H

#include "process/blackbox.h"

#include <poll.h>

/*
 * In a nursery: what its workers write to stderr comes to it by a pipe for each, and it passes that on to its own stderr, the
 * host's, and keeps the last of it. It never waits for whoever reads there: while nothing is taken, it reads nothing, so that a
 * worker that goes on writing waits, as it would without.
 *
 * It is not passed on to workers, which have what tee_open returned. Every function takes NULL, and then does nothing.
 */
struct tee;

/* For a nursery with one box for each number. NULL: there is no memory or descriptor for it, and workers keep their stderr. */
struct tee *tee_new(struct blackbox *boxes);

/* Before a worker is forked: the end of its pipe to write to, for tee_enter there, and for lineage_close here; or -1. */
int tee_open(struct tee *, int number);

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
