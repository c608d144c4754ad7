/* SPDX-License-Identifier: MIT */
#include "channel/line.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/lineage.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * The ring that a body goes through. 100 MB from process to process, in times a memcpy of it: 1.65 with a ring of
 * 256 KiB, 1.4 with 512 KiB, 1.1 to 1.2 with 1 MiB, 1.23 with 4 MiB, which no longer fits the cache. Where the address
 * space is short a smaller one does. It is filled and emptied in pieces of LINE_CHUNK, so that both sides copy at the
 * same time: 256 KiB take 220 us as one piece, 130 us in pieces of 64 KiB; smaller ones gain nothing.
 */
enum { RING_MOST = 1 << 20, RING_LEAST = 16 << 10 };

/* A bell: the number of the message that it is armed for, above how the side is to be woken. */
enum { ASLEEP_NOT = 0, ASLEEP_SOCKET = 1, ASLEEP_FUTEX = 2, ASLEEP_MASK = 3 };

/*
 * Nanoseconds. Waking a process that sleeps on another processor costs 20 to 50 microseconds; looking for much longer is
 * not worth it, and for less it never sees the answer of a peer that had to be woken, so that both go on sleeping: 64 KiB
 * acknowledged take 75 us with 30 us of patience, 34 us with 60. In the middle of a message the next part is a copy away,
 * or, where the peer's memory is new to it, a copy and its page faults.
 */
enum { PATIENCE_MOST = 60000, PATIENCE_AMID = 200000, PATIENCE_LEAST = 1000, SPIN_MOST = 4000, SPIN_LEAST = 100 };

#define TOKEN '!'

static uint32_t armed_for(uint32_t number, uint32_t how)
{
	return number << 2 | how;
}

/* --- making and ending --------------------------------------------------------------------------------------------- */

static void *map_shared(size_t *size, size_t *ring)
{
	for (*ring = RING_MOST; *ring >= RING_LEAST; *ring /= 2) {
		*size = 4096 + 2 * *ring;
		void *mapping = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (mapping != MAP_FAILED)
			return mapping;
	}
	return NULL;
}

/* Two threads' ends are one mapping: the last to close it unmaps. The count is in this process's own memory. */
struct line_share {
	atomic_int ends;
	void *mapping;
	size_t size;
};

static void line_begin(struct line *line, int fd, int side, struct line_share *share, size_t ring)
{
	struct line_half *halves = share->mapping;
	unsigned char *rings = (unsigned char *)share->mapping + 4096;
	*line = (struct line){
		.fd = fd,
		.share = share,
		.mine = &halves[side],
		.peers = &halves[!side],
		.outgoing_ring = rings + (side ? ring : 0),
		.incoming_ring = rings + (side ? 0 : ring),
		.ring = ring,
		.spin = SPIN_MOST,
		.patience = PATIENCE_MOST,
	};
}

int line_pair(struct line *one, struct line *other)
{
	int pair[2];
	int error = lineage_socketpair(SOCK_STREAM, pair);
	if (error)
		return error;
	size_t ring;
	struct line_share *share = malloc(sizeof *share);
	void *mapping = share ? map_shared(&share->size, &ring) : NULL;
	if (!mapping) {
		free(share);
		lineage_close(pair[0]);
		lineage_close(pair[1]);
		return -ENOMEM;
	}
	share->mapping = mapping;
	atomic_init(&share->ends, 2);
	line_begin(one, pair[0], 0, share, ring);
	line_begin(other, pair[1], 1, share, ring);
	return 0;
}

void line_seclude(struct line *line)
{
	madvise(line->share->mapping, line->share->size, MADV_DONTFORK);
}

void line_close(struct line *line)
{
	if (line->fd < 0)
		return;
	lineage_close(line->fd);
	line_abandon(line);
}

/* Whether this was the last end in this process. */
static bool leave_share(struct line *line)
{
	line->fd = -1;
	line->gone = true;
	return atomic_fetch_sub(&line->share->ends, 1) == 1;
}

void line_abandon(struct line *line)
{
	struct line_share *share = line->share;
	if (leave_share(line)) {
		munmap(share->mapping, share->size);
		free(share);
	}
}

void line_forget(struct line *line)
{
	if (line->fd >= 0 && leave_share(line))
		free(line->share);
}

/* --- bells and tokens ---------------------------------------------------------------------------------------------- */

