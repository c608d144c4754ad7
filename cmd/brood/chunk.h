/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_CHUNK_H
#define BROOD_COMMAND_CHUNK_H

#include "job.h"
#include "options.h"

/* --pipe: the input cut into blocks of whole records, one for each job's stdin. */
struct chunks;

struct chunks *chunks_open(const struct options *);
void chunks_free(struct chunks *);

/* A descriptor that has to be readable before more can be read, or -1 at the end of the input or while there is enough. */
int chunks_fd(const struct chunks *);
/* Reads what there is. */
void chunks_read(struct chunks *);

/* A job with a block to read; NULL where there is no whole block yet, or at the end. */
struct job *chunks_next(struct chunks *, size_t number);
/* The next block alone, for a job that has read its first one; whether there is one now. */
bool chunks_take(struct chunks *, struct brood_buffer *out);
bool chunks_ended(const struct chunks *);

#endif
