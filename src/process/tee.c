/* SPDX-License-Identifier: MIT */
#include "process/tee.h"

#include "base/lineage.h"
#include "process/nursery.h"
#include "process/parking.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * PIECE   written at once: a pipe takes that whole, between what others write, and where it says that there is room, without
 *         a wait
 * TAKE    read at once: as much as a pipe holds
 * WAITING what ended workers wrote that nobody has taken yet; what is more is kept for the box, but not passed on
 * STRAYS  pipes that only a descendant has
 * LEFT    descriptors that are left to others
 */
enum { TEE_KEEP = BLACKBOX_OUTPUT, PIECE = 4096, TAKE = TEE_PIECE, WAITING = 1024 * 1024, STRAYS = 64, LEFT = 32, EVENTS = 32,
       PATIENCE = 1000 };

/* fd 0: none. */
enum { PARKED = -1 };

struct source {
	int fd;
	pid_t pid;
	size_t written;
};

struct tee {
	struct blackbox *boxes;
	int epoll, out, limit, top; /* out: 0: not known yet; top: above all numbers so far */
	bool socket, framed; /* framed: out takes pieces with heads */
	int lot[2], parked;  /* where sources are that are parked, and how many, which are to come back below the limit */
	size_t from, until; /* of waiting, what has not been taken */
	struct source sources[NURSERY_LIMIT];
	int strays[STRAYS];
	char waiting[WAITING + TAKE + sizeof(struct tee_head)];
	char tails[NURSERY_LIMIT][TEE_KEEP]; /* each a ring */
};

struct tee *tee_new(struct blackbox *boxes, int to)
{
	struct rlimit limit;
	if (!boxes || getrlimit(RLIMIT_NOFILE, &limit))
		return NULL;
	struct tee *tee = mmap(NULL, sizeof *tee, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (tee == MAP_FAILED)
		return NULL;
	tee->boxes = boxes;
	tee->lot[0] = -1;
	tee->framed = to >= 0;
	tee->out = to >= 0 ? to : 0;
	tee->limit = limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur;
	tee->epoll = lineage_adopt(epoll_create1(EPOLL_CLOEXEC));
	/* Else each worker would have a copy, of the moment of its own fork. */
	if (tee->epoll < 0 || madvise(tee, sizeof *tee, MADV_DONTFORK)) {
		lineage_close(tee->epoll);
		munmap(tee, sizeof *tee);
		return NULL;
	}
	return tee;
}

static int watch(struct tee *tee, int fd, int number)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)number};
	return epoll_ctl(tee->epoll, EPOLL_CTL_ADD, fd, &event);
}

int tee_open(struct tee *tee, int number)
{
	int pipe[2];
	if (!tee || number < 0 || number >= NURSERY_LIMIT || lineage_pipe(pipe))
		return -1;
	if (pipe[1] + tee->parked >= tee->limit - LEFT || watch(tee, pipe[0], number)) {
		lineage_close(pipe[0]);
		lineage_close(pipe[1]);
		return -1;
	}
	tee->sources[number] = (struct source){.fd = pipe[0]};
	tee->top = number < tee->top ? tee->top : number + 1;
	return pipe[1];
}

void tee_name(struct tee *tee, int number, pid_t pid)
{
	if (tee && number >= 0 && number < NURSERY_LIMIT)
		tee->sources[number].pid = pid;
}

void tee_enter(int fd)
{
	/* A worker has to wait where the pipe is full. */
	if (fd >= 0 && !fcntl(fd, F_SETFL, 0))
		dup2(fd, STDERR_FILENO);
}

/* A worker that has just been forked may still have a copy, so that closing alone would not take it out of the set. */
static void shut(struct tee *tee, int *fd)
{
	epoll_ctl(tee->epoll, EPOLL_CTL_DEL, *fd, NULL);
	lineage_close(*fd);
	*fd = 0;
}

