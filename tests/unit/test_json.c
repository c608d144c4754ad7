/* SPDX-License-Identifier: MIT */
#include "allocation.h"
#include "sample.h"
#include "support.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct brood_bytes text_of(const char *text)
{
	return (struct brood_bytes){text, strlen(text)};
}

static bool equal(const struct brood_buffer *buffer, struct brood_bytes bytes)
{
	return buffer->size == bytes.size && (!bytes.size || !memcmp(buffer->data, bytes.data, bytes.size));
}

static void reads(struct brood_bytes text, struct brood_bytes value)
{
	struct brood_buffer out = {0};
	int error = brood_value_from_json(sample_guarded(text), &out);
	ck_assert_msg(!error, "%.*s: %d", (int)text.size, (const char *)text.data, error);
	ck_assert_msg(equal(&out, value), "%.*s", (int)text.size, (const char *)text.data);
	brood_buffer_free(&out);
}

static void refuses(struct brood_bytes text, int error)
{
	struct brood_buffer out = {0};
	brood_pack_bool(&out, true);
	struct brood_buffer before = out;
	int got = brood_value_from_json(sample_guarded(text), &out);
	ck_assert_msg(got == error, "%.*s: %d", (int)text.size, (const char *)text.data, got);
	ck_assert(sample_same(&out, &before) && out.data[0] == 0xc3);
	brood_buffer_free(&out);
}

static void writes(struct brood_bytes value, const char *text)
{
	struct brood_buffer out = {0};
	ck_assert_int_eq(brood_value_to_json(sample_guarded(value), &out), 0);
	ck_assert_msg(equal(&out, text_of(text)), "%.*s instead of %s", (int)out.size, (char *)out.data, text);
	brood_buffer_free(&out);
}

/* Both ways. */
static void pairs(struct brood_bytes value, const char *text)
{
	writes(value, text);
	reads(text_of(text), value);
}

START_TEST(plain_values)
{
	pairs(BYTES("\xc0"), "null");
	pairs(BYTES("\xc2"), "false");
	pairs(BYTES("\xc3"), "true");
	pairs(BYTES("\x00"), "0");
	pairs(BYTES("\xff"), "-1");
	pairs(BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), "18446744073709551615");
	pairs(BYTES("\xcf\x80\0\0\0\0\0\0\0"), "9223372036854775808");
	pairs(BYTES("\xd3\x80\0\0\0\0\0\0\0"), "-9223372036854775808");
	pairs(BYTES("\xcf\0\x20\0\0\0\0\0\1"), "9007199254740993");
	pairs(BYTES("\xa0"), "\"\"");
	pairs(BYTES("\x90"), "[]");
	pairs(BYTES("\x80"), "{}");
	pairs(BYTES("\x93\x01\x92\xa1x\xc0\x80"), "[1,[\"x\",null],{}]");
	pairs(BYTES("\x82\xa1""a\x01\xa0\x91\xc2"), "{\"a\":1,\"\":[false]}");
	pairs(BYTES("\x82\xa1""a\x01\xa1""a\x02"), "{\"a\":1,\"a\":2}");
}
END_TEST

START_TEST(strings)
{
	pairs(BYTES("\xa8\"\\\b\f\n\r\t\x7f"), "\"\\\"\\\\\\b\\f\\n\\r\\t\x7f\"");
	pairs(BYTES("\xa3\0\x01\x1f"), "\"\\u0000\\u0001\\u001f\"");
	pairs(BYTES("\xab/\xc2\x80\xe2\x82\xac\xf4\x8f\xbf\xbf\x20"), "\"/\xc2\x80\xe2\x82\xac\xf4\x8f\xbf\xbf \"");
	reads(BYTES("\"\\/\\u0041\\u00e9\\u20AC\\uD83d\\uDE00\\u0000\""), BYTES("\xac/A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\0"));
	reads(BYTES("\"\\uD800\\uDC00\\uDBFF\\uDFFF\\uFFFF\\uFFFE\""), BYTES("\xae\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xef\xbf\xbf\xef\xbf\xbe"));
	/* Not UTF-8: stray, cut short, overlong, surrogates, above 10FFFF. */
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc3", "\xc3(", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
		"\xe2\x82", "\xe2\x28\xa1", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x98",
		"\xff", "\xfe", "\xf8\x88\x80\x80\x80", "plain until here\xe9", "\xc3\\u00a9", "12345678\x80",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[64];
		snprintf(text, sizeof text, "\"%s\"", bad[i]);
		refuses(text_of(text), -EBADMSG);
		snprintf(text, sizeof text, "{\"%s\":1}", bad[i]);
		refuses(text_of(text), -EBADMSG);
	}
}
END_TEST

