/* SPDX-License-Identifier: MIT */
#include "faults.h"
#include "sample.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(calls_work_when_nothing_fails)
{
	faults_fail(0, 0);
	ck_assert(sample_calls());
	faults_off();
	ck_assert_uint_gt(faults_seen(), 20);
	ck_assert_ptr_null(faults_failed());
}
END_TEST

START_TEST(nth_call_fails_once)
{
	char byte = 0;
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	faults_fail(2, 0);
	ck_assert_int_eq(sample_read(fd, &byte, 1), 1);
	ck_assert_int_eq(sample_read(fd, &byte, 1), -1);
	ck_assert_int_eq(errno, EIO);
	ck_assert_int_eq(sample_read(fd, &byte, 1), 1);
	ck_assert_str_eq(faults_failed(), "read");
	ck_assert_uint_eq(faults_seen(), 3);
	faults_fail_from(2, ENXIO);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(sample_read(fd, &byte, 1), i ? -1 : 1);
		ck_assert(!i || errno == ENXIO);
	}
	faults_off();
	ck_assert_int_eq(sample_read(fd, &byte, 1), 1);
	close(fd);
}
END_TEST

START_TEST(names_choose_what_counts)
{
	char byte = 0;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	faults_only("malloc write");
	faults_fail(1, 0);
	ck_assert_int_eq(sample_read(fd, &byte, 1), 0);
	ck_assert_int_eq(sample_write(fd, &byte, 1), -1);
	faults_only(NULL);
	faults_except("write");
	faults_fail(1, 0);
	ck_assert_int_eq(sample_write(fd, &byte, 1), 1);
	ck_assert_int_eq(sample_read(fd, &byte, 1), -1);
	faults_off();
	close(fd);
}
END_TEST

START_TEST(short_moves)
{
	char data[8] = "abcdefg";
	uint64_t one = 1;
	int stream[2], datagram[2], tube[2], event = eventfd(0, EFD_CLOEXEC);
	ck_assert(!socketpair(AF_UNIX, SOCK_STREAM, 0, stream) && !socketpair(AF_UNIX, SOCK_SEQPACKET, 0, datagram));
	ck_assert(!pipe(tube));
	faults_short(3);
	ck_assert_int_eq(sample_write(stream[0], data, 8), 3);
	ck_assert_int_eq(sample_write(datagram[0], data, 8), 8);
	ck_assert_int_eq(sample_write(tube[1], data, 8), 3);
	ck_assert_int_eq(sample_write(event, &one, 8), 8);
	faults_short(1);
	ck_assert_int_eq(sample_read(stream[1], data, 8), 1);
	ck_assert_int_eq(sample_read(datagram[1], data, 8), 8);
	ck_assert_int_eq(sample_read(tube[0], data, 8), 1);
	ck_assert_int_eq(sample_read(event, &one, 8), 8);
	for (int i = 0; i < 2; i++) {
		close(stream[i]);
		close(datagram[i]);
		close(tube[i]);
	}
	close(event);
}
END_TEST

static void echo_once(void *context)
{
	char out[6] = "";
	int error = sample_echo("hello", out, sizeof out);
	if (error)
		ck_assert_ptr_nonnull(faults_failed());
	else
		ck_assert_str_eq(out, "hello");
	*(int *)context += 1;
}

START_TEST(each_call_fails_in_turn)
{
	int runs = 0;
	unsigned calls = faults_each(echo_once, &runs);
	ck_assert_uint_gt(calls, 10);
	/* Each run had a copy of this process. */
	ck_assert_int_eq(runs, 0);
	ck_assert_uint_eq(faults_each_plan(echo_once, &runs, &(struct faults_plan){.only = "fork", .error = ENOMEM}), 1);
}
END_TEST

START_TEST(echo_byte_by_byte)
{
	char out[6] = "";
	faults_short(1);
	ck_assert_int_eq(sample_echo("hello", out, sizeof out), 0);
	ck_assert_str_eq(out, "hello");
}
END_TEST

START_TEST(echo_in_a_storm)
{
	char out[6];
	support_storm_start(0.0001);
	for (double limit = support_now() + 0.3; support_now() < limit;) {
		ck_assert_int_eq(sample_echo("hello", out, sizeof out), 0);
		ck_assert_str_eq(out, "hello");
	}
	support_storm_stop();
	ck_assert_uint_gt(support_storm_count(), 10);
}
END_TEST

static void make_mistake(void *context)
{
	sample_mistake(*(enum sample_mistake *)context);
}

static void look_for_mistake(void *context)
{
	faults_each_plan(make_mistake, context, &(struct faults_plan){.only = "mmap", .deadline = 1});
}

static void make_false_assertion(void *context)
{
	(void)context;
	ck_assert_int_eq(sample_mistake(SAMPLE_FORGETS + 1), 0);
}

static void look_for_assertion(void *context)
{
	faults_each(make_false_assertion, context);
}

START_TEST(mistakes_are_found)
{
	support_patience(0.2);
	for (enum sample_mistake mistake = SAMPLE_LEAKS; mistake <= SAMPLE_FORGETS; mistake++)
		ck_assert_msg(support_fails(look_for_mistake, &mistake, 20), "mistake %d", (int)mistake);
	enum sample_mistake none = SAMPLE_FORGETS + 1;
	ck_assert(!support_fails(look_for_mistake, &none, 20));
	ck_assert(support_fails(look_for_assertion, NULL, 20));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("faults");
	TCase *calls = support_case(suite, "calls", 10);
	tcase_add_test(calls, calls_work_when_nothing_fails);
	tcase_add_test(calls, nth_call_fails_once);
	tcase_add_test(calls, names_choose_what_counts);
	tcase_add_test(calls, short_moves);
	TCase *scenarios = support_case(suite, "scenarios", 60);
	tcase_add_test(scenarios, each_call_fails_in_turn);
	tcase_add_test(scenarios, echo_byte_by_byte);
	tcase_add_test(scenarios, echo_in_a_storm);
	tcase_add_test(scenarios, mistakes_are_found);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
