/* SPDX-License-Identifier: MIT */
/* The display of a pool's work: on a terminal, in its background, and elsewhere. Most tests are their own pool, with a clock
   that they move. */
#include "pool.h"
#include "screen.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

static struct terminal terminal;
static struct brood_reporter *reporter;
static double now;
static size_t total;

static void tell(brood_report_fn *function, struct brood_event event)
{
	event.time = now;
	event.total = total;
	function(reporter->context, &event);
}

static void begin_pool(size_t count)
{
	now = 1000;
	total = count;
	tell(reporter->init, (struct brood_event){.worker = -1});
}

static void begin_display(int columns, int rows, size_t count)
{
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	terminal_open(&terminal, columns, rows);
	ck_assert_int_eq(brood_terminal_reporter(&reporter, terminal.stream), 0);
	begin_pool(count);
}

static void begin_item(int worker, size_t index, const char *text)
{
	tell(reporter->begin, (struct brood_event){.worker = worker, .index = index, .item = bytes_of(text)});
}

static void succeed(int worker, size_t index, double seconds)
{
	const struct brood_result result = {.outcome = BROOD_SUCCESS, .index = index, .attempts = 1, .seconds = seconds,
		.worker = worker};
	tell(reporter->success, (struct brood_event){.worker = worker, .index = index, .item = bytes_of("done"), .result = &result});
}

static void fail_item(int worker, size_t index, enum brood_outcome outcome)
{
	const struct brood_failure failure = {.type = "Odd", .message = "a\033[2J", .traceback = "#0 odd at odd.c:1\n#1 main",
		.code = 3, .output = ""};
	const struct brood_result result = {.outcome = outcome, .index = index, .attempts = 2, .seconds = 0.25, .worker = worker,
		.failure = &failure};
	tell(reporter->fail, (struct brood_event){.worker = worker, .index = index, .item = bytes_of("bad"), .result = &result});
}

static struct screen *tick(double seconds)
{
	now += seconds;
	tell(reporter->tick, (struct brood_event){.worker = -1});
	return terminal_look(&terminal);
}

static void end_pool(void)
{
	tell(reporter->cleanup, (struct brood_event){.worker = -1});
}

static void end_display(void)
{
	brood_reporter_free(reporter);
	terminal_look(&terminal);
	ck_assert_int_eq(terminal.screen.odd, 0);
	terminal_close(&terminal);
}

/* But where nobody ticks, whatever happens is an occasion. */
START_TEST(what_is_over_is_drawn_with_what_follows)
{
	begin_display(60, 10, 8);
	begin_item(0, 0, "one");
	SCREEN_IS(tick(0.6), "0/8 done, 0 failed, 1 running, 0s", "     0s  one");
	now += 0.15;
	succeed(0, 0, 1);
	SCREEN_IS(terminal_look(&terminal), "0/8 done, 0 failed, 1 running, 0s", "     0s  one");
	begin_item(0, 1, "two");
	SCREEN_IS(terminal_look(&terminal), "0/8 done, 0 failed, 1 running, 0s", "     0s  one");
	ck_assert_str_eq(screen_row(tick(0), 1), "     0s  two");
	now += 1;
	succeed(0, 1, 1);
	ck_assert_str_eq(screen_row(terminal_look(&terminal), 1), "      -");
	end_pool();
	end_display();
}
END_TEST

