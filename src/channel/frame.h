/* SPDX-License-Identifier: MIT */
#ifndef BROOD_CHANNEL_FRAME_H
#define BROOD_CHANNEL_FRAME_H

#include <brood.h>

/*
 * What a message is as bytes: a head, then the body. Pure: no descriptors, no allocation but where said. The peer may
 * be anybody, so that every byte is looked at before it is believed.
 */

enum { FRAME_HEAD = 16 };

enum frame_kind { FRAME_DATA = 1, FRAME_FAILURE = 2 };

struct frame {
	enum frame_kind kind;
	uint64_t length; /* of the body */
};

void frame_write(unsigned char head[FRAME_HEAD], const struct frame *);

/* 0 or -EBADMSG. */
int frame_read(const unsigned char head[FRAME_HEAD], struct frame *out);

/* Appends a failure as a body: 0 or -ENOMEM. NULL strings are empty ones. */
int frame_pack_failure(struct brood_buffer *, const struct brood_failure *);

/* The failure in a body, into which the strings point: 0 or -EBADMSG. */
int frame_unpack_failure(struct brood_bytes body, struct brood_failure *out);

#endif
