/* SPDX-License-Identifier: MIT */
/*
 * message MECHANISM KIND BYTES PLACEMENT
 *
 * Messages from a host to its child. KIND is round, where each message is answered before the next (by the
 * acknowledgement in brood_send, by 8 bytes elsewhere), or stream, where of the others only the last of many is. The
 * receiver ends up with the message whole in memory of its own, or mapped and every page of it looked at.
 */
#include "measure.h"

#include <brood.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER = 8, PAGE = 4096 };

struct wire {
	const struct mechanism *mechanism;
	enum placement placement;
	size_t size;
	unsigned char *message; /* the sender's; its first byte says whether an answer is wanted */
	unsigned char *space;   /* where the receiver has room for it */
	int in, out;            /* this side's */
	int childs_in, childs_out;
	unsigned char *shared;
	brood_channel *channel;
	bool stream;
};

struct mechanism {
	const char *name;
	void (*open)(struct wire *);
	void (*send)(struct wire *);
	bool (*receive)(struct wire *); /* whether an answer is wanted is then in space[0] */
};

/* --- a stream socket pair, and a pair of pipes --------------------------------------------------------------------- */

static void open_socket(struct wire *wire)
{
	int pair[2];
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	wire->in = wire->out = pair[0];
	wire->childs_in = wire->childs_out = pair[1];
}

static void open_pipe(struct wire *wire)
{
	int there[2], back[2];
	must(pipe(there), "pipe");
	must(pipe(back), "pipe");
	wire->in = back[0];
	wire->out = there[1];
	wire->childs_in = there[0];
	wire->childs_out = back[1];
}

static void send_bytes(struct wire *wire)
{
	write_whole(wire->out, wire->message, wire->size);
}

static bool receive_bytes(struct wire *wire)
{
	return read_whole(wire->in, wire->space, wire->size);
}

/* --- a file of memory for each message, handed over through the socket --------------------------------------------- */

static void send_descriptor(int socket, int fd)
{
	char byte = 1;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	control.head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	if (sendmsg(socket, &message, MSG_NOSIGNAL) != 1)
		fail("sendmsg");
}

/* -1 at the end of file. */
static int receive_descriptor(int socket)
{
	char byte;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	if (size < 0)
		fail("recvmsg");
	if (!size)
		return -1;
	int fd;
	memcpy(&fd, CMSG_DATA(&control.head), sizeof fd);
	return fd;
}

static void look_at_pages(const unsigned char *memory, size_t size)
{
	for (size_t at = 0; at < size; at += PAGE)
		(void)*(const volatile unsigned char *)(memory + at);
}

static void *map(int fd, size_t size, int protection)
{
	void *memory = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	return memory;
}

static void send_written_file(struct wire *wire)
{
	int fd = must(memfd_create("message", MFD_CLOEXEC), "memfd_create");
	write_whole(fd, wire->message, wire->size);
	send_descriptor(wire->out, fd);
	close(fd);
}

static void send_mapped_file(struct wire *wire)
{
	int fd = must(memfd_create("message", MFD_CLOEXEC), "memfd_create");
	must(ftruncate(fd, (off_t)wire->size), "ftruncate");
	void *memory = map(fd, wire->size, PROT_READ | PROT_WRITE);
	memcpy(memory, wire->message, wire->size);
	munmap(memory, wire->size);
	send_descriptor(wire->out, fd);
	close(fd);
}

static bool receive_file(struct wire *wire)
{
	int fd = receive_descriptor(wire->in);
	if (fd < 0)
		return false;
	unsigned char *memory = map(fd, wire->size, PROT_READ);
	close(fd);
	look_at_pages(memory, wire->size);
	wire->space[0] = memory[0];
	munmap(memory, wire->size);
	return true;
}

/* --- one shared memory, written anew for each message and read in place; not free again before the answer ---------- */

static void open_reused(struct wire *wire)
{
	open_socket(wire);
	int fd = must(memfd_create("message", MFD_CLOEXEC), "memfd_create");
	must(ftruncate(fd, (off_t)wire->size), "ftruncate");
	wire->shared = map(fd, wire->size, PROT_READ | PROT_WRITE);
	close(fd);
}

