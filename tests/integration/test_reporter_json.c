/* SPDX-License-Identifier: MIT */
/* The JSON reporter: each event is one line, which is one object. */
#include "pool.h"

#include <stdlib.h>

static int speak_and_fail(brood_task *task, void *context)
{
	(void)context;
	dprintf(STDERR_FILENO, "a \"word\"\n");
	return brood_index(task) ? brood_fail(task, 3, "Odd", "two\nlines") : brood_reply(task, "value", 5);
}

START_TEST(each_event_is_an_object)
{
	static const char *const wanted[] = {"\"event\":\"init\"", "\"event\":\"spawn\"", "\"event\":\"begin\"",
		"\"event\":\"success\"", "\"event\":\"fail\"", "\"event\":\"exit\"", "\"event\":\"output\"", "\"event\":\"cleanup\"", "\"item\":\"one\"",
		"\"item\":{\"$str\":\"/w==\"}", "\"item_size\":1", "\"total\":2", "\"type\":\"Odd\"", "\"message\":\"two\\nlines\"",
		"\"code\":3", "\"value_size\":5", "\"exit_code\":0", "\\\"word\\\"\\n"};
	const struct brood_bytes items[] = {{"one", 3}, {"\xff", 1}};
	struct brood_reporter *reporter;
	brood_results *results;
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	ck_assert_int_eq(brood_json_reporter(&reporter, stream), 0);
	ck_assert_int_eq(brood_parallelize(&results, speak_and_fail, NULL, items, 2,
		BROOD_OPTIONS(.workers = 1, .reporter = reporter)), 0);
	brood_results_free(results);
	brood_reporter_free(reporter);
	fclose(stream);
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		ck_assert_msg(strstr(text, wanted[i]) != NULL, "no %s in:\n%s", wanted[i], text);
	size_t lines = 0;
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
		struct brood_buffer value = {0};
		ck_assert_int_eq(brood_value_from_json((struct brood_bytes){line, (size_t)(end - line)}, &value), 0);
		brood_buffer_free(&value);
	}
	ck_assert_uint_ge(lines, 9);
	free(text);
	ck_assert_int_eq(brood_json_reporter(NULL, stderr), -EINVAL);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("json reporter");
	TCase *all = support_case(suite, "all", 30);
	tcase_add_test(all, each_event_is_an_object);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