START_TEST(rows_show_what_goes_on)
{
	begin_display(60, 10, 8);
	begin_item(0, 0, "one");
	begin_item(1, 1, "tw\033o");
	/* Not yet. */
	SCREEN_IS(tick(0.4), NULL);
	SCREEN_IS(tick(0.2), "0/8 done, 0 failed, 2 running, 0s", "     0s  one", "     0s  tw␛o");
	succeed(0, 0, 1);
	begin_item(0, 2, "three");
	/* Not so often. */
	SCREEN_IS(tick(0.05), "0/8 done, 0 failed, 2 running, 0s", "     0s  one", "     0s  tw␛o");
	SCREEN_IS(tick(3.35), "1/8 done, 0 failed, 2 running, 15.0/min, ETA 28s, 4s", "     3s  three", "     4s  tw␛o");
	fail_item(1, 1, BROOD_FAIL);
	SCREEN_IS(tick(1), "failed: bad, after 0.25 s and 2 attempts: Odd: a␛[2J (exit c", "ode 3); #0 odd at odd.c:1",
		  "2/8 done, 1 failed, 1 running, 24.0/min, ETA 15s, 5s", "     4s  three", "      -");
	/* It goes, and comes back in its time. */
	brood_reporter_hide(reporter);
	terminal_print(&terminal, "a word\n");
	SCREEN_IS(tick(0), "failed: bad, after 0.25 s and 2 attempts: Odd: a␛[2J (exit c", "ode 3); #0 odd at odd.c:1", "a word");
	tick(0.1);
	ck_assert_str_eq(screen_row(&terminal.screen, 4), "     4s  three");
	end_pool();
	SCREEN_IS(terminal_look(&terminal), "failed: bad, after 0.25 s and 2 attempts: Odd: a␛[2J (exit c",
		  "ode 3); #0 odd at odd.c:1", "a word", "2 of 8 items done, 1 failed, in 5.1 s");
	end_display();
}
END_TEST

START_TEST(a_short_run_leaves_no_trace)
{
	begin_display(60, 10, 2);
	begin_item(0, 0, "one");
	succeed(0, 0, 0.1);
	tick(0.3);
	end_pool();
	end_display();
	ck_assert_uint_eq(terminal.bytes, 0);
}
END_TEST

START_TEST(where_rows_are_few_the_longest_are_shown)
{
	begin_display(20, 4, 0);
	for (int i = 0; i < 9; i++) {
		char text[32];
		snprintf(text, sizeof text, "the item %d of many", i);
		now += 1;
		begin_item(8 - i, (size_t)i, text);
	}
	SCREEN_IS(tick(1), "0 done, 0 failed, …", "     9s  the item …", "     8s  the item …");
	for (int height = 1; height <= 5; height++) {
		terminal_resize(&terminal, 20, height);
		tick(1);
		for (int i = 0; i < 5; i++)
			tick(0.1);
		ck_assert_int_le(terminal.screen.scrolled, 1);
		ck_assert_str_eq(screen_row(&terminal.screen, 0), height == 1 ? "" : "0 done, 0 failed, …");
		ck_assert_str_eq(screen_row(&terminal.screen, height - 1), "");
	}
	end_display();
}
END_TEST

START_TEST(the_end_names_what_was_slow_and_what_scrolled_away)
{
	begin_display(60, 6, 20);
	for (size_t i = 0; i < 20; i++) {
		begin_item(0, i, "item");
		if (i < 13)
			fail_item(0, i, i ? BROOD_ABORT : BROOD_CANCELED);
		else
			succeed(0, i, (double)i);
		tick(1);
	}
	terminal_resize(&terminal, 150, 40);
	screen_begin(&terminal.screen, 150, 40);
	end_pool();
	static const char again[] = "failed: bad, after 0.25 s and 2 attempts: Odd: a␛[2J (exit code 3); #0 odd at odd.c:1";
	struct screen *screen = terminal_look(&terminal);
	ck_assert_str_eq(screen_row(screen, 0), "20 items done, 12 failed, 1 canceled, in 20.0 s");
	ck_assert_str_eq(screen_row(screen, 1), "slowest: 19.0 s  done");
	ck_assert_str_eq(screen_row(screen, 3), "         17.0 s  done");
	/* On a terminal of 40 rows they have not. */
	ck_assert_str_eq(screen_row(screen, 4), "");
	/* Once more, on one of 6. */
	begin_pool(20);
	for (size_t i = 0; i < 12; i++)
		fail_item(0, i, BROOD_FAIL);
	tick(1);
	terminal_resize(&terminal, 150, 6);
	end_pool();
	screen = terminal_look(&terminal);
	ck_assert_str_eq(screen_row(screen, 3), again);
	ck_assert_str_eq(screen_row(screen, 4), "and 2 more");
	end_display();
}
END_TEST

START_TEST(rate_is_that_of_late)
{
	begin_display(60, 6, 1000);
	/* Slow at first, then ten a second. */
	tick(100);
	for (size_t i = 0; i < 400; i++) {
		succeed(0, i, 0.1);
		tick(0.1);
	}
	const char *row = screen_row(&terminal.screen, 0);
	ck_assert_msg(strstr(row, "10.0/s, ETA 1:00") || strstr(row, "10/s, ETA 1:00") || strstr(row, "10/s, ETA 59s"), "%s", row);
	end_display();
}
END_TEST

