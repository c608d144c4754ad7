/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"
#include "base/stream.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(buffer_grows)
{
	struct brood_buffer buffer = {0};
	ck_assert_int_eq(buffer_append(&buffer, NULL, 0), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(buffer_append(&buffer, "0123456", 7), 0);
	ck_assert_uint_eq(buffer.size, 7000);
	ck_assert_uint_ge(buffer.capacity, 7000);
	for (size_t i = 0; i < buffer.size; i++)
		ck_assert_int_eq(buffer.data[i], '0' + (int)(i % 7));
	brood_buffer_free(&buffer);
	ck_assert(!buffer.data && !buffer.size && !buffer.capacity);
	brood_buffer_free(&buffer);
	brood_buffer_free(NULL);
}
END_TEST

START_TEST(buffer_refuses_the_impossible)
{
	struct brood_buffer buffer = {0};
	ck_assert_int_eq(buffer_append(&buffer, "x", 1), 0);
	struct brood_buffer before = buffer;
	ck_assert_int_eq(buffer_reserve(&buffer, SIZE_MAX), -ENOMEM);
	ck_assert_mem_eq(&buffer, &before, sizeof buffer);
	brood_buffer_free(&buffer);
}
END_TEST

enum { SIZE = 300000 };

static char expected[SIZE];

static void write_all(void *context)
{
	ck_assert_int_eq(stream_write_full(*(int *)context, expected, SIZE), 0);
}

static void read_all(int fd)
{
	static char data[SIZE + 1];
	ck_assert_int_eq(stream_read_full(fd, data, sizeof data), SIZE);
	ck_assert(!memcmp(data, expected, SIZE));
	ck_assert_int_eq(stream_read_some(fd, data, 1), 0);
}

static void make_tube(int kind, int pair[2])
{
	ck_assert_int_eq(kind & 1 ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) : pipe2(pair, O_CLOEXEC), 0);
	for (int i = 0; i < 2 && kind & 2; i++)
		ck_assert_int_eq(fcntl(pair[i], F_SETFL, O_NONBLOCK), 0);
}

/* Larger than any tube holds; pipe and socket, blocking or not, with a storm of signals at the reader. */
START_TEST(streams_go_on)
{
	int tube[2];
	make_tube(_i, tube);
	for (size_t i = 0; i < SIZE; i++)
		expected[i] = (char)(i * 31 % 251);
	pid_t pid = support_fork(write_all, &tube[1], 20);
	close(tube[1]);
	support_storm_start(0.0002);
	read_all(tube[0]);
	support_storm_stop();
	close(tube[0]);
	support_join_ok(pid, 20);
}
END_TEST

START_TEST(peer_that_is_gone_is_an_error)
{
	int tube[2];
	make_tube(_i, tube);
	close(tube[0]);
	ck_assert_int_eq(stream_write_full(tube[1], "x", 1), -EPIPE);
	close(tube[1]);
}
END_TEST

START_TEST(pending_sigpipe_stays_the_hosts)
{
	sigset_t set;
	int tube[2];
	make_tube(0, tube);
	close(tube[0]);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ck_assert_int_eq(stream_write_full(tube[1], "x", 1), -EPIPE);
	sigpending(&set);
	ck_assert(!sigismember(&set, SIGPIPE));
	raise(SIGPIPE);
	ck_assert_int_eq(stream_write_full(tube[1], "x", 1), -EPIPE);
	sigpending(&set);
	ck_assert(sigismember(&set, SIGPIPE));
	close(tube[1]);
}
END_TEST

START_TEST(errors_come_back)
{
	char byte = 0;
	ck_assert_int_eq(stream_read_some(-1, &byte, 1), -EBADF);
	ck_assert_int_eq(stream_read_full(-1, &byte, 1), -EBADF);
	ck_assert_int_eq(stream_write_full(-1, &byte, 1), -EBADF);
	ck_assert_int_eq(stream_write_full(-1, &byte, 0), 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("base");
	TCase *buffers = support_case(suite, "buffers", 5);
	tcase_add_test(buffers, buffer_grows);
	tcase_add_test(buffers, buffer_refuses_the_impossible);
	TCase *streams = support_case(suite, "streams", 30);
	tcase_add_loop_test(streams, streams_go_on, 0, 4);
	tcase_add_loop_test(streams, peer_that_is_gone_is_an_error, 0, 2);
	tcase_add_test(streams, pending_sigpipe_stays_the_hosts);
	tcase_add_test(streams, errors_come_back);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
