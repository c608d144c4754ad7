/* SPDX-License-Identifier: MIT */
#ifndef BROOD_CHANNEL_LINE_H
#define BROOD_CHANNEL_LINE_H

#include "channel/frame.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A line is one end of a connection between two processes: memory that both share, through which the bytes of messages go,
 * and beside it a socket, through which single bytes go, the tokens. A token wakes a side that sleeps, makes its
 * descriptor readable, and the socket's end of file says that the peer has gone. While both sides are awake no
 * system call is made: an acknowledged message of 8 bytes then costs two cache lines there and back.
 *
 * Each side writes one half of the shared memory, but for the two bells in it, which both write: a bell is rung by the half's
 * owner to wake the other side, which arms it. What is armed is a bell for one message's number. A late ring, for a
 * message that has been seen already, finds the number gone on and wakes nobody:
 *
 *     sender                          receiver
 *     announces message 7
 *                                     sees 7, takes it, arms for 8, acknowledges
 *     rings for 7: not armed, no token
 *
 * Without the number the ring would leave a token behind without a message. Nothing that the peer writes is trusted: each
 * word is read once, checked against what this side knows, and then used.
 */

enum { LINE_INLINE = 72, LINE_CHUNK = 64 * 1024 };

/* What one side writes. Two cache lines: the first holds all that a short message needs. */
struct line_half {
	_Alignas(128) unsigned char head[FRAME_HEAD]; /* of the message that is announced */
	_Atomic uint32_t announced;                   /* number of messages announced */
	_Atomic uint32_t acknowledged;                /* number of the peer's messages received */
	_Atomic uint64_t written;                     /* bytes of the announced message that are there to take */
	_Atomic uint64_t consumed;                    /* bytes taken of the peer's current message */
	_Atomic uint32_t message_bell;                /* the peer's, rung for messages and their bytes */
	_Atomic uint32_t receipt_bell;                /* the peer's, rung for bytes taken and acknowledgements */
	_Atomic uint32_t put_by;                      /* whether the message acknowledged last was put by, and needs a token */
	unsigned char inlined[LINE_INLINE];           /* the body of a short message */
};

_Static_assert(sizeof(struct line_half) == 128, "a half is two cache lines");

/* A message on its way in, as far as it has come. */
struct line_incoming {
	bool active;
	struct frame frame;
	struct brood_buffer body;
};

struct line {
	int fd;
	struct line_share *share; /* the mapping, which the other end may be using in this process too */
	struct line_half *mine, *peers;
	unsigned char *outgoing_ring, *incoming_ring;
	size_t ring;

	uint32_t sent, received; /* numbers of the last message announced, and of the last one received */
	const unsigned char *data; /* of the message being sent */
	uint64_t length, written, consumed;
	struct line_incoming incoming;
	size_t limit;

	bool polled; /* somebody may wait for the descriptor: the bell is armed also while nobody is in a call */
	bool armed;  /* the message bell, for the next message */
	size_t tokens; /* that have come, or must come, and have not been read */
	bool gone;  /* the peer */
	uint64_t spin, patience; /* nanoseconds to look before sleeping; they adapt */
	unsigned sleeps;
};

/* Both ends, the first in *one. Each end's descriptor is lineage's. */
int line_pair(struct line *one, struct line *other);

/* Keeps later forks from having the shared memory; called once the side that is to have it has been forked. */
void line_seclude(struct line *);

/* Ends it; the peer sees the end. Again is a no-op. */
void line_close(struct line *);

/* In a forked child, for the end that is the parent's: its descriptor has been closed already. */
void line_abandon(struct line *);

/* The same for an end that was made before the fork, and whose memory this process does not have. */
void line_forget(struct line *);

/* Announces a message with as many of its bytes as there is room for. */
void line_announce(struct line *, const struct frame *, const void *data);

/* Writes more of the announced message if there is room: 1 something was written, 0 nothing, -EBADMSG. */
int line_push(struct line *);

/* Whether the announced message has been received: 1, 0, or -EBADMSG. */
int line_received(struct line *);

/* Whether there is something to take. */
bool line_incoming(const struct line *);

/* Takes what there is of the incoming message: 1 it is whole in incoming, 0 it is not yet, -EBADMSG, -EMSGSIZE, -ENOMEM. */
int line_take(struct line *);

/* Acknowledges the message that line_take completed, and readies for the next: arm says to arm the message bell for it,
   and put_by to ask the peer for a token. */
void line_acknowledge(struct line *, bool arm, bool put_by);

/* Gives the token that the peer asked for with the acknowledgement of the announced message. */
void line_answer_put_by(struct line *);

/* Takes the message bell away from the peer, if it is armed, and counts the token that a ring has sent. */
void line_disarm(struct line *);

/* Arms the message bell, if it is not. Afterwards line_incoming must be asked once more. */
void line_arm(struct line *);

/* Reads tokens until no more than keep are left: 0 or -errno, -EBADMSG where something else came. */
int line_drop_tokens(struct line *, size_t keep);

/*
 * Waits, at first awake and not beyond the deadline, until there may be something to do: incoming bytes or, while sending, room or an
 * acknowledgement, or the peer's end. Tokens that are counted already stay unread, which is only for sending, and only while
 * something is put by. 0 or -errno, -EBADMSG where something else than tokens came.
 */
int line_wait(struct line *, bool sending, double deadline);

#endif
