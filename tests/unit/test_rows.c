/* SPDX-License-Identifier: MIT */
/* Rows of a terminal that change in place, as the screen shows them. */
#include "support.h"

#include "screen.h"

#include <brood.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct terminal terminal;
static brood_rows *rows;

static void begin(int columns, int height)
{
	setenv("NO_COLOR", "", 1);
	terminal_open(&terminal, columns, height);
	ck_assert_int_eq(brood_rows_new(&rows, terminal.stream), 0);
}

static void set(int64_t id, const char *text)
{
	ck_assert_int_eq(brood_rows_set(rows, id, text), 0);
}

static struct screen *draw(void)
{
	ck_assert_int_eq(brood_rows_draw(rows), 0);
	return terminal_look(&terminal);
}

static void end(void)
{
	brood_rows_free(rows);
	terminal_look(&terminal);
	ck_assert_int_eq(terminal.screen.odd, 0);
	terminal_close(&terminal);
}

START_TEST(rows_change_in_place)
{
	begin(20, 6);
	terminal_print(&terminal, "$ program\n");
	set(1, "one");
	set(2, "two");
	/* Nothing yet. */
	SCREEN_IS(terminal_look(&terminal), "$ program");
	SCREEN_IS(draw(), "$ program", "one", "two");
	/* The cursor stands where the rows begin. */
	ck_assert(terminal.screen.y == 1 && !terminal.screen.x);
	set(1, "1");
	set(3, "three");
	SCREEN_IS(draw(), "$ program", "1", "two", "three");
	ck_assert_int_eq(brood_rows_delete(rows, 2), 0);
	ck_assert_int_eq(brood_rows_delete(rows, 2), -ENOENT);
	SCREEN_IS(draw(), "$ program", "1", "three");
	/* A line that stays. */
	ck_assert_int_eq(brood_rows_print(rows, "failed"), 0);
	SCREEN_IS(draw(), "$ program", "failed", "1", "three");
	ck_assert_int_eq(brood_rows_hide(rows), 0);
	SCREEN_IS(terminal_look(&terminal), "$ program", "failed");
	SCREEN_IS(draw(), "$ program", "failed", "1", "three");
	ck_assert_int_eq(terminal.screen.styles, 0);
	brood_rows_free(rows);
	SCREEN_IS(terminal_look(&terminal), "$ program", "failed");
	terminal_close(&terminal);
}
END_TEST

START_TEST(each_draw_is_one_write)
{
	begin(40, 20);
	for (int i = 0; i < 15; i++)
		set(i, "some text in a row");
	for (size_t i = 1; i < 4; i++) {
		draw();
		ck_assert_uint_eq(terminal.writes, i);
	}
	end();
}
END_TEST

START_TEST(what_others_print_stays)
{
	begin(20, 6);
	set(1, "one of us");
	set(2, "two");
	draw();
	/* A line is above the rows then; a part of one too, and the rest of the row that it is in is erased. */
	terminal_print(&terminal, "a line of theirs\n");
	SCREEN_IS(draw(), "a line of theirs", "one of us", "two");
	terminal_print(&terminal, "part");
	SCREEN_IS(draw(), "a line of theirs", "part", "one of us", "two");
	terminal_print(&terminal, "twenty columns wide.");
	SCREEN_IS(draw(), "a line of theirs", "part", "twenty columns wide.", "one of us", "two");
	end();
}
END_TEST

START_TEST(any_size_will_do)
{
	char text[32];
	for (int height = 1; height <= 5; height++) {
		begin(20, height);
		for (int i = 0; i < 10; i++) {
			snprintf(text, sizeof text, "row %d", i);
			set(i, text);
		}
		int columns;
		ck_assert_int_eq(brood_rows_fit(rows, &columns), height - 1);
		ck_assert_int_eq(columns, 19);
		terminal_print(&terminal, "above\n");
		for (int round = 0; round < 5; round++)
			draw();
		for (int i = 0; i < height - 1; i++) {
			snprintf(text, sizeof text, "row %d", i);
			ck_assert_str_eq(screen_row(&terminal.screen, i + 1 - terminal.screen.scrolled), text);
		}
		/* Drawing again and again scrolls nothing. */
		ck_assert_int_le(terminal.screen.scrolled, 1);
		end();
	}
	begin(1, 3);
	set(1, "one");
	draw();
	end();
}
END_TEST

