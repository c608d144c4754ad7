/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_PARKING_H
#define BROOD_PROCESS_PARKING_H

#include <stddef.h>

/*
 * Descriptors on their way from a process to itself: while they lie in a pair of local sockets they are open, but in no table, so
 * that no child that is forked meanwhile gets copies to close. What is put first is taken first, as many at a time.
 */

enum { PARKING_LOT = 64 };

/* A pair of sockets, [0] to put and [1] to take: 0 or -errno. */
int parking_open(int pair[2]);

/* Up to PARKING_LOT descriptors, which are closed here: 0 or -errno, and then they are left as they are. */
int parking_put(const int pair[2], const int *fds, size_t count);

/* Those that were put together, adopted: how many, which are fewer where the table is full, or -errno. One that could not be
   adopted is -errno itself. */
int parking_take(const int pair[2], int fds[PARKING_LOT]);

#endif
