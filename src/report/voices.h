/* SPDX-License-Identifier: MIT */
#ifndef BROOD_REPORT_VOICES_H
#define BROOD_REPORT_VOICES_H

#include <brood.h>

/* What workers write, as whole lines: of a line that has not ended, the beginning is kept for a while, so that it does not come
   to stand within that of another worker. */
struct voices {
	struct voice *voices; /* one for each worker */
	size_t count;
};

/* Appends the lines that an event's output ends; and with an end those that are too long to wait for, or whose worker has
   gone. */
int voices_take(struct voices *, const struct brood_event *, struct brood_buffer *out);

/* Appends what is left, with line ends. */
int voices_end(struct voices *, struct brood_buffer *out);

void voices_free(struct voices *);

#endif