static void send_reused(struct wire *wire)
{
	memcpy(wire->shared, wire->message, wire->size);
	write_whole(wire->out, wire->shared, 1);
}

static bool receive_reused(struct wire *wire)
{
	if (!read_whole(wire->in, wire->space, 1))
		return false;
	look_at_pages(wire->shared, wire->size);
	return true;
}

/* --- no other process at all --------------------------------------------------------------------------------------- */

static void copy(struct wire *wire)
{
	memcpy(wire->space, wire->message, wire->size);
	__asm__ volatile("" : : "r"(wire->space) : "memory");
}

static const struct mechanism mechanisms[] = {
	{"socket", open_socket, send_bytes, receive_bytes},
	{"pipe", open_pipe, send_bytes, receive_bytes},
	{"file-written", open_socket, send_written_file, receive_file},
	{"file-mapped", open_socket, send_mapped_file, receive_file},
	{"file-reused", open_reused, send_reused, receive_reused},
};

/* --- the two sides ------------------------------------------------------------------------------------------------- */

static int receive_from_host(struct wire *wire)
{
	char answer[ANSWER] = {0};
	while (wire->mechanism->receive(wire))
		if (wire->space[0])
			write_whole(wire->out, answer, sizeof answer);
	return 0;
}

static void send_to_child(void *context, uint64_t count)
{
	struct wire *wire = context;
	char answer[ANSWER];
	for (uint64_t i = 1; i <= count; i++) {
		wire->message[0] = !wire->stream || i == count;
		wire->mechanism->send(wire);
		if (wire->message[0] && !read_whole(wire->in, answer, sizeof answer))
			fail("answer");
	}
}

static double measure_peer(struct wire *wire)
{
	wire->mechanism->open(wire);
	pid_t child = must(fork(), "fork");
	if (!child) {
		close(wire->in);
		close(wire->out);
		settle_on(wire->placement, 1);
		wire->in = wire->childs_in;
		wire->out = wire->childs_out;
		_exit(receive_from_host(wire));
	}
	close(wire->childs_in);
	close(wire->childs_out);
	double result = measure(send_to_child, wire);
	close(wire->in);
	close(wire->out);
	must(waitpid(child, NULL, 0), "waitpid");
	return result;
}

static int receive_all(brood_channel *channel, void *context)
{
	const struct wire *wire = context;
	settle_on(wire->placement, 1);
	struct brood_message message;
	int result;
	while ((result = brood_receive(channel, &message)) == 1)
		;
	return -result;
}

static void send_all(void *context, uint64_t count)
{
	struct wire *wire = context;
	for (uint64_t i = 0; i < count; i++)
		must(brood_send(wire->channel, wire->message, wire->size), "brood_send");
}

static double measure_brood(struct wire *wire)
{
	must(brood_start(&wire->channel, receive_all, wire), "brood_start");
	double result = measure(send_all, wire);
	brood_close(wire->channel);
	struct brood_status status;
	must(brood_wait(wire->channel, -1, &status), "brood_wait");
	if (status.exit_code || status.signal) {
		errno = EPROTO;
		fail("child");
	}
	brood_channel_free(wire->channel);
	return result;
}

static void copy_all(void *context, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		copy(context);
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr, "usage: message MECHANISM round|stream BYTES across|same|free\n");
		return 2;
	}
	struct wire wire = {
		.stream = !strcmp(argv[2], "stream"),
		.size = strtoul(argv[3], NULL, 10),
		.placement = placement_named(argv[4]),
	};
	wire.message = touched(wire.size, false);
	wire.space = touched(wire.size, false);
	settle_on(wire.placement, 0);
	if (!strcmp(argv[1], "brood")) {
		print_nanoseconds(measure_brood(&wire));
		return 0;
	}
	if (!strcmp(argv[1], "memcpy")) {
		print_nanoseconds(measure(copy_all, &wire));
		return 0;
	}
	for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
		wire.mechanism = &mechanisms[i];
		if (strcmp(argv[1], wire.mechanism->name) != 0)
			continue;
		print_nanoseconds(measure_peer(&wire));
		return 0;
	}
	errno = EINVAL;
	fail(argv[1]);
}
