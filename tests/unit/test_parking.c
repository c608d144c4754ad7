/* SPDX-License-Identifier: MIT */
/* Descriptors that are open, and in no table, for a while. */
#include "process/parking.h"

#include "base/lineage.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int pair[2];

static void begin(void)
{
	ck_assert_int_eq(parking_open(pair), 0);
}

static void end(void)
{
	lineage_close(pair[0]);
	lineage_close(pair[1]);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* The reading ends of pipes, each of which has its number in it. */
static void fill(int fds[], int writers[], int count, int first)
{
	for (int i = 0; i < count; i++) {
		int pipe[2], number = first + i;
		ck_assert_int_eq(lineage_pipe(pipe), 0);
		ck_assert_int_eq(write(pipe[1], &number, sizeof number), sizeof number);
		fds[i] = pipe[0];
		writers[i] = pipe[1];
	}
}

START_TEST(what_is_parked_comes_back_in_order)
{
	enum { LOTS = 3 };
	int fds[LOTS][PARKING_LOT], writers[LOTS][PARKING_LOT], back[PARKING_LOT];
	const int counts[LOTS] = {PARKING_LOT, 1, 7};
	for (int lot = 0; lot < LOTS; lot++) {
		fill(fds[lot], writers[lot], counts[lot], 100 * lot);
		ck_assert_int_eq(parking_put(pair, fds[lot], (size_t)counts[lot]), 0);
		for (int i = 0; i < counts[lot]; i++)
			ck_assert(!is_open(fds[lot][i]));
	}
	for (int lot = 0; lot < LOTS; lot++) {
		ck_assert_int_eq(parking_take(pair, back), counts[lot]);
		for (int i = 0; i < counts[lot]; i++) {
			int number;
			ck_assert_int_gt(back[i], 2);
			ck_assert_int_eq(fcntl(back[i], F_GETFD), FD_CLOEXEC);
			ck_assert_int_eq(read(back[i], &number, sizeof number), sizeof number);
			ck_assert_int_eq(number, 100 * lot + i);
			lineage_close(back[i]);
			lineage_close(writers[lot][i]);
		}
	}
	ck_assert_int_eq(parking_take(pair, back), -EAGAIN);
}
END_TEST

/* A pipe whose reader is parked has one. */
START_TEST(what_is_parked_is_open)
{
	int fd, writer, back[PARKING_LOT];
	fill(&fd, &writer, 1, 0);
	ck_assert_int_eq(parking_put(pair, &fd, 1), 0);
	ck_assert_int_eq(write(writer, "x", 1), 1);
	ck_assert_int_eq(parking_take(pair, back), 1);
	lineage_close(back[0]);
	lineage_close(writer);
}
END_TEST

START_TEST(what_cannot_be_parked_stays)
{
	int fd, writer;
	fill(&fd, &writer, 1, 0);
	const int fds[] = {fd, -1};
	ck_assert_int_eq(parking_put(pair, fds, 2), -EBADF);
	ck_assert(is_open(fd));
	lineage_close(fd);
	lineage_close(writer);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("parking");
	TCase *tests = support_case(suite, "parking", 30);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, what_is_parked_comes_back_in_order);
	tcase_add_test(tests, what_is_parked_is_open);
	tcase_add_test(tests, what_cannot_be_parked_stays);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
