/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"
#include "base/stream.h"
#include "faults.h"
#include "support.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void grow(void *context)
{
	(void)context;
	struct brood_buffer buffer = {0};
	for (int i = 0; i < 40; i++) {
		struct brood_buffer before = buffer;
		int error = buffer_append(&buffer, "0123456789", 10);
		if (error) {
			ck_assert_int_eq(error, -ENOMEM);
			ck_assert_str_eq(faults_failed(), "realloc");
			ck_assert_mem_eq(&buffer, &before, sizeof buffer);
		}
	}
	ck_assert_uint_ge(buffer.size, 390);
	brood_buffer_free(&buffer);
}

START_TEST(buffer_without_memory)
{
	ck_assert_uint_ge(faults_each(grow, NULL), 3);
}
END_TEST

static void converse(void *context)
{
	(void)context;
	char text[8] = "";
	int pair[2];
	ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	int error = stream_write_full(pair[0], "abcdefg", 7);
	shutdown(pair[0], SHUT_WR);
	ssize_t count = stream_read_full(pair[1], text, sizeof text);
	if (!error && count >= 0)
		ck_assert_str_eq(text, "abcdefg");
	else
		ck_assert_ptr_nonnull(faults_failed());
	close(pair[0]);
	close(pair[1]);
}

START_TEST(stream_calls_fail)
{
	faults_each(converse, NULL);
	faults_short(1);
	ck_assert_uint_gt(faults_each(converse, NULL), 14);
	/* What a signal interrupts is no failure. */
	for (unsigned n = 1; n < 20; n++) {
		faults_fail(n, EINTR);
		converse(NULL);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("base under faults");
	TCase *all = support_case(suite, "all", 30);
	tcase_add_test(all, buffer_without_memory);
	tcase_add_test(all, stream_calls_fail);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