START_TEST(what_json_has_no_form_for)
{
	pairs(BYTES("\xc4\0"), "{\"$bin\":\"\"}");
	pairs(BYTES("\xc4\1\xff"), "{\"$bin\":\"/w==\"}");
	pairs(BYTES("\xc4\2\xfb\xef"), "{\"$bin\":\"++8=\"}");
	pairs(BYTES("\xc4\3\0\1\2"), "{\"$bin\":\"AAEC\"}");
	pairs(BYTES("\xa1\xff"), "{\"$str\":\"/w==\"}");
	pairs(BYTES("\xc7\0\x05"), "{\"$ext\":[5,\"\"]}");
	pairs(BYTES("\xd4\x80\xff"), "{\"$ext\":[-128,\"/w==\"]}");
	pairs(BYTES("\xd5\x7f\xfb\xef"), "{\"$ext\":[127,\"++8=\"]}");
	pairs(BYTES("\xc7\3\xff\0\1\2"), "{\"$ext\":[-1,\"AAEC\"]}");
	pairs(BYTES("\xcb\x7f\xf8\0\0\0\0\0\0"), "{\"$double\":\"nan\"}");
	pairs(BYTES("\xcb\x7f\xf0\0\0\0\0\0\0"), "{\"$double\":\"inf\"}");
	pairs(BYTES("\xcb\xff\xf0\0\0\0\0\0\0"), "{\"$double\":\"-inf\"}");
	pairs(BYTES("\x81\x01\x02"), "{\"$map\":[[1,2]]}");
	pairs(BYTES("\x82\xa1""a\x01\x90\x80"), "{\"$map\":[[\"a\",1],[[],{}]]}");
	pairs(BYTES("\x81\xa1\xff\x02"), "{\"$map\":[[{\"$str\":\"/w==\"},2]]}");
	pairs(BYTES("\x81\x81\x01\x02\x81\xc0\xc4\0"), "{\"$map\":[[{\"$map\":[[1,2]]},{\"$map\":[[null,{\"$bin\":\"\"}]]}]]}");
	/* Maps that look like one of these, and maps that do not quite. */
	pairs(BYTES("\x81\xa4$bin\xa0"), "{\"$map\":[[\"$bin\",\"\"]]}");
	pairs(BYTES("\x81\xa4$str\x01"), "{\"$map\":[[\"$str\",1]]}");
	pairs(BYTES("\x81\xa4$ext\x90"), "{\"$map\":[[\"$ext\",[]]]}");
	pairs(BYTES("\x81\xa7$double\xa3nan"), "{\"$map\":[[\"$double\",\"nan\"]]}");
	pairs(BYTES("\x81\xa4$map\x90"), "{\"$map\":[[\"$map\",[]]]}");
	pairs(BYTES("\x82\xa4$bin\xa0\xa4$bin\xa0"), "{\"$bin\":\"\",\"$bin\":\"\"}");
	pairs(BYTES("\x82\xa1""a\x01\xa4$map\x90"), "{\"a\":1,\"$map\":[]}");
	pairs(BYTES("\x81\xa5$bin \xa0"), "{\"$bin \":\"\"}");
	pairs(BYTES("\x81\xa1""a\x81\xa1""b\x81\x01\x81\xa1""c\x01"), "{\"a\":{\"b\":{\"$map\":[[1,{\"c\":1}]]}}}");
	reads(BYTES(" { \"\\u0024bin\" : \"\" } "), BYTES("\xc4\0"));
	reads(BYTES("{\"$map\":[]}"), BYTES("\x80"));
	reads(BYTES("{\"$map\":[[\"a\",1]]}"), BYTES("\x81\xa1""a\x01"));
	reads(BYTES("{\"$str\":\"YQ==\"}"), BYTES("\xa1""a"));
	/* Those that only resemble are maps. */
	reads(BYTES("{\"$bin\":1}"), BYTES("\x81\xa4$bin\x01"));
	reads(BYTES("{\"$bin\":\"A\"}"), BYTES("\x81\xa4$bin\xa1""A"));
	reads(BYTES("{\"$bin\":\"AA==AA==\"}"), BYTES("\x81\xa4$bin\xa8""AA==AA=="));
	reads(BYTES("{\"$bin\":\"AB==\"}"), BYTES("\x81\xa4$bin\xa4""AB=="));
	reads(BYTES("{\"$bin\":\"AAB=\"}"), BYTES("\x81\xa4$bin\xa4""AAB="));
	reads(BYTES("{\"$bin\":\"A===\"}"), BYTES("\x81\xa4$bin\xa4""A==="));
	reads(BYTES("{\"$bin\":\"AA=A\"}"), BYTES("\x81\xa4$bin\xa4""AA=A"));
	reads(BYTES("{\"$bin\":\"AA-_\"}"), BYTES("\x81\xa4$bin\xa4""AA-_"));
	reads(BYTES("{\"$str\":{\"$map\":[]}}"), BYTES("\x81\xa4$str\x80"));
	reads(BYTES("{\"$double\":\"NaN\"}"), BYTES("\x81\xa7$double\xa3NaN"));
	reads(BYTES("{\"$double\":1.5}"), BYTES("\x81\xa7$double\xcb\x3f\xf8\0\0\0\0\0\0"));
	reads(BYTES("{\"$ext\":[128,\"\"]}"), BYTES("\x81\xa4$ext\x92\xcc\x80\xa0"));
	reads(BYTES("{\"$ext\":[-129,\"\"]}"), BYTES("\x81\xa4$ext\x92\xd1\xff\x7f\xa0"));
	reads(BYTES("{\"$ext\":[1.0,\"\"]}"), BYTES("\x81\xa4$ext\x92\xcb\x3f\xf0\0\0\0\0\0\0\xa0"));
	reads(BYTES("{\"$ext\":[1,2]}"), BYTES("\x81\xa4$ext\x92\x01\x02"));
	reads(BYTES("{\"$ext\":[1,\"A\"]}"), BYTES("\x81\xa4$ext\x92\x01\xa1""A"));
	reads(BYTES("{\"$ext\":[1,\"\",0]}"), BYTES("\x81\xa4$ext\x93\x01\xa0\x00"));
	reads(BYTES("{\"$map\":[[1,2],[3]]}"), BYTES("\x81\xa4$map\x92\x92\x01\x02\x91\x03"));
	reads(BYTES("{\"$map\":[[1,2],3]}"), BYTES("\x81\xa4$map\x92\x92\x01\x02\x03"));
	reads(BYTES("{\"$map\":[{\"a\":1,\"b\":2}]}"), BYTES("\x81\xa4$map\x91\x82\xa1""a\x01\xa1""b\x02"));
	reads(BYTES("{\"$map\":{\"$map\":[[1,2]]}}"), BYTES("\x81\xa4$map\x81\x01\x02"));
	reads(BYTES("{\"$map\":[[1,2]],\"a\":1}"), BYTES("\x82\xa4$map\x91\x92\x01\x02\xa1""a\x01"));
}
END_TEST

