/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_SINK_H
#define BROOD_COMMAND_SINK_H

#include <brood.h>

/*
 * The command's own stdout or stderr. Whoever reads there may be slow, and the command has jobs to look after: what is not
 * taken at once is kept, and given when the descriptor can be written to.
 */
struct sink {
	int fd;
	const char *name;
	struct brood_buffer pending;
	size_t written;  /* of what is pending */
	bool always;     /* a file, which is always ready */
	bool closed;     /* nobody reads any more, or it is full: what comes is dropped */
	int error;       /* why, until somebody has asked */
	bool terminal;
};

void sink_open(struct sink *, int fd, const char *name);
void sink_free(struct sink *);

/* Keeps it, and writes what can be written. */
void sink_add(struct sink *, const void *data, size_t size);
void sink_flush(struct sink *);

/* So much is pending that no more should be added. */
bool sink_is_full(const struct sink *);
bool sink_is_idle(const struct sink *);

/* Drops what nobody takes now, and all that comes. */
void sink_give_up(struct sink *);

/* Writes all, however long that takes. */
void sink_finish(struct sink *);

#endif