static void send_token(struct line *line)
{
	const char token = TOKEN;
	ssize_t size;
	do
		size = send(line->fd, &token, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (size < 0 && errno == EINTR);
	/* Full only if the peer leaves its tokens unread, and then it is awake. Any other failure would leave it asleep for
	   ever: then both sides see the end. */
	if (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		shutdown(line->fd, SHUT_RDWR);
}

/*
 * Rings if the peer has armed the bell for this message. One side stores and then looks for the bell, the other arms it
 * and then looks for what was stored. Either may miss the other's store, but never both, since all four are in one order
 * (sequentially consistent); with less, both could, and the peer would sleep on:
 *
 *     announced = 7            bell = 7, armed
 *     bell armed?              announced 7?
 */
static void ring(struct line *line, _Atomic uint32_t *bell, uint32_t number)
{
	uint32_t armed = atomic_load(bell);
	if (armed != armed_for(number, ASLEEP_SOCKET) && armed != armed_for(number, ASLEEP_FUTEX))
		return;
	uint32_t how = armed & ASLEEP_MASK;
	if (!atomic_compare_exchange_strong(bell, &armed, ASLEEP_NOT))
		return;
	if (how == ASLEEP_SOCKET)
		send_token(line);
	else
		syscall(SYS_futex, bell, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void line_disarm(struct line *line)
{
	if (!line->armed)
		return;
	line->armed = false;
	if (atomic_exchange(&line->peers->message_bell, ASLEEP_NOT) != armed_for(line->received + 1, ASLEEP_SOCKET))
		line->tokens++;
}

void line_arm(struct line *line)
{
	if (line->armed)
		return;
	line->armed = true;
	atomic_store(&line->peers->message_bell, armed_for(line->received + 1, ASLEEP_SOCKET));
}

/* One token, waiting for it: 0, or -errno, -EBADMSG where it is none, -ETIMEDOUT where none came. The peer's end is gone. */
static int read_token(struct line *line, double deadline)
{
	char token;
	ssize_t size;
	for (int wait; (wait = clock_poll_timeout(deadline)) >= 0;) {
		int count = poll(&(struct pollfd){.fd = line->fd, .events = POLLIN}, 1, wait);
		if (count > 0)
			break;
		if (!count && !clock_poll_timeout(deadline))
			return -ETIMEDOUT;
		if (count < 0 && errno != EINTR)
			return -errno;
	}
	while ((size = recv(line->fd, &token, 1, 0)) < 0) {
		if (errno == ECONNRESET)
			break;
		/* Who polls the descriptor may have made it non-blocking. */
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			poll(&(struct pollfd){.fd = line->fd, .events = POLLIN}, 1, -1);
		else if (errno != EINTR)
			return -errno;
	}
	if (size == 1)
		return token == TOKEN ? 0 : -EBADMSG;
	line->gone = true;
	line->tokens = 0;
	return 0;
}

int line_drop_tokens(struct line *line, size_t keep)
{
	while (line->tokens > keep && !line->gone) {
		int error = read_token(line, clock_deadline(-1));
		if (error)
			return error;
		if (!line->gone)
			line->tokens--;
	}
	return 0;
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

static size_t least(size_t one, size_t other)
{
	return one < other ? one : other;
}

/* Copies what fits into the ring: how many bytes. */
static size_t fill(struct line *line)
{
	size_t room = line->ring - (size_t)(line->written - line->consumed);
	size_t at = (size_t)(line->written % line->ring);
	size_t size = least(least(room, LINE_CHUNK), least(line->ring - at, (size_t)(line->length - line->written)));
	memcpy(line->outgoing_ring + at, line->data + line->written, size);
	line->written += size;
	return size;
}

void line_announce(struct line *line, const struct frame *frame, const void *data)
{
	struct line_half *mine = line->mine;
	line->data = data;
	line->length = frame->length;
	line->written = line->consumed = 0;
	line->sent++;
	frame_write(mine->head, frame);
	if (frame->length <= LINE_INLINE) {
		if (frame->length)
			memcpy(mine->inlined, data, (size_t)frame->length);
		line->written = frame->length;
	} else {
		fill(line);
	}
	atomic_store_explicit(&mine->written, line->written, memory_order_relaxed);
	atomic_exchange(&mine->announced, line->sent);
	ring(line, &mine->message_bell, line->sent);
}

int line_push(struct line *line)
{
	if (line->written == line->length)
		return 0;
	uint64_t consumed = atomic_load_explicit(&line->peers->consumed, memory_order_acquire);
	if (consumed < line->consumed || consumed > line->written)
		return -EBADMSG;
	line->consumed = consumed;
	if (!fill(line))
		return 0;
	atomic_exchange(&line->mine->written, line->written);
	ring(line, &line->mine->message_bell, line->sent);
	return 1;
}

int line_received(struct line *line)
{
	uint32_t acknowledged = atomic_load_explicit(&line->peers->acknowledged, memory_order_acquire);
	if (acknowledged == line->sent)
		return line->written == line->length ? 1 : -EBADMSG;
	return acknowledged == line->sent - 1 ? 0 : -EBADMSG;
}

void line_answer_put_by(struct line *line)
{
	if (atomic_load_explicit(&line->peers->put_by, memory_order_relaxed))
		send_token(line);
}

/* --- receiving ----------------------------------------------------------------------------------------------------- */

bool line_incoming(const struct line *line)
{
	if (line->incoming.active)
		return atomic_load(&line->peers->written) != line->incoming.body.size;
	return atomic_load(&line->peers->announced) != line->received;
}

/* The head of a new message. */
static int begin_incoming(struct line *line)
{
	if (atomic_load_explicit(&line->peers->announced, memory_order_acquire) != line->received + 1)
		return -EBADMSG;
	unsigned char head[FRAME_HEAD];
	memcpy(head, line->peers->head, sizeof head);
	int error = frame_read(head, &line->incoming.frame);
	if (error)
		return error;
	if (line->limit && line->incoming.frame.length > line->limit)
		return -EMSGSIZE;
	struct brood_buffer *body = &line->incoming.body;
	/* A buffer that a far larger message has left behind is given back. */
	if (body->capacity > LINE_CHUNK && body->capacity / 4 > line->incoming.frame.length)
		brood_buffer_free(body);
	body->size = 0;
	line->incoming.active = true;
	return 0;
}

/* Room for size bytes more: doubling what has come, never what is announced. */
static int grow(struct line *line, size_t size)
{
	struct brood_buffer *body = &line->incoming.body;
	return size <= body->capacity - body->size ? 0 : buffer_reserve(body, size);
}

int line_take(struct line *line)
{
	struct line_incoming *incoming = &line->incoming;
	struct brood_buffer *body = &incoming->body;
	if (!incoming->active) {
		if (atomic_load_explicit(&line->peers->announced, memory_order_acquire) == line->received)
			return 0;
		int error = begin_incoming(line);
		if (error)
			return error;
	}
	const uint64_t length = incoming->frame.length;
	uint64_t written = atomic_load_explicit(&line->peers->written, memory_order_acquire);
	if (written < body->size || written > length || written - body->size > line->ring)
		return -EBADMSG;
	if (length <= LINE_INLINE) {
		if (written != length)
			return -EBADMSG;
		if (grow(line, LINE_INLINE))
			return -ENOMEM;
		if (length)
			memcpy(body->data, line->peers->inlined, (size_t)length);
		body->size = (size_t)length;
		return 1;
	}
	while (body->size < written) {
		size_t at = body->size % line->ring;
		size_t size = least(least((size_t)written - body->size, LINE_CHUNK), line->ring - at);
		if (grow(line, size))
			return -ENOMEM;
		memcpy(body->data + body->size, line->incoming_ring + at, size);
		body->size += size;
		if (body->size == length)
			return 1;
		atomic_exchange(&line->mine->consumed, body->size);
		ring(line, &line->mine->receipt_bell, line->received + 1);
	}
	return 0;
}

void line_acknowledge(struct line *line, bool arm, bool put_by)
{
	line->incoming.active = false;
	line->received++;
	/* Armed before the acknowledgement, so that the next message finds it so. */
	line->armed = false;
	if (arm)
		line_arm(line);
	atomic_store_explicit(&line->mine->put_by, put_by, memory_order_relaxed);
	atomic_store_explicit(&line->mine->consumed, 0, memory_order_relaxed);
	atomic_exchange(&line->mine->acknowledged, line->received);
	ring(line, &line->mine->receipt_bell, line->received);
}

/* --- waiting ------------------------------------------------------------------------------------------------------- */

static bool has_work(const struct line *line, bool sending)
{
	if (line_incoming(line))
		return true;
	if (!sending)
		return false;
	if (atomic_load(&line->peers->acknowledged) == line->sent)
		return true;
	return line->written < line->length && atomic_load(&line->peers->consumed) != line->consumed;
}

static void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Whether a message is on its way in parts, so that the peer, if it is all right, is at work on it. */
static bool is_amid(const struct line *line, bool sending)
{
	return line->incoming.active || (sending && atomic_load_explicit(&line->peers->consumed, memory_order_relaxed));
}

/*
 * Looks for a while before it sleeps: first without a pause, for a peer that is awake on another processor, and then
 * giving up the processor between looks, for a peer that waits for this one. Two processes that only ever sleep and wake
 * each other stay on one processor, since the kernel puts the woken beside its waker; two that are both ready to run are
 * moved apart once another processor is free. What did not help gets shorter until there is none, and one in 16 sleeps
 * tries again.
 *
 * How many processors this process may use is not asked: the peer may be put elsewhere, by itself or by the host, later.
 * Where the two do share one, giving it up is still quicker than sleeping: an acknowledged message takes 0.5 of a round
 * trip over a stream socket, and 0.75 of it where both only sleep.
 */
static bool look_around(struct line *line, bool sending)
{
	if (has_work(line, sending))
		return true;
	const bool amid = is_amid(line, sending);
	if (!line->patience && ++line->sleeps % 16 == 0)
		line->patience = PATIENCE_MOST;
	const uint64_t patience = amid ? PATIENCE_AMID : line->patience;
	if (!patience)
		return false;
	const uint64_t begin = clock_nanoseconds();
	for (uint64_t now = begin; now - begin < patience; now = clock_nanoseconds()) {
		bool awake = now - begin < line->spin;
		for (int i = 0; i < 16; i++) {
			if (has_work(line, sending)) {
				if (!amid)
					line->patience = PATIENCE_MOST;
				line->spin = awake ? least(line->spin * 2, SPIN_MOST) : line->spin / 2 > SPIN_LEAST ? line->spin / 2 : SPIN_LEAST;
				return true;
			}
			relax();
		}
		if (!awake)
			sched_yield();
	}
	if (!amid)
		line->patience = line->patience / 2 < PATIENCE_LEAST ? 0 : line->patience / 2;
	return false;
}

/* While tokens must stay unread, for what has been put by, the socket cannot tell anything but the peer's end. */
static void sleep_beside_tokens(struct line *line)
{
	const struct timespec span = {.tv_nsec = 1000000};
	uint32_t armed = armed_for(line->sent, ASLEEP_FUTEX);
	atomic_store(&line->peers->receipt_bell, armed);
	if (!has_work(line, true))
		syscall(SYS_futex, &line->peers->receipt_bell, FUTEX_WAIT, armed, &span, NULL, 0);
	atomic_store(&line->peers->receipt_bell, ASLEEP_NOT);
	struct pollfd item = {.fd = line->fd};
	if (poll(&item, 1, 0) > 0)
		line->gone = true;
}

/* Counts the tokens that rings have sent since the bells were armed. */
static size_t count_rings(struct line *line, bool sending)
{
	size_t rings = 0;
	if (sending && atomic_exchange(&line->peers->receipt_bell, ASLEEP_NOT) != armed_for(line->sent, ASLEEP_SOCKET))
		rings++;
	if (atomic_load(&line->peers->message_bell) != armed_for(line->received + 1, ASLEEP_SOCKET)) {
		line->armed = false;
		rings++;
	}
	return rings;
}

int line_wait(struct line *line, bool sending, double deadline)
{
	if (line->gone || look_around(line, sending))
		return 0;
	if (line->tokens) {
		sleep_beside_tokens(line);
		return 0;
	}
	line_arm(line);
	if (sending)
		atomic_store(&line->peers->receipt_bell, armed_for(line->sent, ASLEEP_SOCKET));
	int error = 0;
	size_t read = 0;
	if (!has_work(line, sending)) {
		error = read_token(line, deadline);
		read = !line->gone && error != -ETIMEDOUT;
		if (error == -ETIMEDOUT)
			error = 0;
	}
	size_t rings = count_rings(line, sending);
	if (error || line->gone)
		return error;
	/* A token that no bell was rung for is not from brood. */
	if (read > rings)
		return -EBADMSG;
	line->tokens += rings - read;
	return 0;
}
