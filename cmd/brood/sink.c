/* SPDX-License-Identifier: MIT */
#include "sink.h"

#include "display.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe that is ready takes so many bytes without making the writer wait, as POSIX has it. */
enum { ATOMIC = 4096, FULL = 256 << 10 };

void sink_open(struct sink *sink, int fd, const char *name)
{
	struct stat status;
	*sink = (struct sink){.fd = fd, .name = name};
	sink->always = !fstat(fd, &status) && (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode));
	sink->terminal = isatty(fd);
}

void sink_free(struct sink *sink)
{
	brood_buffer_free(&sink->pending);
}

static bool is_ready(const struct sink *sink, int milliseconds)
{
	struct pollfd entry = {.fd = sink->fd, .events = POLLOUT};
	return sink->always || poll(&entry, 1, milliseconds) > 0;
}

/* Writes from data what is taken without waiting; how much that was. */
static size_t write_some(struct sink *sink, const unsigned char *data, size_t size, int milliseconds)
{
	size_t done = 0;
	while (done < size && !sink->closed) {
		if (!is_ready(sink, milliseconds))
			break;
		size_t piece = size - done;
		if (!sink->always && piece > ATOMIC)
			piece = ATOMIC;
		ssize_t wrote = write(sink->fd, data + done, piece);
		if (wrote >= 0) {
			done += (size_t)wrote;
		} else if (errno == EAGAIN && milliseconds >= 0) {
			break;
		} else if (errno != EINTR && errno != EAGAIN) {
			sink->error = errno;
			sink->closed = true;
		}
	}
	return sink->closed ? size : done;
}

static void write_pending(struct sink *sink, int milliseconds)
{
	if (sink_is_idle(sink))
		return;
	if (sink->terminal)
		display_hide();
	sink->written += write_some(sink, sink->pending.data + sink->written, sink->pending.size - sink->written, milliseconds);
	if (sink->written == sink->pending.size)
		sink->written = sink->pending.size = 0;
}

void sink_add(struct sink *sink, const void *data, size_t size)
{
	if (sink->closed)
		return;
	/* Small pieces are put together; what has been written makes room when all has. */
	text_add(&sink->pending, data, size);
	if (sink->pending.size - sink->written >= ATOMIC)
		write_pending(sink, 0);
}

void sink_flush(struct sink *sink)
{
	write_pending(sink, 0);
}

void sink_finish(struct sink *sink)
{
	write_pending(sink, -1);
}

void sink_give_up(struct sink *sink)
{
	sink->closed = true;
	sink->written = sink->pending.size = 0;
}

bool sink_is_full(const struct sink *sink)
{
	return sink->pending.size - sink->written >= FULL;
}

bool sink_is_idle(const struct sink *sink)
{
	return sink->written == sink->pending.size;
}
