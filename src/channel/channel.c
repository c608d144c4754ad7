/* SPDX-License-Identifier: MIT */
#include "channel/channel.h"

#include "base/clock.h"
#include "base/lineage.h"
#include "channel/exchange.h"
#include "process/fork.h"

#include <errno.h>
#include <stdlib.h>

/* --- making -------------------------------------------------------------------------------------------------------- */

static brood_channel *new_channel(void)
{
	brood_channel *channel = calloc(1, sizeof *channel);
	if (!channel)
		return NULL;
	channel->line.fd = -1;
	channel->generation = lineage_join();
	channel->timeout = -1;
	return channel;
}

BROOD_API int brood_channel_pair(brood_channel **one, brood_channel **other)
{
	if (!one || !other)
		return -EINVAL;
	brood_channel *ends[2] = {new_channel(), new_channel()};
	int error = ends[0] && ends[1] ? line_pair(&ends[0]->line, &ends[1]->line) : -ENOMEM;
	if (error) {
		free(ends[0]);
		free(ends[1]);
		return error;
	}
	line_seclude(&ends[0]->line);
	*one = ends[0];
	*other = ends[1];
	return 0;
}

/* Ends a channel of which this process has no use, without a word to its child. */
static void discard(brood_channel *channel)
{
	line_close(&channel->line);
	free(channel);
}

BROOD_API int brood_create(brood_channel **out)
{
	if (!out)
		return -EINVAL;
	brood_channel *host = new_channel(), *child = new_channel();
	int result = host && child ? line_pair(&host->line, &child->line) : -ENOMEM;
	if (result) {
		free(host);
		free(child);
		return result;
	}
	result = fork_child(&host->child, child->line.fd);
	if (!result) {
		line_abandon(&host->line);
		discard(host);
		child->generation = lineage_generation();
		*out = child;
	} else {
		discard(child);
		if (result < 0)
			discard(host);
		else
			*out = host;
	}
	if (result >= 0)
		line_seclude(&(*out)->line);
	return result;
}

BROOD_API int brood_start(brood_channel **out, brood_process_fn *function, void *context)
{
	if (!out || !function)
		return -EINVAL;
	brood_channel *channel;
	int result = brood_create(&channel);
	if (result < 0)
		return result;
	if (!result) {
		int code = function(channel, context);
		fork_leave(code >= 0 && code <= 255 ? code : 255);
	}
	*out = channel;
	return 0;
}

bool channel_mine(const brood_channel *channel)
{
	return channel->generation == lineage_generation();
}

BROOD_API pid_t brood_channel_pid(const brood_channel *channel)
{
	return channel && channel->child ? child_pid(channel->child) : 0;
}

BROOD_API int brood_channel_limit(brood_channel *channel, size_t bytes)
{
	if (!channel)
		return -EINVAL;
	if (!channel_mine(channel))
		return -EPERM;
	channel->line.limit = bytes;
	return 0;
}