START_TEST(extensions_of_every_width)
{
	static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 255, 256, 65535, 65536, 70000};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size_t size = sizes[i];
		unsigned char head[6] = {0xc7, (unsigned char)size, 9};
		size_t width = 3;
		if (size && size <= 16 && !(size & (size - 1))) {
			head[0] = (unsigned char)(0xd4 + __builtin_ctzl(size));
			head[1] = 9;
			width = 2;
		} else if (size > 65535) {
			memcpy(head, (const unsigned char[]){0xc9, 0, (unsigned char)(size >> 16), (unsigned char)(size >> 8), (unsigned char)size, 9}, 6);
			width = 6;
		} else if (size > 255) {
			memcpy(head, (const unsigned char[]){0xc8, (unsigned char)(size >> 8), (unsigned char)size, 9}, 4);
			width = 4;
		}
		unsigned char *value = calloc(1, width + size);
		ck_assert_ptr_nonnull(value);
		memcpy(value, head, width);
		struct brood_buffer text = {0}, back = {0};
		ck_assert_int_eq(brood_value_to_json((struct brood_bytes){value, width + size}, &text), 0);
		ck_assert_int_eq(brood_value_from_json(bytes_of(&text), &back), 0);
		ck_assert(equal(&back, (struct brood_bytes){value, width + size}));
		brood_buffer_free(&text);
		brood_buffer_free(&back);
		free(value);
	}
}
END_TEST