/* Of the last PARKING_LOT numbers, if as many have been opened: what cannot be parked stays where it is. */
void tee_park(struct tee *tee)
{
	int fds[PARKING_LOT];
	size_t count = 0;
	if (!tee || !tee->top || tee->top % PARKING_LOT || (tee->lot[0] < 0 && parking_open(tee->lot)))
		return;
	struct source *last = &tee->sources[tee->top - PARKING_LOT];
	for (size_t i = 0; i < PARKING_LOT; i++)
		if (last[i].fd > 0)
			fds[count++] = last[i].fd;
	/* One that is parked is still open, and would still be told of, by nobody's number. */
	for (size_t i = 0; i < count; i++)
		epoll_ctl(tee->epoll, EPOLL_CTL_DEL, fds[i], NULL);
	const bool parked = count && !parking_put(tee->lot, fds, count);
	tee->parked += parked ? (int)count : 0;
	for (size_t i = 0; i < PARKING_LOT; i++) {
		if (last[i].fd > 0 && parked)
			last[i].fd = PARKED;
		else if (last[i].fd > 0)
			watch(tee, last[i].fd, (int)(last + i - tee->sources));
	}
}

static void take_back(struct tee *tee, int first)
{
	int fds[PARKING_LOT], count = 0, next = 0;
	for (int number = first; number < first + PARKING_LOT; number++) {
		struct source *source = &tee->sources[number];
		if (source->fd != PARKED)
			continue;
		if (!next)
			count = parking_take(tee->lot, fds);
		source->fd = next < count && fds[next] > 0 ? fds[next] : 0;
		next++;
		if (source->fd && watch(tee, source->fd, number)) {
			lineage_close(source->fd);
			source->fd = 0;
		}
	}
}

void tee_unpark(struct tee *tee)
{
	if (!tee || tee->lot[0] < 0)
		return;
	for (int first = 0; first + PARKING_LOT <= tee->top; first += PARKING_LOT)
		take_back(tee, first);
	/* With what could not be taken back, so that nobody writes to it for ever. */
	lineage_close(tee->lot[0]);
	lineage_close(tee->lot[1]);
	tee->lot[0] = -1;
	tee->parked = 0;
}

/*
 * A terminal or pipe is opened again, since it may be full by the time that it is written to, and whether it waits then is a
 * property that all have in common who share what is open. Opened again, a file would lose its place, but it never waits.
 */
