/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_STREAM_H
#define BROOD_POOL_STREAM_H

#include "pool/pool.h"

/*
 * Items that are submitted one by one: a batch without an end, of which the window's slots are used again and again. A slot
 * is free again once the results of its item, and of all before it, have been taken; so is what values and items take up.
 */

/* Whether there are items of which the results have not been taken. */
bool stream_busy(const brood_pool *);

/* Leaves the round to a batch; the stream goes on with the next item that is submitted. */
void stream_close(brood_pool *);

void stream_free(brood_pool *);

/* The item at the place of the stream's round has its outcome. */
void stream_done(brood_pool *, uint64_t place);

/* Room for values of the line's owner, size bytes at least, and how many are granted; 0: there is none. What it had before is
   free as soon as the results in it have been taken. */
uint64_t stream_chunk(brood_pool *, uint32_t line, size_t size, size_t *granted);

/* The line has no owner any more. */
void stream_chunk_close(brood_pool *, uint32_t line);

#endif
