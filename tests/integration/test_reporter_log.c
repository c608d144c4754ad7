/* SPDX-License-Identifier: MIT */
/* The lines of the log reporter: one for each event, each whole, whatever items and messages hold. */
#include "pool.h"

#include <signal.h>

static int end_by_letter(brood_task *task, void *context)
{
	const struct brood_bytes item = brood_item(task);
	const char way = item.size ? *(const char *)item.data : 0;
	(void)context;
	if (way == 'f')
		return brood_fail(task, 3, "Value\nError", "two\nlines\tand \x1b[31mred");
	if (way == 'k')
		kill(getpid(), SIGKILL);
	return brood_reply(task, "", 0);
}

/* The log of a pool of one worker with these items; it is to be freed. */
static char *log_of(const struct brood_bytes *items, size_t count, const struct brood_options *with)
{
	struct brood_reporter *reporter;
	struct brood_options options = *with;
	char *text;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(brood_log_reporter(&reporter, stream), 0);
	options.reporter = reporter;
	options.workers = 1;
	brood_pool *pool = pool_with(end_by_letter, NULL, &options);
	ck_assert_int_eq(brood_pool_process(pool, items, count), 0);
	brood_pool_free(pool);
	brood_reporter_free(reporter);
	fclose(stream);
	return text;
}

/* The rest of a log behind the first line from here on that has this in it, as all of it behind the time. */
static const char *find_line(const char *log, const char *wanted)
{
	for (const char *line = log, *end; (end = strchr(line, '\n')); line = end + 1) {
		const char *said = line + strlen("[   0.000] ");
		ck_assert(*line == '[' && said[-2] == ']');
		if (!strncmp(said, wanted, strlen(wanted)))
			return end + 1;
	}
	ck_abort_msg("no line '%s' in:\n%s", wanted, log);
	return NULL;
}

static size_t count_lines(const char *text)
{
	size_t count = 0;
	while ((text = strchr(text, '\n'))) {
		count++;
		text++;
	}
	return count;
}

START_TEST(each_event_has_its_line)
{
	const struct brood_bytes items[] = {{"one", 3}, {"f", 1}, {"\0\1\2\3", 4}};
	char *log = log_of(items, 3, BROOD_OPTIONS(0));
	const char *rest = find_line(log, "pool begins");
	rest = find_line(rest, "worker 0 (pid ");
	rest = find_line(rest, "item 0 \"one\": begun by worker 0");
	rest = find_line(rest, "item 0 \"one\": done in 0.");
	rest = find_line(rest, "item 1 \"f\": begun by worker 0");
	rest = find_line(rest, "item 1 \"f\": failed after 0.");
	rest = find_line(rest, "item 2: begun by worker 0");
	rest = find_line(rest, "item 2: done in 0.");
	rest = find_line(rest, "worker 0 (pid ");
	rest = find_line(rest, "pool ends: 2 succeeded, 1 failed, 0 aborted");
	ck_assert_str_eq(rest, "");
	ck_assert(strstr(log, ": Value Error: two lines and  [31mred\n"));
	ck_assert_uint_eq(count_lines(log), 10);
	free(log);
}
END_TEST

START_TEST(death_is_told_with_its_signal)
{
	const struct brood_bytes items[] = {{"k", 1}, {"then", 4}};
	char *log = log_of(items, 2, BROOD_OPTIONS(.retries = 1));
	find_line(log, "item 0 \"k\": aborted after ");
	ck_assert(strstr(log, " and 2 attempts: SIGKILL: the worker was killed by signal 9"));
	ck_assert(strstr(log, ") ended by signal 9 (Killed)\n"));
	find_line(log, "item 1 \"then\": done in ");
	find_line(log, "pool ends: 1 succeeded, 0 failed, 1 aborted");
	free(log);
}
END_TEST

START_TEST(long_items_are_cut_between_characters)
{
	enum { SIZE = 5000 };
	static char text[SIZE];
	for (size_t i = 0; i < SIZE; i += 2)
		memcpy(text + i, "ä", 2);
	text[0] = text[1] = 'x';
	const struct brood_bytes items[] = {{text, SIZE}, {text + 1, SIZE - 1}, {text + 3, 8}};
	char *log = log_of(items, 3, BROOD_OPTIONS(0));
	char wanted[128];
	snprintf(wanted, sizeof wanted, "item 0 \"%.60s…\": done", text);
	find_line(log, wanted);
	snprintf(wanted, sizeof wanted, "item 1 \"%.59s…\": done", text + 1);
	find_line(log, wanted);
	/* Half a character is no text. */
	find_line(log, "item 2: done");
	free(log);
}
END_TEST

START_TEST(without_processes_it_says_the_same)
{
	const struct brood_bytes items[] = {{"one", 3}, {"f", 1}};
	char *log = log_of(items, 2, BROOD_OPTIONS(.flags = BROOD_INSIDE));
	find_line(log, "item 0 \"one\": done in ");
	find_line(log, "pool ends: 1 succeeded, 1 failed, 0 aborted");
	free(log);
}
END_TEST

START_TEST(bad_use_is_refused)
{
	ck_assert_int_eq(brood_log_reporter(NULL, stderr), -EINVAL);
	brood_reporter_free(NULL);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("log reporter");
	TCase *log = support_case(suite, "log", 30);
	tcase_add_test(log, each_event_has_its_line);
	tcase_add_test(log, death_is_told_with_its_signal);
	tcase_add_test(log, long_items_are_cut_between_characters);
	tcase_add_test(log, without_processes_it_says_the_same);
	tcase_add_test(log, bad_use_is_refused);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