START_TEST(what_is_accepted)
{
	static const char *const accepted[] = {
		" null ", "\t\n\r 1\r\n", "[ 1 , 2 ]", "{ \"a\" : 1 , \"b\" : { } }", "[[[[]]]]", "-0", "0", "0.0", "-0.0e-0", "1e5", "1E+5",
		"1e-5", "123.456e78", "1e-99999", "\"\\u0000\"", "\"\x7f\"", "\"\\\\u0000\"", "[0e1]", "[1e1,0.1]", "[\"\"]", "{\"\":0}",
		"\"\xe2\x80\xa8\"", "\"\xef\xbf\xbf\"", "[-123]", "[true,false,null]", "[1\n,2]", "\" \"",
		"0.00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001",
	};
	for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
		struct brood_buffer out = {0};
		ck_assert_msg(!brood_value_from_json(sample_guarded(text_of(accepted[i])), &out), "%s", accepted[i]);
		ck_assert_int_eq(brood_value_check(bytes_of(&out)), 0);
		brood_buffer_free(&out);
	}
}
END_TEST

START_TEST(what_is_refused)
{
	static const char *const refused[] = {
		"", " ", "\n", ",", ":", "[", "]", "{", "}", "\"", "'", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[1:2]", "[1}", "{1]", "{1}",
		"{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\",1}", "{\"a\":1 \"b\":2}", "{a:1}", "{'a':1}", "{1:2}", "{null:1}",
		"{\"a\":1", "{\"a\":", "{\"a\"", "{\"a", "[1", "[1,", "[\"a", "[[]", "[]]", "[][]", "1 2", "1,", "null,", "nul", "nulll",
		"Null", "NULL", "tru", "truee", "fals", "nan", "NaN", "Infinity", "-Infinity", "inf", "+1", "01", "-01", "-", "--1", "1.",
		".1", "-.1", "1e", "1e+", "1e-", "1.e1", "1.5e", "1ee1", "1e1.5", "0x10", "1_000", "1a", "0e", "00", "-a", "1.2.3",
		"\"\\\"", "\"\\a\"", "\"\\x41\"", "\"\\'\"", "\"\\u\"", "\"\\u1\"", "\"\\u123\"", "\"\\u123g\"", "\"\\U0041\"", "\"\\0\"",
		"\"\t\"", "\"\n\"", "\"\x01\"", "\"\x1f\"", "\"\\\x01\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"", "\"\\ud800\\n\"",
		"\"\\ud800\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\\ud800\"", "\"\\ud800\\u\"", "\"\\ud800\\", "\"\\ud83d\\ude0\"",
		"// x\n1", "/* x */1", "1#", "[1]x", "\xef\xbb\xbf" "1", "\xef\xbb\xbf", "\x0b" "1", "\x0c" "1", "\xc2\xa0" "1", "1\xe2\x80\xa8",
		"[1;2]", "(1)", "undefined", "\"a\" \"b\"", "{\"a\":1}}", "[\"a\",\n4\n,1,", "{\"a\":\"b\"}#", "<null>", "*", "\\u0031",
		"[1e400,", "[18446744073709551616", "{\"a\":1e999 x}", "\xff", "[\xff]", "\xed\xa0\x80", "{\"\\ud800\":1}",
	};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		refuses(text_of(refused[i]), -EBADMSG);
	refuses(BYTES("\0"), -EBADMSG);
	refuses(BYTES("1\0"), -EBADMSG);
	refuses(BYTES("\"a\0b\""), -EBADMSG);
	refuses(BYTES("[1\0]"), -EBADMSG);
	struct brood_buffer out = {0};
	ck_assert_int_eq(brood_value_from_json((struct brood_bytes){0}, &out), -EBADMSG);
	ck_assert_int_eq(brood_value_to_json((struct brood_bytes){0}, &out), -EBADMSG);
	ck_assert_int_eq(brood_value_from_json(BYTES("1"), NULL), -EINVAL);
	ck_assert_int_eq(brood_value_to_json(BYTES("\xc0"), NULL), -EINVAL);
	ck_assert(!out.data);
}
END_TEST

