/* SPDX-License-Identifier: MIT */
/* Text as a terminal can show it: cut by columns, and without what would disturb it. */
#include "support.h"

#include "report/text.h"

#include <limits.h>
#include <string.h>

/* What of the text is shown in so many columns. */
static void shows(const char *text, size_t size, int columns, unsigned flags, const char *wanted, int width)
{
	for (int known = 0; known < 2; known++) {
		struct widths widths = {0};
		struct brood_buffer out = {0};
		if (known)
			widths_open(&widths);
		ck_assert_int_eq(text_show(&out, &widths, text, size, columns, flags), width);
		ck_assert_msg(out.size == strlen(wanted) && (!out.size || !memcmp(out.data, wanted, out.size)), "'%.*s' is not '%s'",
			      (int)out.size, (const char *)out.data, wanted);
		widths_close(&widths);
		brood_buffer_free(&out);
	}
}

#define SHOWS(text, columns, wanted, width) shows(text, sizeof(text) - 1, columns, 0, wanted, width)

START_TEST(text_is_cut_by_columns)
{
	SHOWS("", 5, "", 0);
	SHOWS("abc", 5, "abc", 3);
	SHOWS("abcde", 5, "abcde", 5);
	SHOWS("abcdef", 5, "abcd…", 5);
	SHOWS("abc", 1, "…", 1);
	SHOWS("abc", 0, "", 0);
	SHOWS("äöüß", 3, "äö…", 3);
}
END_TEST

START_TEST(wide_characters_take_two)
{
	SHOWS("日本語", 6, "日本語", 6);
	SHOWS("日本語", 5, "日本…", 5);
	/* Half a character cannot be shown. */
	SHOWS("日本語", 4, "日…", 3);
	SHOWS("a😀b", 4, "a😀b", 4);
	SHOWS("a😀b", 3, "a…", 2);
}
END_TEST

START_TEST(combining_characters_take_none)
{
	SHOWS("e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301", 3);
	SHOWS("e\u0301e\u0301e\u0301", 2, "e\u0301…", 2);
}
END_TEST

START_TEST(what_disturbs_is_replaced)
{
	SHOWS("a\tb\nc\rd\x7f", 20, "a␉b␊c␍d␡", 8);
	SHOWS("a\0b", 20, "a␀b", 3);
	SHOWS("\033[2J\033]0;x\a", 20, "␛[2J␛]0;x␇", 10);
	/* Bytes that are no UTF-8, a surrogate, the first half of a character; and CSI as one character. */
	SHOWS("a\xff\xfe", 20, "a\ufffd\ufffd", 3);
	SHOWS("\xed\xa0\x80", 20, "\ufffd\ufffd\ufffd", 3);
	SHOWS("a\xe6\x97", 20, "a\ufffd\ufffd", 3);
	SHOWS("\xc2\x9b" "2J", 20, "\ufffd2J", 3);
	/* Text that would be written from right to left. */
	SHOWS("a\u202eb", 20, "a\ufffd" "b", 3);
}
END_TEST

START_TEST(styles_are_kept_where_they_are_wanted)
{
	static const char text[] = "\033[1;31mred\033[0m!";
	shows(text, sizeof text - 1, 4, TEXT_STYLED, "\033[1;31mred\033[0m!\033[0m", 4);
	shows(text, sizeof text - 1, 3, TEXT_STYLED, "\033[1;31mre…\033[0m", 3);
	shows(text, sizeof text - 1, 4, TEXT_PLAIN, "red!", 4);
	shows("\033[2Jx", 5, INT_MAX, TEXT_STYLED, "␛[2Jx", 5);
	shows("\033[1", 3, INT_MAX, TEXT_STYLED, "␛[1", 3);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("text");
	TCase *all = support_case(suite, "all", 10);
	tcase_add_test(all, text_is_cut_by_columns);
	tcase_add_test(all, wide_characters_take_two);
	tcase_add_test(all, combining_characters_take_none);
	tcase_add_test(all, what_disturbs_is_replaced);
	tcase_add_test(all, styles_are_kept_where_they_are_wanted);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