BROOD_API int brood_channel_timeout(brood_channel *channel, double seconds)
{
	if (!channel || seconds != seconds)
		return -EINVAL;
	if (!channel_mine(channel))
		return -EPERM;
	channel->timeout = seconds;
	return 0;
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

/* Ends the channel because of an error, which later calls answer too. */
static int fail(brood_channel *channel, int error)
{
	channel->error = error;
	if (channel->exchange)
		exchange_lose(channel);
	line_close(&channel->line);
	return error;
}

/* While something is put by, one token stays unread, so that the descriptor is readable. More of them, one for each
   message, would fill the socket's buffer, and those that had no room would be waited for in vain. */
static int drop_tokens(brood_channel *channel)
{
	return line_drop_tokens(&channel->line, channel->inbox.count ? 1 : 0);
}

/*
 * The peer is sending too. What has come of its message is taken, and once it is whole it is put by and acknowledged, so
 * that two sides which both send go on. Where no token is there to stay unread for it, the peer is asked for one.
 */
static int put_by(brood_channel *channel)
{
	struct line *line = &channel->line;
	line_disarm(line);
	int result = line_take(line);
	if (result < 0)
		return result;
	if (result) {
		struct line_incoming *incoming = &line->incoming;
		if (!inbox_has_room(&channel->inbox, incoming->body.size))
			return -ENOBUFS;
		result = inbox_put(&channel->inbox, incoming->frame.kind, &incoming->body);
		if (result)
			return result;
		bool ask = !line->tokens;
		line->tokens += ask;
		line_acknowledge(line, false, ask);
	}
	return drop_tokens(channel);
}

/*
 * Leaves the channel so that its descriptor is readable exactly when there is something to receive. What has been put by
 * has a token, and makes it so. Where nothing has, the bell is armed, and what came before that, with no token, is put by.
 */
static int settle(brood_channel *channel)
{
	struct line *line = &channel->line;
	int error = drop_tokens(channel);
	while (!error && line->polled && !line->gone && !channel->inbox.count) {
		line_arm(line);
		if (!line_incoming(line))
			break;
		error = put_by(channel);
	}
	return error;
}

int channel_poll(brood_channel *channel)
{
	struct line *line = &channel->line;
	if (line->fd < 0)
		return -EPIPE;
	if (line->polled)
		return line->fd;
	line->polled = true;
	int error = settle(channel);
	return error ? fail(channel, error) : line->fd;
}

BROOD_API int brood_channel_fd(const brood_channel *asked)
{
	/* Constant for the caller, for whom nothing changes; tokens are sent only once somebody may look for them. */
	brood_channel *channel = (brood_channel *)(uintptr_t)asked;
	return channel && channel_mine(channel) && channel_poll(channel) >= 0 ? channel->line.fd : -1;
}

static int wait_until_received(brood_channel *channel)
{
	struct line *line = &channel->line;
	const double deadline = clock_deadline(channel->timeout);
	for (;;) {
		int result = line_received(line);
		if (result)
			return result;
		result = line_push(line);
		if (result < 0)
			return result;
		if (line_incoming(line)) {
			int error = put_by(channel);
			if (error)
				return error;
			continue;
		}
		if (result)
			continue;
		/* Known before the look above, which therefore saw all that the peer ever did. */
		if (line->gone)
			return -EPIPE;
		result = drop_tokens(channel);
		if (!result && !clock_poll_timeout(deadline))
			result = -ETIMEDOUT;
		if (!result)
			result = line_wait(line, true, deadline);
		if (result)
			return result;
	}
}

int channel_send(brood_channel *channel, enum frame_kind kind, const void *data, size_t size)
{
	if (!channel || (!data && size))
		return -EINVAL;
	if (!channel_mine(channel))
		return -EPERM;
	if (channel->error)
		return channel->error;
	struct line *line = &channel->line;
	if (line->gone)
		return -EPIPE;
	line_announce(line, &(struct frame){.kind = kind, .length = size}, data);
	int result = wait_until_received(channel);
	int error = 0;
	/* The peer may have received it, and only then done what is wrong, between a look at the one and at the other. */
	if (result < 0 && line_received(line) == 1) {
		error = result == -ETIMEDOUT || result == -EPIPE ? 0 : result;
		result = 1;
	}
	if (result == 1) {
		line_answer_put_by(line);
		if (!error)
			error = settle(channel);
		/* The message has been received all the same; the next call says what is wrong. */
		if (error)
			fail(channel, error);
		return 0;
	}
	if (result != -EPIPE)
		return fail(channel, result);
	line->gone = true;
	return result;
}

BROOD_API int brood_send(brood_channel *channel, const void *data, size_t size)
{
	return channel_send(channel, FRAME_DATA, data, size);
}

/* --- receiving ----------------------------------------------------------------------------------------------------- */

static int give(brood_channel *channel, enum frame_kind kind, struct brood_message *out)
{
	if (kind == FRAME_FAILURE) {
		int error = frame_unpack_failure((struct brood_bytes){channel->body.data, channel->body.size}, &channel->failure);
		if (error)
			return fail(channel, error);
		*out = (struct brood_message){.failure = &channel->failure};
	} else {
		*out = (struct brood_message){.body = {channel->body.data, channel->body.size}};
	}
	return 1;
}

static int receive_put_by(brood_channel *channel, struct brood_message *out)
{
	enum frame_kind kind;
	brood_buffer_free(&channel->body);
	inbox_take(&channel->inbox, &kind, &channel->body);
	int error = channel->line.fd < 0 ? 0 : settle(channel);
	/* The message is given all the same; the next call says what is wrong. */
	if (error)
		fail(channel, error);
	return give(channel, kind, out);
}

/* The incoming message is whole: its buffer becomes the caller's view, and the last view's buffer takes the next. */
static int deliver(brood_channel *channel, struct brood_message *out)
{
	struct line *line = &channel->line;
	struct brood_buffer body = channel->body;
	channel->body = line->incoming.body;
	line->incoming.body = body;
	line_disarm(line);
	int error = line_drop_tokens(line, 0);
	if (error)
		return fail(channel, error);
	line_acknowledge(line, line->polled, false);
	return give(channel, line->incoming.frame.kind, out);
}

/* The time is up, and the channel as it was, unless a message has come at the last moment. */
static int give_up(brood_channel *channel, struct brood_message *out)
{
	int error = settle(channel);
	if (error)
		return fail(channel, error);
	return channel->inbox.count ? receive_put_by(channel, out) : -ETIMEDOUT;
}

BROOD_API int brood_receive(brood_channel *channel, struct brood_message *out)
{
	if (!channel || !out)
		return -EINVAL;
	if (!channel_mine(channel))
		return -EPERM;
	if (channel->inbox.count)
		return receive_put_by(channel, out);
	if (channel->error)
		return channel->error;
	struct line *line = &channel->line;
	if (line->fd < 0)
		return 0;
	/* The last view ends here, so that its buffer can take the next message. */
	if (!line->incoming.active && line->incoming.body.capacity < channel->body.capacity) {
		struct brood_buffer body = channel->body;
		channel->body = line->incoming.body;
		line->incoming.body = body;
	}
	const double deadline = clock_deadline(channel->timeout);
	/* Awake from here on: the peer need not send tokens. */
	line_disarm(line);
	for (;;) {
		/* Nothing is put by, so that no token need stay. */
		int result = line_drop_tokens(line, 0);
		bool gone = line->gone;
		if (!result)
			result = line_take(line);
		if (result == 1)
			return deliver(channel, out);
		/* All that the peer wrote before its end is visible once the end is; so it is taken once more after that. */
		if (!result && gone) {
			if (!line->incoming.active)
				return 0;
			result = -ECONNRESET;
		}
		if (!result && !clock_poll_timeout(deadline))
			return give_up(channel, out);
		if (!result)
			result = line_wait(line, false, deadline);
		if (result)
			return fail(channel, result);
	}
}

bool channel_pending(const brood_channel *channel)
{
	const struct line *line = &channel->line;
	return channel->inbox.count || channel->error || line->incoming.active || line_incoming(line);
}

/* --- the child, and the end ---------------------------------------------------------------------------------------- */

BROOD_API int brood_wait(brood_channel *channel, double timeout, struct brood_status *out)
{
	if (!channel)
		return -EINVAL;
	if (!channel_mine(channel))
		return -EPERM;
	if (channel->child)
		return child_wait(channel->child, timeout, out);
	if (out)
		*out = (struct brood_status){0};
	return 0;
}

BROOD_API int brood_channel_kill(brood_channel *channel, int signal)
{
	return channel && channel->child ? child_signal(channel->child, signal) : -EINVAL;
}

BROOD_API int brood_outlive(brood_channel *channel)
{
	return channel && channel->child ? child_outlive(channel->child) : -EINVAL;
}

BROOD_API int brood_close(brood_channel *channel)
{
	if (!channel)
		return -EINVAL;
	if (!channel_mine(channel))
		return -EPERM;
	if (channel->line.fd < 0)
		return 0;
	if (channel->exchange)
		exchange_lose(channel);
	line_close(&channel->line);
	return 0;
}

BROOD_API void brood_channel_free(brood_channel *channel)
{
	if (!channel)
		return;
	if (channel_mine(channel)) {
		if (channel->exchange)
			exchange_forget(channel);
		line_close(&channel->line);
	} else {
		line_forget(&channel->line);
	}
	child_free(channel->child);
	inbox_clear(&channel->inbox);
	brood_buffer_free(&channel->line.incoming.body);
	brood_buffer_free(&channel->body);
	free(channel);
}
