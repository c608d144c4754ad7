/* SPDX-License-Identifier: MIT */
#include "channel/exchange.h"

#include "base/clock.h"
#include "base/lineage.h"
#include "channel/channel.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>

/* Channels in an array, the active ones first, so that a channel knows its place and both parts shrink by a swap. */
struct brood_exchange {
	int fd;
	unsigned flags, generation;
	brood_channel **channels;
	size_t active, count, capacity;
	struct epoll_event *events; /* room for one of each channel */
	size_t lingering; /* ended ones whose child may not have been waited for */
};

BROOD_API int brood_exchange_new(brood_exchange **out, unsigned flags)
{
	if (!out || flags & ~(BROOD_KEEP_OPEN | BROOD_GIVE_ENDED))
		return -EINVAL;
	brood_exchange *exchange = calloc(1, sizeof *exchange);
	if (!exchange)
		return -ENOMEM;
	exchange->fd = lineage_adopt(epoll_create1(EPOLL_CLOEXEC));
	if (exchange->fd < 0) {
		int error = exchange->fd;
		free(exchange);
		return error;
	}
	exchange->flags = flags;
	exchange->generation = lineage_join();
	*out = exchange;
	return 0;
}

static bool mine(const brood_exchange *exchange)
{
	return exchange->generation == lineage_generation();
}

static void put(brood_exchange *exchange, size_t place, brood_channel *channel)
{
	exchange->channels[place] = channel;
	channel->place = place;
}

static void swap(brood_exchange *exchange, size_t one, size_t other)
{
	brood_channel *channel = exchange->channels[one];
	put(exchange, one, exchange->channels[other]);
	put(exchange, other, channel);
}

static bool is_active(const brood_channel *channel)
{
	return channel->place < channel->exchange->active;
}

BROOD_API int brood_exchange_add(brood_exchange *exchange, brood_channel *channel)
{
	if (!exchange || !channel)
		return -EINVAL;
	if (!mine(exchange) || !channel_mine(channel))
		return -EPERM;
	if (channel->exchange)
		return -EBUSY;
	int fd = channel_poll(channel);
	if (fd < 0)
		return fd;
	if (exchange->count == exchange->capacity) {
		size_t capacity = exchange->capacity ? exchange->capacity * 2 : 16;
		brood_channel **channels = realloc(exchange->channels, capacity * sizeof(brood_channel *));
		if (!channels)
			return -ENOMEM;
		exchange->channels = channels;
		struct epoll_event *events = realloc(exchange->events, capacity * sizeof *events);
		if (!events)
			return -ENOMEM;
		exchange->events = events;
		exchange->capacity = capacity;
	}
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = channel};
	if (epoll_ctl(exchange->fd, EPOLL_CTL_ADD, fd, &event))
		return -errno;
	channel->exchange = exchange;
	put(exchange, exchange->count, channel);
	swap(exchange, exchange->active++, exchange->count++);
	return 0;
}

void exchange_lose(brood_channel *channel)
{
	if (!is_active(channel))
		return;
	brood_exchange *exchange = channel->exchange;
	if (channel->child && !(exchange->flags & BROOD_KEEP_OPEN))
		exchange->lingering++;
	epoll_ctl(exchange->fd, EPOLL_CTL_DEL, channel->line.fd, NULL);
	swap(exchange, channel->place, --exchange->active);
}

void exchange_forget(brood_channel *channel)
{
	brood_exchange *exchange = channel->exchange;
	exchange_lose(channel);
	swap(exchange, channel->place, --exchange->count);
	channel->exchange = NULL;
}

BROOD_API size_t brood_exchange_active(const brood_exchange *exchange, brood_channel **out, size_t max)
{
	if (!exchange || !mine(exchange))
		return 0;
	for (size_t i = 0; i < max && i < exchange->active; i++)
		out[i] = exchange->channels[i];
	return exchange->active;
}

BROOD_API int brood_exchange_remove(brood_exchange *exchange, brood_channel *channel)
{
	if (!exchange || !channel)
		return -EINVAL;
	if (!mine(exchange))
		return -EPERM;
	if (channel->exchange != exchange)
		return -ENOENT;
	exchange_forget(channel);
	return 0;
}

BROOD_API int brood_exchange_fd(const brood_exchange *exchange)
{
	return exchange && mine(exchange) ? exchange->fd : -1;
}

/* The peer has gone and nothing is left to receive. Its child may live on: whoever reaps next looks at it again. */
static void end(brood_exchange *exchange, brood_channel *channel)
{
	exchange_lose(channel);
	if (exchange->flags & BROOD_KEEP_OPEN)
		return;
	line_close(&channel->line);
	if (channel->child)
		child_wait(channel->child, 0, NULL);
}

static void look_at_lingering(brood_exchange *exchange)
{
	if (!exchange->lingering)
		return;
	exchange->lingering = 0;
	for (size_t i = exchange->active; i < exchange->count; i++) {
		brood_channel *channel = exchange->channels[i];
		if (channel->line.fd < 0 && channel->child && child_wait(channel->child, 0, NULL) == -ETIMEDOUT)
			exchange->lingering++;
	}
}

/* One round of waiting: how many are ready, or have ended and are to be given. */
static int look(brood_exchange *exchange, brood_channel **out, int max, double deadline)
{
	struct epoll_event *events = exchange->events;
	int count = epoll_wait(exchange->fd, events, max, clock_poll_timeout(deadline));
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	int ready = 0;
	for (int i = 0; i < count; i++) {
		brood_channel *channel = events[i].data.ptr;
		/* After the peer's end its last messages still come first. */
		if (events[i].events & ~(uint32_t)EPOLLIN && !channel_pending(channel)) {
			end(exchange, channel);
			if (!(exchange->flags & BROOD_GIVE_ENDED))
				continue;
		}
		out[ready++] = channel;
	}
	return ready;
}

BROOD_API int brood_exchange_ready(brood_exchange *exchange, brood_channel **out, size_t max, double timeout)
{
	if (!exchange || !out || !max)
		return -EINVAL;
	if (!mine(exchange))
		return -EPERM;
	look_at_lingering(exchange);
	double deadline = clock_deadline(timeout);
	int ready = 0;
	while (exchange->active && !ready) {
		size_t most = max < exchange->active ? max : exchange->active;
		ready = look(exchange, out, most < INT_MAX ? (int)most : INT_MAX, deadline);
		if (!ready && !clock_poll_timeout(deadline))
			break;
	}
	return ready;
}

BROOD_API void brood_exchange_free(brood_exchange *exchange)
{
	if (!exchange)
		return;
	if (mine(exchange)) {
		while (exchange->count)
			brood_channel_free(exchange->channels[exchange->count - 1]);
		lineage_close(exchange->fd);
	}
	free(exchange->events);
	free(exchange->channels);
	free(exchange);
}
