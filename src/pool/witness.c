/* SPDX-License-Identifier: MIT */
#include "pool/witness.h"

#include "base/clock.h"
#include "process/coroner.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/* A worker is one process. */
static struct coroner coroner = {.socket = -1};
static char *text;

static ssize_t await_answer(void)
{
	const double deadline = clock_now() + CORONER_TIME;
	ssize_t size;
	while ((size = coroner_answer(&coroner, text, BLACKBOX_TEXT)) == -EAGAIN && clock_now() < deadline) {
		struct pollfd item = {.fd = coroner.socket, .events = POLLIN};
		poll(&item, 1, clock_poll_timeout(deadline));
	}
	return size;
}

const char *witness_calls(const struct worker *worker, const void *frame)
{
	struct blackbox *boxes = worker->plan->boxes;
	if (!text && !(text = malloc(BLACKBOX_TEXT + 1)))
		return "";
	if (!boxes || !blackbox_note(frame))
		return "";
	const struct coroner_question question = {.kind = CORONER_DEAD, .number = (int)worker->number};
	ssize_t size = coroner_ask(&coroner, boxes, &question);
	if (!size)
		size = await_answer();
	if (size < 0)
		coroner_end(&coroner);
	blackbox_clear(&boxes[worker->number]);
	text[size > 0 ? size : 0] = 0;
	return text;
}
