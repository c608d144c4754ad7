/* SPDX-License-Identifier: MIT */
#include "base/lineage.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
atomic_uint lineage_count = 1;
static _Thread_local bool hold;

/* One bit for each descriptor. */
static uint64_t *owned;
static size_t words;

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&lock);
}

/* The lock is held. Cleared before it is closed: once closed, the number may be another thread's new descriptor. */
static void forget(int fd)
{
	if ((size_t)fd / 64 < words)
		owned[fd / 64] &= ~(UINT64_C(1) << (fd % 64));
	close(fd);
}

/* Of 64 descriptors, those to be closed. */
static uint64_t going(size_t word, const int *keep, size_t count)
{
	uint64_t bits = owned[word];
	for (size_t i = 0; i < count; i++)
		if (keep[i] >= 0 && (size_t)keep[i] / 64 == word)
			bits &= ~(UINT64_C(1) << (keep[i] % 64));
	return bits;
}

/* A nursery has a descriptor for each of its workers, and each new worker closes them all: as many as it can at a time. */
static void close_owned(const int *keep, size_t count)
{
	for (size_t word = 0; word < words; word++) {
		uint64_t left = going(word, keep, count);
		while (left) {
			const unsigned first = (unsigned)__builtin_ctzll(left), from = (unsigned)word * 64 + first;
			const uint64_t behind = ~(left >> first);
			const unsigned size = behind ? (unsigned)__builtin_ctzll(behind) : 64;
			const uint64_t run = (size < 64 ? (UINT64_C(1) << size) - 1 : UINT64_MAX) << first;
			left &= ~run;
			if (size > 1 && !close_range(from, from + size - 1, 0))
				owned[word] &= ~run;
			else
				for (unsigned i = 0; i < size; i++)
					forget((int)(from + i));
		}
	}
}

static void after_fork_child(void)
{
	if (!hold) {
		int error = errno;
		atomic_fetch_add(&lineage_count, 1);
		close_owned(NULL, 0);
		errno = error;
	}
	pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

unsigned lineage_join(void)
{
	pthread_once(&once, watch_forks);
	return lineage_generation();
}

static int record(int fd)
{
	size_t word = (size_t)fd / 64;
	if (word >= words) {
		size_t more = word + 1 > 2 * words ? word + 1 : 2 * words;
		uint64_t *larger = realloc(owned, more * sizeof *owned);
		if (!larger)
			return -ENOMEM;
		memset(larger + words, 0, (more - words) * sizeof *owned);
		owned = larger;
		words = more;
	}
	owned[word] |= UINT64_C(1) << (fd % 64);
	return 0;
}

/* The lock is held. */
static int adopt(int fd)
{
	if (fd <= STDERR_FILENO) {
		int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		/* EINVAL: the limit of descriptors allows none so high. */
		int error = moved >= 0 ? 0 : errno == EINVAL ? -EMFILE : -errno;
		close(fd);
		if (error)
			return error;
		fd = moved;
	}
	int error = record(fd);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

int lineage_adopt(int fd)
{
	if (fd < 0)
		return -errno;
	lineage_join();
	pthread_mutex_lock(&lock);
	int result = adopt(fd);
	pthread_mutex_unlock(&lock);
	return result;
}

/* The lock is held. Both or neither; error is that of the call that made them. */
static int adopt_pair(const int pair[2], int error, int out[2])
{
	if (error)
		return -errno;
	int one = adopt(pair[0]);
	if (one < 0) {
		close(pair[1]);
		return one;
	}
	int other = adopt(pair[1]);
	if (other < 0) {
		forget(one);
		return other;
	}
	out[0] = one;
	out[1] = other;
	return 0;
}

int lineage_socketpair(int type, int out[2])
{
	int pair[2];
	lineage_join();
	pthread_mutex_lock(&lock);
	int error = adopt_pair(pair, socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), out);
	pthread_mutex_unlock(&lock);
	return error;
}

int lineage_pipe(int out[2])
{
	int pair[2];
	lineage_join();
	pthread_mutex_lock(&lock);
	int error = adopt_pair(pair, pipe2(pair, O_CLOEXEC | O_NONBLOCK), out);
	pthread_mutex_unlock(&lock);
	return error;
}

void lineage_close(int fd)
{
	if (fd < 0)
		return;
	pthread_mutex_lock(&lock);
	forget(fd);
	pthread_mutex_unlock(&lock);
}

void lineage_hold(bool held)
{
	hold = held;
}

void lineage_enter(const int *keep, size_t count)
{
	hold = false;
	pthread_mutex_lock(&lock);
	atomic_fetch_add(&lineage_count, 1);
	close_owned(keep, count);
	pthread_mutex_unlock(&lock);
}