START_TEST(numbers_out_of_range)
{
	static const char *const refused[] = {
		"18446744073709551616", "-9223372036854775809", "99999999999999999999999", "-18446744073709551616", "1e309", "-1e309",
		"1.8e308", "[1,{\"a\":18446744073709551616}]", "[1e999,2]", "184467440737095516150",
	};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		refuses(text_of(refused[i]), -ERANGE);
	reads(BYTES("1e308"), BYTES("\xcb\x7f\xe1\xcc\xf3\x85\xeb\xc8\xa0"));
	reads(BYTES("1e-400"), BYTES("\xcb\0\0\0\0\0\0\0\0"));
	reads(BYTES("-1e-400"), BYTES("\xcb\x80\0\0\0\0\0\0\0"));
	reads(BYTES("-0"), BYTES("\x00"));
	static char zeros[5000] = "1.";
	memset(zeros + 2, '0', sizeof zeros - 3);
	reads(text_of(zeros), BYTES("\xcb\x3f\xf0\0\0\0\0\0\0"));
}
END_TEST

static void double_comes_back(double value)
{
	struct brood_buffer one = {0}, text = {0}, back = {0};
	brood_pack_double(&one, value);
	ck_assert_int_eq(brood_value_to_json(bytes_of(&one), &text), 0);
	ck_assert_int_eq(brood_value_from_json(bytes_of(&text), &back), 0);
	ck_assert_msg(equal(&back, bytes_of(&one)), "%a: %.*s", value, (int)text.size, (char *)text.data);
	brood_buffer_free(&one);
	brood_buffer_free(&text);
	brood_buffer_free(&back);
}

static void doubles(void)
{
	pairs(BYTES("\xcb\x3f\xf0\0\0\0\0\0\0"), "1.0");
	pairs(BYTES("\xcb\0\0\0\0\0\0\0\0"), "0.0");
	pairs(BYTES("\xcb\x80\0\0\0\0\0\0\0"), "-0.0");
	pairs(BYTES("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"), "0.1");
	pairs(BYTES("\xcb\xbf\xf8\0\0\0\0\0\0"), "-1.5");
	pairs(BYTES("\xcb\x44\x80\xf0\xcf\x06\x4d\xd5\x92"), "1e+22");
	writes(BYTES("\xca\x3f\x80\0\0"), "1.0");
	writes(BYTES("\xca\x3d\xcc\xcc\xcd"), "0.10000000149011612");
	static const double some[] = {
		1e15, 1e16, 1e17, 1e18, 123456789012345680.0, 5e-324, 2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308,
		0.1 + 0.2, 1.0 / 3, 4503599627370496.5, 9007199254740993.0, -1e-300, 100000, 1e21, 3.0e-5,
	};
	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		double_comes_back(some[i]);
	uint64_t seed = 3;
	for (int i = 0; i < 20000; i++) {
		uint64_t bits = sample_random(&seed);
		double value;
		memcpy(&value, &bits, sizeof value);
		double_comes_back(value);
	}
}

START_TEST(doubles_come_back)
{
	doubles();
}
END_TEST

/* Locales are seldom installed where tests run, and are made here. One has a comma, one a point of two bytes. */
static const char *const locales[] = {"de_DE", "ps_AF"};

