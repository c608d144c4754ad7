/* SPDX-License-Identifier: MIT */
#ifndef BROOD_CHANNEL_INBOX_H
#define BROOD_CHANNEL_INBOX_H

#include "channel/frame.h"

#include <stdbool.h>

/* Messages that came while this side was sending, put by until it receives. First in, first out. */
struct inbox {
	struct inbox_message *first, **last;
	size_t count, bytes;
};

/* Whether one more message of this size may be put by. */
bool inbox_has_room(const struct inbox *, size_t size);

/* Takes the body over, and leaves *body empty: 0 or -ENOMEM. */
int inbox_put(struct inbox *, enum frame_kind, struct brood_buffer *body);

/* The oldest message, whose body is the caller's from then on; false when there is none. */
bool inbox_take(struct inbox *, enum frame_kind *kind, struct brood_buffer *body);

void inbox_clear(struct inbox *);

#endif
