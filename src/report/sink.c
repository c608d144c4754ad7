/* SPDX-License-Identifier: MIT */
#include "report/sink.h"

#include "base/buffer.h"
#include "base/lineage.h"
#include "base/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum { KEPT = 64 * 1024, PATIENCE = 500 };

void sink_open(struct sink *sink, FILE *stream)
{
	struct stat state;
	*sink = (struct sink){.stream = stream, .fd = fileno(stream)};
	if (sink->fd < 0 || fstat(sink->fd, &state))
		return;
	sink->is_terminal = isatty(sink->fd);
	sink->is_socket = S_ISSOCK(state.st_mode);
	if (!sink->is_terminal && !S_ISFIFO(state.st_mode))
		return;
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", sink->fd);
	const int fd = lineage_adopt(open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
	sink->opened = fd >= 0;
	sink->fd = fd >= 0 ? fd : sink->fd;
}

static ssize_t put(struct sink *sink, const unsigned char *data, size_t size)
{
	ssize_t written;
	do {
		if (sink->is_socket) {
			written = send(sink->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
			written = written < 0 ? -errno : written;
		} else {
			written = stream_write_some(sink->fd, data, size);
		}
	} while (written == -EINTR);
	return written;
}

/* What is kept, as far as it is taken now. */
static void give(struct sink *sink)
{
	struct brood_buffer *kept = &sink->kept;
	if (!kept->size)
		return;
	const ssize_t written = put(sink, kept->data, kept->size);
	if (written == -EAGAIN)
		return;
	sink->tried = false;
	/* What there is nobody to take is lost. */
	const size_t taken = written < 0 ? kept->size : (size_t)written;
	kept->size -= taken;
	memmove(kept->data, kept->data + taken, kept->size);
}

static void give_patiently(struct sink *sink)
{
	for (give(sink); sink->kept.size; give(sink)) {
		struct pollfd item = {.fd = sink->fd, .events = POLLOUT};
		if (sink->tried || poll(&item, 1, PATIENCE) <= 0) {
			sink->tried = true;
			return;
		}
	}
}

void sink_close(struct sink *sink)
{
	give_patiently(sink);
	brood_buffer_free(&sink->kept);
	if (sink->opened)
		lineage_close(sink->fd);
	sink->opened = false;
}

void sink_write(struct sink *sink, const void *data, size_t size)
{
	const int saved = errno;
	if (sink->fd < 0) {
		fwrite(data, 1, size, sink->stream);
		fflush(sink->stream);
	} else {
		/* What the host has printed there comes first. */
		fflush(sink->stream);
		if (sink->kept.size && sink->kept.size + size > KEPT)
			give_patiently(sink);
		if (!sink->kept.size || sink->kept.size + size <= KEPT)
			buffer_append(&sink->kept, data, size);
		give(sink);
	}
	errno = saved;
}

bool sink_is_stuck(struct sink *sink)
{
	give(sink);
	return sink->kept.size;
}

void sink_size(const struct sink *sink, int *columns, int *rows)
{
	struct winsize size = {0};
	if (!sink->is_terminal || ioctl(sink->fd, TIOCGWINSZ, &size))
		size = (struct winsize){0};
	*columns = size.ws_col ? size.ws_col : 80;
	*rows = size.ws_row ? size.ws_row : 24;
}

bool sink_is_behind(const struct sink *sink)
{
	const pid_t front = sink->is_terminal ? tcgetpgrp(sink->fd) : -1;
	return front > 0 && front != getpgrp();
}
