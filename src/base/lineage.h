/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_LINEAGE_H
#define BROOD_BASE_LINEAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * What passes from a process to the children that it forks, and what does not: brood's own descriptors. Each is recorded
 * here from birth, and a forked child closes all of them but those that are meant for it, also when the host forks
 * without asking brood; otherwise siblings would hold each other's channels open, and no end of file would ever come.
 */

extern atomic_uint lineage_count;

/* Counts forks from the first process on: an object that remembers it knows whether it is still in its own process. A new
   object calls lineage_join, which sees that forks are counted from then on; fork handlers that are registered after it
   take their locks before lineage's. */
unsigned lineage_join(void);
static inline unsigned lineage_generation(void)
{
	return atomic_load_explicit(&lineage_count, memory_order_relaxed);
}

/* Takes over a new close-on-exec descriptor, or -errno as is: moves it off 0, 1 and 2 and records it. Returns the
   descriptor or -errno, and then it has been closed. */
int lineage_adopt(int fd);

/* A pair of local sockets, adopted: 0 or -errno. A fork of another thread sees both or neither, so that no sibling gets what
   is only just being made. */
int lineage_socketpair(int type, int out[2]);

/* A pipe, adopted likewise: out[0] to read, out[1] to write, neither of which waits. */
int lineage_pipe(int out[2]);

/* Forgets and closes it. -1 is ignored. */
void lineage_close(int fd);

/* While held by a thread, a fork of it leaves the child's descriptors alone, for that child to call lineage_enter. */
void lineage_hold(bool held);

/* In a new child: begins a generation and closes all that the parent recorded but for those to keep, which stay recorded. */
void lineage_enter(const int *keep, size_t count);

#endif
