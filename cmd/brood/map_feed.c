/* SPDX-License-Identifier: MIT */
#include "map_feed.h"

#include "say.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 64 << 10 };

static int open_path(const char *path)
{
	if (!strcmp(path, "-"))
		return STDIN_FILENO;
	/* Without this a FIFO that nobody writes to yet would be waited for here. */
	const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		die("the input %s cannot be opened: %s", path, strerror(errno));
	return fd;
}

void map_feed_open(struct map_feed *feed, char **arguments, const char *const *paths, size_t count, char delimiter)
{
	*feed = (struct map_feed){.arguments = arguments, .paths = paths, .count = arguments ? 0 : count, .delimiter = delimiter};
	feed->fds = need(feed->count * sizeof *feed->fds);
	for (size_t i = 0; i < feed->count; i++)
		feed->fds[i] = open_path(paths[i]);
}

int map_feed_fd(const struct map_feed *feed)
{
	return feed->fds[feed->next];
}

static void close_files(struct map_feed *feed)
{
	for (; feed->next < feed->count; feed->next++)
		if (feed->fds[feed->next] != STDIN_FILENO)
			close(feed->fds[feed->next]);
}

/* Nothing more is read, but what has been is still worked on. */
static bool give_up(struct map_feed *feed)
{
	close_files(feed);
	feed->failed = true;
	return true;
}

/* Reads what there is: false where there is nothing yet. */
static bool read_more(struct map_feed *feed)
{
	struct pollfd entry = {.fd = feed->fds[feed->next], .events = POLLIN};
	if (poll(&entry, 1, 0) < 1)
		return false;
	if (feed->at) {
		memmove(feed->read.data, feed->read.data + feed->at, feed->read.size - feed->at);
		feed->read.size -= feed->at;
		feed->searched -= feed->at;
		feed->at = 0;
	}
	if (feed->read.size > ITEM_MOST) {
		say("an item of the input %s is longer than %d MiB; no more is read", feed->paths[feed->next], ITEM_MOST >> 20);
		return give_up(feed);
	}
	static char piece[READ_SIZE];
	const ssize_t got = read(entry.fd, piece, sizeof piece);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got < 0) {
		say("the input %s cannot be read: %s", feed->paths[feed->next], strerror(errno));
		return give_up(feed);
	}
	text_add(&feed->read, piece, (size_t)got);
	feed->ended = !got;
	return true;
}

/* A whole item of what has been read, or the last one, which need not have a line end. */
static bool take(struct map_feed *feed, struct brood_bytes *item)
{
	const unsigned char *data = feed->read.data;
	if (feed->at == feed->read.size)
		return false;
	const unsigned char *end = memchr(data + feed->searched, feed->delimiter, feed->read.size - feed->searched);
	if (!end && !feed->ended) {
		feed->searched = feed->read.size;
		return false;
	}
	const size_t to = end ? (size_t)(end - data) : feed->read.size;
	*item = (struct brood_bytes){data + feed->at, to - feed->at};
	feed->at = feed->searched = end ? to + 1 : to;
	return true;
}

enum fed map_feed_next(struct map_feed *feed, struct brood_bytes *item)
{
	if (feed->arguments) {
		if (!*feed->arguments)
			return FED_END;
		*item = (struct brood_bytes){*feed->arguments, strlen(*feed->arguments)};
		feed->arguments++;
		return FED_ITEM;
	}
	while (feed->next < feed->count) {
		if (take(feed, item))
			return FED_ITEM;
		if (!feed->ended) {
			if (!read_more(feed))
				return FED_NOTHING_YET;
			continue;
		}
		if (feed->fds[feed->next] != STDIN_FILENO)
			close(feed->fds[feed->next]);
		feed->next++;
		feed->at = feed->searched = feed->read.size = 0;
		feed->ended = false;
	}
	return FED_END;
}

void map_feed_close(struct map_feed *feed)
{
	close_files(feed);
	free(feed->fds);
	brood_buffer_free(&feed->read);
}
