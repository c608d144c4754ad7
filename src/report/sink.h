/* SPDX-License-Identifier: MIT */
#ifndef BROOD_REPORT_SINK_H
#define BROOD_REPORT_SINK_H

#include <brood.h>

/*
 * Where a display writes: a stream, but in pieces that are written at once, and without waiting for whoever reads there. A
 * terminal or pipe is opened again for that, since whether a write waits is a property that all have in common who share what
 * is open. What is not taken is kept, up to a limit. Errors of writing are nobody's concern.
 */
struct sink {
	FILE *stream;
	int fd; /* -1: the stream has none */
	bool opened, is_terminal, is_socket;
	bool tried; /* it has been waited for, and has taken nothing since */
	struct brood_buffer kept;
};

void sink_open(struct sink *, FILE *);

/* Gives what is kept, as long as some of it is taken within half a second. */
void sink_close(struct sink *);

/* What is more than the limit is lost if nothing is taken for half a second; that is waited for once. */
void sink_write(struct sink *, const void *data, size_t size);

/* Whether what was written before has not been taken yet, so that it is no use to draw. */
bool sink_is_stuck(struct sink *);

/* The terminal's size; 80 columns and 24 rows where it is none, or has none. */
void sink_size(const struct sink *, int *columns, int *rows);

/* Whether this process is in the background of that terminal, so that the screen is somebody else's. */
bool sink_is_behind(const struct sink *);

#endif
