/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_HISTORY_H
#define BROOD_COMMAND_HISTORY_H

#include "options.h"

/*
 * The records of a journal that was written before, for --resume and --resume-failed. In memory there are 24 bytes for each;
 * commands are compared with the file itself.
 *
 * A command that is several times among the inputs has instances, 0, 1, 2 and so on. Of several records of one instance the
 * last one counts, since it is of a run that tried again. Instances of one command are alike, so that neither the order of
 * inputs nor their number has to be as before: each job takes one that is done, and where none is left it is run. What has
 * been run again is recorded under an instance that was not done, or else under a new number.
 */
struct history;

/* Ends the command where the file cannot be read. */
struct history *history_read(const char *path, enum resume resume);
void history_free(struct history *);

/* Takes an instance of the command that nobody has taken; done: one that need not be run. */
bool history_take(struct history *, uint64_t key, struct brood_bytes command, bool done, uint32_t *instance);

/* A number above those of all instances with this key. */
uint32_t history_next(const struct history *, uint64_t key);

#endif