START_TEST(long_rows_are_cut)
{
	begin(20, 5);
	set(1, "0123456789012345678");
	set(2, "01234567890123456789");
	set(3, "日本語日本語日本語日本語");
	set(4, "e\u0301\033[2J\xff\n and more text");
	SCREEN_IS(draw(), "0123456789012345678", "012345678901234567…", "日本語日本語日本語…", "e\u0301␛[2J\ufffd␊ and more t…");
	end();
}
END_TEST

START_TEST(a_resize_leaves_nothing_behind)
{
	begin(60, 10);
	set(1, "a row that is longer than the terminal will be");
	set(2, "another row that is longer than the terminal will be");
	set(3, "three");
	terminal_print(&terminal, "above\n");
	draw();
	terminal_resize(&terminal, 20, 10);
	SCREEN_IS(draw(), "above", "a row that is long…", "another row that i…", "three");
	terminal_resize(&terminal, 20, 3);
	SCREEN_IS(draw(), "above", "a row that is long…", "another row that i…");
	terminal_resize(&terminal, 60, 10);
	SCREEN_IS(draw(), "above", "a row that is longer than the terminal will be",
		  "another row that is longer than the terminal will be", "three");
	end();
}
END_TEST

START_TEST(a_terminal_that_takes_nothing_holds_nobody_up)
{
	char text[512];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	begin(190, 40);
	for (int i = 0; i < 39; i++)
		set(i, text);
	const double before = support_now();
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(brood_rows_draw(rows), 0);
	/* Lines that stay are kept, but not without end; and that is waited for once. */
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(brood_rows_print(rows, text), 0);
	ck_assert_double_le(support_now() - before, support_scale(4));
	terminal_look(&terminal);
	draw();
	draw();
	ck_assert(screen_row(&terminal.screen, 38)[0] == 'x');
	end();
}
END_TEST

START_TEST(colours_are_kept_unless_no_color_is_set)
{
	for (int i = 0; i < 2; i++) {
		terminal_open(&terminal, 20, 5);
		setenv("NO_COLOR", i ? "1" : "", 1);
		ck_assert_int_eq(brood_rows_new(&rows, terminal.stream), 0);
		set(1, "\033[1;31mred\033[0m");
		SCREEN_IS(draw(), "red");
		ck_assert_int_eq(terminal.screen.styles > 0, !i);
		end();
	}
}
END_TEST

START_TEST(bad_use_is_refused)
{
	ck_assert_int_eq(brood_rows_new(NULL, stderr), -EINVAL);
	ck_assert_int_eq(brood_rows_set(NULL, 1, ""), -EINVAL);
	ck_assert_int_eq(brood_rows_draw(NULL), -EINVAL);
	begin(20, 5);
	ck_assert_int_eq(brood_rows_set(rows, 1, NULL), -EINVAL);
	ck_assert_int_eq(brood_rows_print(rows, NULL), -EINVAL);
	end();
	brood_rows_free(NULL);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("rows");
	TCase *all = support_case(suite, "all", 20);
	tcase_add_test(all, rows_change_in_place);
	tcase_add_test(all, each_draw_is_one_write);
	tcase_add_test(all, what_others_print_stays);
	tcase_add_test(all, any_size_will_do);
	tcase_add_test(all, long_rows_are_cut);
	tcase_add_test(all, a_resize_leaves_nothing_behind);
	tcase_add_test(all, a_terminal_that_takes_nothing_holds_nobody_up);
	tcase_add_test(all, colours_are_kept_unless_no_color_is_set);
	tcase_add_test(all, bad_use_is_refused);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