/* All that is written, without a terminal. */
static char *plain_text(const struct brood_display *with, void (*work)(void))
{
	char *text;
	size_t size;
	struct brood_display display = *with;
	display.stream = open_memstream(&text, &size);
	ck_assert_int_eq(brood_display_reporter(&reporter, &display), 0);
	work();
	brood_reporter_hide(reporter);
	brood_reporter_free(reporter);
	fclose(display.stream);
	return text;
}

static void work_well(void)
{
	begin_pool(2);
	begin_item(0, 0, "one");
	now += 20;
	tell(reporter->tick, (struct brood_event){.worker = -1});
	succeed(0, 0, 20);
	end_pool();
}

static void work_long(void)
{
	begin_pool(2);
	for (int i = 0; i < 100; i++) {
		now += 1;
		tell(reporter->tick, (struct brood_event){.worker = -1});
	}
	fail_item(0, 0, BROOD_FAIL);
	end_pool();
}

START_TEST(without_a_terminal_there_are_lines)
{
	setenv("TERM", "xterm", 1);
	char *text = plain_text(BROOD_DISPLAY(0), work_well);
	ck_assert_str_eq(text, "");
	free(text);
	text = plain_text(BROOD_DISPLAY(.keep_alive = 40, .item = "job"), work_long);
	ck_assert_str_eq(text, "0/2 done, 0 failed, 0 running, 40s\n"
			       "0/2 done, 0 failed, 0 running, 1:20\n"
			       "failed: bad, after 0.25 s and 2 attempts: Odd: a␛[2J (exit code 3); #0 odd at odd.c:1\n"
			       "1 of 2 jobs done, 1 failed, in 100.0 s\n");
	free(text);
	/* Rows where they are asked for. */
	text = plain_text(BROOD_DISPLAY(.flags = BROOD_DISPLAY_LIVE), work_well);
	ck_assert(strstr(text, "\033[J0/2 done"));
	free(text);
}
END_TEST

START_TEST(a_dumb_terminal_gets_lines)
{
	static const char *const names[] = {"dumb", "", NULL};
	for (size_t i = 0; i < 3; i++) {
		if (names[i])
			setenv("TERM", names[i], 1);
		else
			unsetenv("TERM");
		terminal_open(&terminal, 60, 10);
		ck_assert_int_eq(brood_terminal_reporter(&reporter, terminal.stream), 0);
		begin_pool(3);
		fail_item(0, 0, BROOD_ABORT);
		tick(1);
		SCREEN_IS(tick(40), "failed: bad, after 0.25 s and 2 attempts: Odd: a␛[2J (exit c", "ode 3); #0 odd at odd.c:1",
			  "1/3 done, 1 failed, 0 running, 1.5/min, ETA 1:22, 41s");
		ck_assert_int_eq(terminal.screen.styles, 0);
		end_display();
	}
}
END_TEST

/* The terminal's own session, with somebody else in its foreground. */
static void live_in_the_background(void *context)
{
	(void)context;
	signal(SIGTTOU, SIG_IGN);
	/* It leads the session of a terminal that is closed. */
	signal(SIGHUP, SIG_IGN);
	ck_assert_int_gt(setsid(), 0);
	begin_display(60, 10, 3);
	ck_assert_int_eq(ioctl(terminal.slave, TIOCSCTTY, 0), 0);
	SCREEN_IS(tick(1), "0/3 done, 0 failed, 0 running, 1s");
	pid_t other = fork();
	if (!other) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(other, other);
	ck_assert_int_eq(tcsetpgrp(terminal.slave, other), 0);
	terminal_print(&terminal, "$ ");
	const size_t before = (terminal_look(&terminal), terminal.bytes);
	tick(1);
	brood_reporter_hide(reporter);
	tick(1);
	ck_assert_uint_eq(terminal.bytes, before);
	/* A line that stays is printed all the same, as any program would. */
	fail_item(0, 1, BROOD_FAIL);
	tick(1);
	ck_assert_ptr_nonnull(strstr(screen_row(&terminal.screen, 0), "$ failed: bad"));
	ck_assert_int_eq(tcsetpgrp(terminal.slave, getpgrp()), 0);
	terminal_print(&terminal, "fg\n");
	tick(1);
	ck_assert_ptr_nonnull(strstr(screen_row(&terminal.screen, 3), "1/3 done, 1 failed, 0 running, "));
	kill(other, SIGKILL);
	support_join(other, 5);
	end_display();
}

