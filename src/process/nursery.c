/* SPDX-License-Identifier: MIT */
#include "process/ward.h"

#include "base/lineage.h"
#include "base/signals.h"
#include "process/tee.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Out of the set first: in there it would stay for as long as a process that the host has forked holds a copy. */
static void close_end(const struct nursery *nursery, int *fd)
{
	if (nursery->epoll >= 0 && *fd >= 0)
		epoll_ctl(nursery->epoll, EPOLL_CTL_DEL, *fd, NULL);
	lineage_close(*fd);
	*fd = -1;
}

static void close_ends(struct nursery *nursery)
{
	close_end(nursery, &nursery->socket);
	close_end(nursery, &nursery->bell);
	close_end(nursery, &nursery->output);
}

/* Both ends, neither of which waits; -1: there is no output, or no pipe can be made, and descriptor 2 is as good. */
static void open_output(const struct nursery_plan *plan, int ends[2], unsigned char **piece)
{
	ends[0] = ends[1] = -1;
	*piece = plan->output && plan->boxes && !plan->plain ? malloc(sizeof(struct tee_head) + TEE_PIECE) : NULL;
	if (!*piece || !lineage_pipe(ends))
		return;
	ends[0] = ends[1] = -1;
	free(*piece);
	*piece = NULL;
}

int nursery_new(struct nursery **out, const struct nursery_plan *plan)
{
	int pair[2], bell[2], output[2];
	struct nursery *nursery = calloc(1, sizeof *nursery);
	struct ward *ward = mmap(NULL, sizeof *ward, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int error = nursery && ward != MAP_FAILED ? lineage_socketpair(SOCK_SEQPACKET, pair) : -ENOMEM;
	if (!error) {
		error = lineage_pipe(bell);
		if (error) {
			lineage_close(pair[0]);
			lineage_close(pair[1]);
		}
	}
	if (error) {
		if (ward != MAP_FAILED)
			munmap(ward, sizeof *ward);
		free(nursery);
		return error;
	}
	unsigned char *piece;
	open_output(plan, output, &piece);
	struct stat pipe = {0};
	fstat(bell[0], &pipe);
	*nursery = (struct nursery){.socket = pair[1], .bell = bell[1], .bell_id = pipe.st_ino, .plan = *plan,
		.output = output[1], .piece = piece, .epoll = -1};
	nursery->ward = ward;
	child_watch_kills(&ward->kills);
	fork_ready(&nursery->host);
	pid_t pid = fork_keeper();
	if (!pid)
		ward_run(nursery);
	error = pid < 0 ? -errno : 0;
	signals_restore(&nursery->host.mask);
	close_ends(nursery);
	munmap(ward, sizeof *ward);
	nursery->ward = NULL;
	nursery->pid = pid;
	nursery->socket = pair[0];
	nursery->bell = bell[0];
	nursery->output = output[0];
	if (error) {
		close_ends(nursery);
		nursery_forget(nursery);
		return error;
	}
	*out = nursery;
	return 0;
}

void nursery_free(struct nursery *nursery)
{
	if (!nursery)
		return;
	close_ends(nursery);
	while (waitpid(nursery->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	nursery_forget(nursery);
}

void nursery_forget(struct nursery *nursery)
{
	free(nursery->piece);
	free(nursery);
}

static int send_order(struct nursery *nursery, int kind, int number, int signal)
{
	struct order order = {.kind = kind, .number = number, .signal = signal};
	ssize_t size;
	do
		size = send(nursery->socket, &order, sizeof order, MSG_NOSIGNAL);
	while (size < 0 && errno == EINTR);
	if (size >= 0)
		return 0;
	/* An order that does not arrive would be waited for: a nursery that cannot be told is as good as gone. */
	shutdown(nursery->socket, SHUT_RDWR);
	return -EPIPE;
}

int nursery_start(struct nursery *nursery, int number)
{
	return send_order(nursery, ORDER_START, number, 0);
}

int nursery_signal(struct nursery *nursery, int number, int signal)
{
	return send_order(nursery, ORDER_SIGNAL, number, signal);
}

int nursery_trace(struct nursery *nursery, int number)
{
	return send_order(nursery, ORDER_TRACE, number, 0);
}

int nursery_leave(struct nursery *nursery)
{
	return send_order(nursery, ORDER_LEAVE, 0, 0);
}

int nursery_fd(const struct nursery *nursery)
{
	return nursery->socket;
}

/* Whatever has come: 1, 0 nothing, -EPIPE. A reset, and the first word of the end, are told before what came last. */
static int receive_bundle(struct nursery *nursery)
{
	for (bool gone = false;;) {
		ssize_t size = recv(nursery->socket, nursery->bundle, sizeof nursery->bundle, MSG_DONTWAIT);
		if (size > 0) {
			nursery->next = 0;
			nursery->count = (int)((size_t)size / sizeof *nursery->bundle);
			return 1;
		}
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && errno != ECONNRESET)
			return 0;
		if (gone)
			return -EPIPE;
		gone = true;
	}
}

int nursery_report(struct nursery *nursery, struct nursery_report *out)
{
	if (nursery->next == nursery->count) {
		int result = receive_bundle(nursery);
		if (result <= 0)
			return result;
	}
	*out = nursery->bundle[nursery->next++];
	if (out->kind == NURSERY_ENDED && out->status.out_of_memory)
		child_kill_claimed();
	return 1;
}

int nursery_bell(const struct nursery *nursery)
{
	return nursery->bell;
}

int nursery_quiet(struct nursery *nursery)
{
	char bytes[4096];
	ssize_t size;
	if (nursery->bell < 0)
		return false;
	/* No more than the pipe holds: a worker may write as fast as this reads. */
	int left = 16;
	do
		size = read(nursery->bell, bytes, sizeof bytes);
	while ((size == (ssize_t)sizeof bytes && left--) || (size < 0 && errno == EINTR));
	if (size)
		return true;
	/* It would be readable for ever: a host with one processor kept the nursery from ending for 3 ms. */
	close_end(nursery, &nursery->bell);
	return false;
}

int nursery_watch(struct nursery *nursery, int epoll)
{
	const int ends[] = {nursery->socket, nursery->bell, nursery->output};
	int error = 0;
	nursery->epoll = epoll;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		struct epoll_event event = {.events = EPOLLIN};
		if (ends[i] >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, ends[i], &event))
			error = -errno;
	}
	return error;
}

