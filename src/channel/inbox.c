/* SPDX-License-Identifier: MIT */
#include "channel/inbox.h"

#include <errno.h>
#include <stdlib.h>

enum { MESSAGES_MOST = 65536 };
#define BYTES_MOST ((size_t)1 << 30)

struct inbox_message {
	struct inbox_message *next;
	enum frame_kind kind;
	struct brood_buffer body;
};

bool inbox_has_room(const struct inbox *inbox, size_t size)
{
	/* The first is taken whatever its size: otherwise two sides that each send one huge message could not go on. */
	if (!inbox->count)
		return true;
	return inbox->count < MESSAGES_MOST && inbox->bytes < BYTES_MOST && size <= BYTES_MOST - inbox->bytes;
}

int inbox_put(struct inbox *inbox, enum frame_kind kind, struct brood_buffer *body)
{
	struct inbox_message *message = malloc(sizeof *message);
	if (!message)
		return -ENOMEM;
	*message = (struct inbox_message){.kind = kind, .body = *body};
	*body = (struct brood_buffer){0};
	if (!inbox->first)
		inbox->last = &inbox->first;
	*inbox->last = message;
	inbox->last = &message->next;
	inbox->count++;
	inbox->bytes += message->body.size;
	return 0;
}

bool inbox_take(struct inbox *inbox, enum frame_kind *kind, struct brood_buffer *body)
{
	struct inbox_message *message = inbox->first;
	if (!message)
		return false;
	inbox->first = message->next;
	inbox->count--;
	inbox->bytes -= message->body.size;
	*kind = message->kind;
	*body = message->body;
	free(message);
	return true;
}

void inbox_clear(struct inbox *inbox)
{
	enum frame_kind kind;
	struct brood_buffer body;
	while (inbox_take(inbox, &kind, &body))
		brood_buffer_free(&body);
}
