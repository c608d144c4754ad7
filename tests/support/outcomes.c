/* SPDX-License-Identifier: MIT */
/* Not a test: each way in which one can end, for the test of the script that counts. */
#include "support.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

START_TEST(passes)
{
}
END_TEST

START_TEST(fails)
{
	ck_abort_msg("two\nok 7 - lines");
}
END_TEST

START_TEST(crashes)
{
	raise(SIGSEGV);
}
END_TEST

START_TEST(exits)
{
	exit(3);
}
END_TEST

START_TEST(hangs)
{
	for (;;)
		pause();
}
END_TEST

START_TEST(skips)
{
	support_skip("there is no %s", "moon");
}
END_TEST

START_TEST(leaves_a_child)
{
	support_patience(0.1);
	if (!fork()) {
		support_sleep(60);
		_exit(0);
	}
}
END_TEST

START_TEST(kills_the_runner)
{
	if (getenv("KILL_THE_RUNNER"))
		kill(getppid(), SIGKILL);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("outcomes");
	TCase *all = support_case(suite, "all", 1);
	tcase_add_test(all, passes);
	tcase_add_test(all, fails);
	tcase_add_test(all, crashes);
	tcase_add_test(all, exits);
	tcase_add_test(all, hangs);
	tcase_add_test(all, skips);
	tcase_add_test(all, leaves_a_child);
	tcase_add_test(all, kills_the_runner);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