START_TEST(doubles_know_no_locale)
{
	char folder[] = "/tmp/brood-locale-XXXXXX", command[256];
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(command, sizeof command, "localedef -c -i %s -f UTF-8 %s/%s.UTF-8 >/dev/null 2>&1", locales[_i], folder, locales[_i]);
	int status = system(command);
	setenv("LOCPATH", folder, 1);
	char name[32];
	snprintf(name, sizeof name, "%s.UTF-8", locales[_i]);
	const char *set = setlocale(LC_ALL, name);
	char sample[32];
	snprintf(sample, sizeof sample, "%.1f", 1.5);
	if (set && !strchr(sample, '.')) {
		doubles();
	} else {
		fprintf(stderr, "No locale %s could be made here (%d).\n", name, status);
	}
	snprintf(command, sizeof command, "rm -r %s", folder);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

static size_t repeat(char *out, const char *word, size_t times)
{
	size_t size = strlen(word);
	for (size_t i = 0; i < times; i++)
		memcpy(out + i * size, word, size);
	return size * times;
}

START_TEST(nesting_is_bounded)
{
	enum { DEEP = 100000, WORD = 12 };
	static char text[2 * DEEP * WORD + 100];
	static const struct {
		const char *begin, *middle, *end;
	} cases[] = {
		{"[", "1", "]"}, {"{\"a\":", "1", "}"}, {"{\"$map\":[[1,", "1", "]]}"}, {"{\"$map\":[[", "1", ",1]]}"},
		{"[", "{\"$ext\":[1,\"\"]}", "]"}, {"{\"$map\":[[1,", "{\"$ext\":[1,\"\"]}", "]]}"},
		{"{\"$map\":[[1,", "{\"$bin\":\"\"}", "]]}"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		static const size_t depths[] = {1, 42, 43, 64, 127, 128, 129, 130, 300, 384, 385, 386, 387, 1000, DEEP};
		for (size_t n = 0; n < sizeof depths / sizeof *depths; n++) {
			size_t size = repeat(text, cases[i].begin, depths[n]);
			size += repeat(text + size, cases[i].middle, 1);
			size += repeat(text + size, cases[i].end, depths[n]);
			struct brood_bytes bytes = {text, size};
			if (depths[n] > BROOD_VALUE_DEPTH) {
				refuses(bytes, -EBADMSG);
				continue;
			}
			struct brood_buffer value = {0}, again = {0};
			ck_assert_int_eq(brood_value_from_json(bytes, &value), 0);
			ck_assert_int_eq(brood_value_check(bytes_of(&value)), 0);
			ck_assert_int_eq(brood_value_to_json(bytes_of(&value), &again), 0);
			ck_assert(equal(&again, bytes));
			brood_buffer_free(&value);
			brood_buffer_free(&again);
		}
	}
	size_t size = repeat(text, "[", DEEP);
	refuses((struct brood_bytes){text, size}, -EBADMSG);
	size = repeat(text, "{\"\":", DEEP);
	refuses((struct brood_bytes){text, size}, -EBADMSG);
}
END_TEST

START_TEST(counts_of_every_width)
{
	static const size_t counts[] = {0, 15, 16, 255, 256, 65535, 65536};
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		for (int map = 0; map < 3; map++) {
			struct brood_buffer value = {0}, text = {0}, back = {0};
			if (map)
				brood_pack_map(&value, counts[i]);
			else
				brood_pack_array(&value, counts[i]);
			for (size_t n = 0; n < counts[i]; n++) {
				if (map == 1)
					brood_pack_str(&value, "k", 1);
				else if (map == 2)
					brood_pack_uint(&value, n);
				brood_pack_uint(&value, n);
			}
			ck_assert_int_eq(brood_value_to_json(bytes_of(&value), &text), 0);
			ck_assert_int_eq(brood_value_from_json(bytes_of(&text), &back), 0);
			ck_assert(equal(&back, bytes_of(&value)));
			brood_buffer_free(&value);
			brood_buffer_free(&text);
			brood_buffer_free(&back);
		}
}
END_TEST

START_TEST(random_values_come_back)
{
	uint64_t seed = 11;
	for (int i = 0; i < 10000; i++) {
		struct brood_buffer value = {0}, text = {0}, back = {0}, again = {0};
		sample_value(&value, &seed, 6, i % 2);
		ck_assert_int_eq(brood_value_to_json(bytes_of(&value), &text), 0);
		ck_assert_ptr_null(memchr(text.data, '\n', text.size));
		ck_assert_int_eq(brood_value_from_json(bytes_of(&text), &back), 0);
		ck_assert(equal(&back, bytes_of(&value)));
		ck_assert_int_eq(brood_value_to_json(bytes_of(&back), &again), 0);
		ck_assert(equal(&again, bytes_of(&text)));
		/* No part of the text is a whole value, but where it is a number. */
		if (i % 100 == 0 && strchr("[{\"tfn", text.data[0]))
			for (size_t size = 0; size < text.size && size < 500; size++)
				refuses((struct brood_bytes){text.data, size}, -EBADMSG);
		brood_buffer_free(&value);
		brood_buffer_free(&text);
		brood_buffer_free(&back);
		brood_buffer_free(&again);
	}
}
END_TEST

START_TEST(formats_come_back)
{
	for (const struct brood_bytes *format = sample_formats; format->data; format++) {
		struct brood_buffer text = {0}, back = {0}, again = {0};
		ck_assert_int_eq(brood_value_to_json(*format, &text), 0);
		ck_assert_int_eq(brood_value_from_json(bytes_of(&text), &back), 0);
		ck_assert_int_eq(brood_value_to_json(bytes_of(&back), &again), 0);
		ck_assert(equal(&again, bytes_of(&text)));
		ck_assert_int_eq(brood_value_type(bytes_of(&back)), brood_value_type(*format));
		brood_buffer_free(&text);
		brood_buffer_free(&back);
		brood_buffer_free(&again);
	}
}
END_TEST

START_TEST(results_are_appended)
{
	struct brood_buffer out = {0};
	ck_assert_int_eq(brood_value_to_json(BYTES("\x91\x01"), &out), 0);
	ck_assert_int_eq(brood_value_to_json(BYTES("\xa1x"), &out), 0);
	ck_assert_int_eq(brood_value_from_json(BYTES("[2]"), &out), 0);
	ck_assert(equal(&out, BYTES("[1]\"x\"\x91\x02")));
	brood_buffer_free(&out);
}
END_TEST

/* Fails every allocation in turn. Check itself allocates, so that nothing is asserted between the two counts. */
static void without_memory(struct brood_bytes in, int (*convert)(struct brood_bytes, struct brood_buffer *), bool begun)
{
	for (unsigned long nth = 1;; nth++) {
		long live = allocation_count();
		struct brood_buffer out = {0};
		if (begun)
			brood_pack_nil(&out);
		struct brood_buffer before = out;
		allocation_fail(nth);
		int error = convert(in, &out);
		int failed = allocation_failed();
		bool same = sample_same(&out, &before);
		bool kept = !begun || out.data[0] == 0xc0;
		brood_buffer_free(&out);
		long left = allocation_count() - live;
		ck_assert_int_eq(left, 0);
		ck_assert(kept);
		ck_assert_int_eq(error, failed ? -ENOMEM : 0);
		if (!failed) {
			ck_assert_uint_gt(nth, 2);
			return;
		}
		ck_assert(same);
	}
}

START_TEST(nothing_changes_without_memory)
{
	uint64_t seed = 5;
	for (int i = 0; i < 30; i++) {
		struct brood_buffer value = {0}, text = {0};
		brood_pack_array(&value, 200);
		for (int n = 0; n < 200; n++)
			sample_value(&value, &seed, 3, true);
		ck_assert_int_eq(brood_value_to_json(bytes_of(&value), &text), 0);
		without_memory(bytes_of(&value), brood_value_to_json, i % 2);
		without_memory(bytes_of(&text), brood_value_from_json, i % 2);
		brood_buffer_free(&value);
		brood_buffer_free(&text);
	}
}
END_TEST

static Suite *json_suite(void)
{
	Suite *suite = suite_create("json");
	TCase *test = support_case(suite, "json", 60);
	tcase_add_test(test, plain_values);
	tcase_add_test(test, strings);
	tcase_add_test(test, what_json_has_no_form_for);
	tcase_add_test(test, extensions_of_every_width);
	tcase_add_test(test, what_is_accepted);
	tcase_add_test(test, what_is_refused);
	tcase_add_test(test, numbers_out_of_range);
	tcase_add_test(test, doubles_come_back);
	tcase_add_loop_test(test, doubles_know_no_locale, 0, sizeof locales / sizeof *locales);
	tcase_add_test(test, nesting_is_bounded);
	tcase_add_test(test, counts_of_every_width);
	tcase_add_test(test, random_values_come_back);
	tcase_add_test(test, formats_come_back);
	tcase_add_test(test, results_are_appended);
	tcase_add_test(test, nothing_changes_without_memory);
	return suite;
}

int main(void)
{
	return support_main(json_suite);
}