static void open_out(struct tee *tee)
{
	struct stat state;
	const int flags = fcntl(STDERR_FILENO, F_GETFL);
	tee->out = -1;
	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fstat(STDERR_FILENO, &state))
		return;
	tee->socket = S_ISSOCK(state.st_mode);
	if (S_ISFIFO(state.st_mode) || isatty(STDERR_FILENO))
		tee->out = lineage_adopt(open("/proc/self/fd/2", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
	if (tee->out < 0)
		tee->out = STDERR_FILENO;
}

/* SIGPIPE is blocked, as all signals are in a nursery. */
static ssize_t put(struct tee *tee, const char *data, size_t size)
{
	struct pollfd item = {.fd = tee->out, .events = POLLOUT};
	if (tee->socket)
		return send(tee->out, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (tee->out == STDERR_FILENO && !poll(&item, 1, 0)) {
		errno = EAGAIN;
		return -1;
	}
	return write(tee->out, data, size);
}

/* As much as is taken now. Where there is nobody to take it, it is lost, as it would be without. */
static void flush(struct tee *tee)
{
	if (tee->from < tee->until && !tee->out)
		open_out(tee);
	while (tee->from < tee->until) {
		const size_t size = tee->until - tee->from;
		ssize_t written = put(tee, tee->waiting + tee->from, size < PIECE ? size : PIECE);
		if (written < 0 && errno == EAGAIN)
			return;
		if (written < 0 && errno == EINTR)
			continue;
		tee->from = written > 0 ? tee->from + (size_t)written : tee->until;
	}
	tee->from = tee->until = 0;
}

static void remember(char tail[TEE_KEEP], size_t *written, const char *data, size_t size)
{
	if (size > TEE_KEEP) {
		*written += size - TEE_KEEP;
		data += size - TEE_KEEP;
		size = TEE_KEEP;
	}
	const size_t at = *written % TEE_KEEP, first = size < TEE_KEEP - at ? size : TEE_KEEP - at;
	memcpy(tail + at, data, first);
	memcpy(tail, data + first, size - first);
	*written += size;
}

/* What has been read behind the room for its head is to be passed on, if there is not too much already: pieces as a whole. */
static void keep(struct tee *tee, int number, size_t head, size_t size)
{
	if (tee->framed && tee->until + head + size > WAITING)
		return;
	const struct tee_head what = {.number = number, .pid = number < 0 ? 0 : tee->sources[number].pid, .size = (uint32_t)size};
	memcpy(tee->waiting + tee->until, &what, head);
	tee->until += head + size;
	if (tee->until > WAITING && !tee->framed)
		tee->until = WAITING;
}

/* Reads once; number: whose it is, or -1. True where there may be more now; what the pipe has come to is then told by *fd. */
static bool take(struct tee *tee, int *fd, int number)
{
	const size_t head = tee->framed ? sizeof(struct tee_head) : 0;
	char *to = tee->waiting + tee->until + head;
	ssize_t size;
	do
		size = read(*fd, to, TAKE);
	while (size < 0 && errno == EINTR);
	if (size < 0 && errno == EAGAIN)
		return false;
	if (size <= 0) {
		shut(tee, fd);
		return false;
	}
	if (number >= 0)
		remember(tee->tails[number], &tee->sources[number].written, to, (size_t)size);
	keep(tee, number, head, (size_t)size);
	flush(tee);
	return true;
}

/* No more than the largest pipe holds: somebody may write as fast as this reads. */
static void drain(struct tee *tee, int *fd, int number)
{
	for (int left = 16; *fd && left && take(tee, fd, number); left--)
		;
}

static void fill_box(struct tee *tee, int number)
{
	struct blackbox *box = &tee->boxes[number];
	const char *tail = tee->tails[number];
	const size_t written = tee->sources[number].written;
	size_t size = written < TEE_KEEP ? written : TEE_KEEP, start = written > TEE_KEEP ? written % TEE_KEEP : 0;
	if (!written)
		return;
	memcpy(box->output, tail + start, size - start);
	memcpy(box->output + size - start, tail, start);
	/* A line that has lost its beginning is left out, but not where there is no other. */
	const char *end = written > TEE_KEEP ? memchr(box->output, '\n', size - 1) : NULL;
	if (end) {
		size -= (size_t)(end + 1 - box->output);
		memmove(box->output, end + 1, size);
	}
	box->output_size = (uint32_t)size;
}

static void keep_stray(struct tee *tee, int *fd)
{
	uint32_t place = 0;
	while (place < STRAYS && tee->strays[place])
		place++;
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = NURSERY_LIMIT + place};
	if (place == STRAYS || epoll_ctl(tee->epoll, EPOLL_CTL_MOD, *fd, &event))
		shut(tee, fd);
	else
		tee->strays[place] = *fd;
}

void tee_end(struct tee *tee, int number)
{
	if (!tee || number < 0 || number >= NURSERY_LIMIT)
		return;
	struct source *source = &tee->sources[number];
	drain(tee, &source->fd, number);
	fill_box(tee, number);
	if (source->fd)
		keep_stray(tee, &source->fd);
	*source = (struct source){0};
}

static bool is_stuck(const struct tee *tee)
{
	return tee->from < tee->until;
}

struct pollfd tee_wish(const struct tee *tee)
{
	if (!tee)
		return (struct pollfd){.fd = -1};
	return is_stuck(tee) ? (struct pollfd){.fd = tee->out, .events = POLLOUT}
			     : (struct pollfd){.fd = tee->epoll, .events = POLLIN};
}

void tee_pass(struct tee *tee)
{
	struct epoll_event events[EVENTS];
	if (!tee)
		return;
	flush(tee);
	const int count = is_stuck(tee) ? 0 : epoll_wait(tee->epoll, events, EVENTS, 0);
	for (int i = 0; i < count && !is_stuck(tee); i++) {
		const uint32_t from = events[i].data.u32;
		if (from < NURSERY_LIMIT)
			take(tee, &tee->sources[from].fd, (int)from);
		else
			take(tee, &tee->strays[from - NURSERY_LIMIT], -1);
	}
}

void tee_finish(struct tee *tee)
{
	if (!tee)
		return;
	for (int i = 0; i < tee->top; i++)
		drain(tee, &tee->sources[i].fd, i);
	for (int i = 0; i < STRAYS; i++)
		drain(tee, &tee->strays[i], -1);
	for (flush(tee); is_stuck(tee); flush(tee)) {
		struct pollfd item = tee_wish(tee);
		if (poll(&item, 1, PATIENCE) <= 0)
			return;
	}
}