START_TEST(nothing_is_drawn_in_the_background)
{
	support_join_ok(support_fork(live_in_the_background, NULL, 10), 10);
}
END_TEST

static int work(brood_task *task, void *context)
{
	(void)context;
	support_sleep(0.3);
	dprintf(STDERR_FILENO, "word %zu ", brood_index(task));
	dprintf(STDERR_FILENO, "ends\n");
	if (brood_index(task) == 1)
		return brood_fail(task, 2, "Odd", "one");
	return 0;
}

/* A pool of its own, whose workers' stderr is the terminal, which is made narrow while it runs. */
static void show_a_pool(void *context)
{
	/* With room for what the end says of items that were slow. */
	enum { ROWS = 20 };
	(void)context;
	setenv("TERM", "xterm", 1);
	terminal_open(&terminal, 60, ROWS);
	dup2(terminal.slave, STDERR_FILENO);
	ck_assert_int_eq(brood_terminal_reporter(&reporter, NULL), 0);
	brood_pool *pool = pool_with(work, NULL, BROOD_OPTIONS(.workers = 2, .reporter = reporter));
	ck_assert_int_eq(brood_pool_process(pool, NULL, 6), 0);
	bool drawn = strstr(screen_row(terminal_look(&terminal), 1), "Odd: one") != NULL;
	for (int y = 0; y < ROWS; y++)
		drawn |= strstr(screen_row(&terminal.screen, y), "/6 done, ") != NULL;
	ck_assert(drawn);
	terminal_resize(&terminal, 25, ROWS);
	brood_pool_free(pool);
	brood_reporter_free(reporter);
	terminal_look(&terminal);
	int words = 0;
	for (int y = 0; y < ROWS; y++) {
		const char *row = screen_row(&terminal.screen, y);
		words += strstr(row, "word ") == row && strlen(row) == strlen("word 0 ends") && strstr(row, " ends");
		ck_assert_msg(!strstr(row, "running"), "%s", row);
	}
	ck_assert_int_eq(words, 6);
	ck_assert_int_eq(terminal.screen.odd, 0);
	terminal_close(&terminal);
}

START_TEST(a_pool_is_shown)
{
	int saved = dup(STDERR_FILENO);
	show_a_pool(NULL);
	dup2(saved, STDERR_FILENO);
	close(saved);
}
END_TEST

START_TEST(bad_use_is_refused)
{
	ck_assert_int_eq(brood_terminal_reporter(NULL, stderr), -EINVAL);
	ck_assert_int_eq(brood_display_reporter(&reporter, BROOD_DISPLAY(.flags = 3)), -EINVAL);
	ck_assert_int_eq(brood_display_reporter(&reporter, BROOD_DISPLAY(.flags = 4)), -EINVAL);
	ck_assert_int_eq(brood_display_reporter(&reporter, &(const struct brood_display){0}), -EINVAL);
	struct brood_reporter mine = {.size = sizeof mine};
	brood_reporter_hide(&mine);
	brood_reporter_hide(NULL);
	ck_assert_int_eq(brood_display_reporter(&reporter, NULL), 0);
	brood_reporter_free(reporter);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("display");
	TCase *all = support_case(suite, "all", 30);
	tcase_add_test(all, rows_show_what_goes_on);
	tcase_add_test(all, what_is_over_is_drawn_with_what_follows);
	tcase_add_test(all, a_short_run_leaves_no_trace);
	tcase_add_test(all, where_rows_are_few_the_longest_are_shown);
	tcase_add_test(all, the_end_names_what_was_slow_and_what_scrolled_away);
	tcase_add_test(all, rate_is_that_of_late);
	tcase_add_test(all, without_a_terminal_there_are_lines);
	tcase_add_test(all, a_dumb_terminal_gets_lines);
	tcase_add_test(all, nothing_is_drawn_in_the_background);
	tcase_add_test(all, a_pool_is_shown);
	tcase_add_test(all, bad_use_is_refused);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
