/* SPDX-License-Identifier: MIT */
#ifndef BROOD_CHANNEL_CHANNEL_H
#define BROOD_CHANNEL_CHANNEL_H

#include "channel/inbox.h"
#include "channel/line.h"
#include "process/child.h"

struct brood_channel {
	struct line line;
	struct inbox inbox;
	struct child *child; /* NULL on the child's side and in a pair */
	unsigned generation;
	int error; /* why the channel was ended, or 0 */
	double timeout; /* of each send and receive; negative for none */

	/* What the last receive gave. */
	struct brood_buffer body;
	struct brood_failure failure;

	/* The exchange's own. */
	struct brood_exchange *exchange;
	size_t place;
};

/* Sends a message of either kind; as brood_send. */
int channel_send(brood_channel *, enum frame_kind, const void *data, size_t size);

/* Whether brood_receive, once the peer has gone, would give a message or an error rather than the end. */
bool channel_pending(const brood_channel *);

/* The descriptor, from now on readable exactly when there is something to receive; or -errno. */
int channel_poll(brood_channel *);

/* Whether it belongs to this process. */
bool channel_mine(const brood_channel *);

#endif
