/* SPDX-License-Identifier: MIT */
#include "base/stream.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The host may have made the descriptor non-blocking; a stream waits all the same. */
static int wait_for(int fd, short events)
{
	struct pollfd item = {.fd = fd, .events = events};
	while (poll(&item, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

ssize_t stream_read_some(int fd, void *data, size_t size)
{
	for (;;) {
		ssize_t count = read(fd, data, size);
		if (count >= 0)
			return count;
		if (errno == EAGAIN || errno == EWOULDBLOCK) {
			int error = wait_for(fd, POLLIN);
			if (error)
				return error;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
}

ssize_t stream_read_full(int fd, void *data, size_t size)
{
	size_t have = 0;
	while (have < size) {
		ssize_t count = stream_read_some(fd, (char *)data + have, size - have);
		if (count < 0)
			return count;
		if (!count)
			break;
		have += (size_t)count;
	}
	return (ssize_t)have;
}

/*
 * A pipe has no MSG_NOSIGNAL: SIGPIPE is blocked for this thread while it writes, and one that the write raised is taken
 * away, unless one was pending before, which then is the host's.
 */
ssize_t stream_write_some(int fd, const void *data, size_t size)
{
	ssize_t count = send(fd, data, size, MSG_NOSIGNAL);
	if (count >= 0 || errno != ENOTSOCK)
		return count < 0 ? -errno : count;
	sigset_t pipe_only, before, pending;
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	bool was_pending = sigismember(&pending, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	count = write(fd, data, size);
	ssize_t result = count < 0 ? -errno : count;
	if (result == -EPIPE && !was_pending) {
		const struct timespec now = {0};
		while (sigtimedwait(&pipe_only, NULL, &now) < 0 && errno == EINTR)
			;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return result;
}

int stream_write_full(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t count = stream_write_some(fd, (const char *)data + done, size - done);
		if (count >= 0) {
			done += (size_t)count;
		} else if (count == -EAGAIN || count == -EWOULDBLOCK) {
			int error = wait_for(fd, POLLOUT);
			if (error)
				return error;
		} else if (count != -EINTR) {
			return (int)count;
		}
	}
	return 0;
}