int nursery_output_fd(const struct nursery *nursery)
{
	return nursery->output;
}

/* Reads until so many bytes of the piece are there: false, they have not come yet. */
static bool fill_piece(struct nursery *nursery, size_t size)
{
	while (nursery->piece_size < size) {
		ssize_t got = read(nursery->output, nursery->piece + nursery->piece_size, size - nursery->piece_size);
		if (got < 0 && errno == EINTR)
			continue;
		if (!got) {
			/* All who could write have gone; it would be readable for ever. */
			close_end(nursery, &nursery->output);
		}
		if (got <= 0)
			return false;
		nursery->piece_size += (size_t)got;
	}
	return true;
}

void nursery_output(struct nursery *nursery, nursery_output_fn *give, void *context)
{
	struct tee_head head;
	size_t left = TEE_PIECE;
	while (nursery->output >= 0 && left && fill_piece(nursery, sizeof head)) {
		memcpy(&head, nursery->piece, sizeof head);
		const size_t size = head.size < TEE_PIECE ? head.size : TEE_PIECE;
		if (!fill_piece(nursery, sizeof head + size))
			return;
		nursery->piece_size = 0;
		left -= size < left ? size : left;
		give(context, head.number, head.pid, (struct brood_bytes){nursery->piece + sizeof head, size});
	}
}

void nursery_ring(void *context)
{
	const struct nursery *nursery = context;
	struct stat pipe;
	/* The worker may have closed the descriptor, and opened another by its number. */
	if (fstat(nursery->bell, &pipe) || pipe.st_ino != nursery->bell_id || !S_ISFIFO(pipe.st_mode))
		return;
	int error = errno;
	while (write(nursery->bell, "", 1) < 0 && errno == EINTR)
		;
	errno = error;
}
