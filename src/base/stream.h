/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_STREAM_H
#define BROOD_BASE_STREAM_H

#include <stddef.h>
#include <sys/types.h>

/* Reads until size bytes have come or the descriptor has ended: how many came, or -errno. */
ssize_t stream_read_full(int fd, void *data, size_t size);

/* Reads once, at least a byte unless the descriptor has ended: how many came, 0 at the end, or -errno. */
ssize_t stream_read_some(int fd, void *data, size_t size);

/* Writes once, as write does, but never raises SIGPIPE: how many went, or -errno. */
ssize_t stream_write_some(int fd, const void *data, size_t size);

/* Writes all of it: 0 or -errno. A peer that is gone is -EPIPE and never SIGPIPE. */
int stream_write_full(int fd, const void *data, size_t size);

#endif
