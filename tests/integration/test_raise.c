/* SPDX-License-Identifier: MIT */
/* Failures that travel. */
#include "traffic.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

/* A function with a name longer than a line of a traceback. */
#define LONG_NAME \
	raise_with_a_name_that_goes_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_\
and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_\
on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_\
and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_\
on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_and_on_to_the_end

__attribute__((__noinline__, __visibility__("default"))) int LONG_NAME(brood_channel *channel);
int LONG_NAME(brood_channel *channel)
{
	int code = brood_raise(channel, 5, "Long", "%s", "");
	__asm__ volatile("");
	return code;
}

__attribute__((__noinline__, __visibility__("default"))) int raise_deep(brood_channel *channel, int depth);
int raise_deep(brood_channel *channel, int depth)
{
	int code = depth ? raise_deep(channel, depth - 1) : brood_raise(channel, 42, "DeepError", "at %d of %s", depth, "all");
	__asm__ volatile("");
	return code;
}

static int deep_child(brood_channel *channel, void *context)
{
	return raise_deep(channel, *(int *)context);
}

static unsigned lines_of(const char *text)
{
	unsigned lines = 0;
	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* Each line begins with its number, and the last ends. */
static void check_lines(const char *text)
{
	unsigned number = 0;
	MUST(*text);
	while (*text) {
		char begin[16];
		int size = snprintf(begin, sizeof begin, "#%u ", number++);
		ck_assert_msg(!strncmp(text, begin, (size_t)size), "line %u is %.80s", number, text);
		const char *end = strchr(text, '\n');
		MUST(end && end - text > size);
		text = end + 1;
	}
}

START_TEST(test_failure)
{
	brood_channel *channel;
	struct brood_message message;
	int depth = 7;
	GIVES(brood_start(&channel, deep_child, &depth), 0);
	GIVES(brood_receive(channel, &message), 1);
	MUST(message.failure && !message.body.size);
	const struct brood_failure *failure = message.failure;
	ck_assert_str_eq(failure->type, "DeepError");
	ck_assert_str_eq(failure->message, "at 0 of all");
	GIVES(failure->code, 42);
	GIVES(failure->signal, 0);
	check_lines(failure->traceback);
	MUST(lines_of(failure->traceback) >= 8);
	/* Innermost first, and from the call on: brood's own frames are not in it. */
	ck_assert_msg(!strncmp(failure->traceback, "#0 raise_deep+0x", 16), "%s", failure->traceback);
	GIVES(brood_receive(channel, &message), 0);
	traffic_ended(channel, 42);
	brood_channel_free(channel);
}
END_TEST

static int long_child(brood_channel *channel, void *context)
{
	(void)context;
	return LONG_NAME(channel);
}

START_TEST(test_long_name)
{
	brood_channel *channel;
	struct brood_message message;
	GIVES(brood_start(&channel, long_child, NULL), 0);
	GIVES(brood_receive(channel, &message), 1);
	MUST(message.failure);
	check_lines(message.failure->traceback);
	MUST(strlen(message.failure->traceback) > 500);
	traffic_ended(channel, 5);
	brood_channel_free(channel);
}
END_TEST

/* A deeper stack than is told is cut, and still a line a frame. */
START_TEST(test_deep_stack)
{
	brood_channel *channel;
	struct brood_message message;
	int depth = 1000;
	GIVES(brood_start(&channel, deep_child, &depth), 0);
	GIVES(brood_receive(channel, &message), 1);
	MUST(message.failure);
	check_lines(message.failure->traceback);
	MUST(lines_of(message.failure->traceback) >= 30);
	traffic_ended(channel, 42);
	brood_channel_free(channel);
}
END_TEST

/* The channel goes on; codes of every kind come as they are; 0 is returned as 0. */
static int goes_on_child(brood_channel *channel, void *context)
{
	char *words = context;
	GIVES(traffic_send(channel, 10, 1), 0);
	GIVES(brood_raise(channel, 0, "", "%s", ""), 0);
	GIVES(traffic_send(channel, 0, 2), 0);
	GIVES(brood_raise(channel, INT_MAX, "A type of many words", "%s", words), INT_MAX);
	GIVES(brood_raise(channel, INT_MIN, "Minimum", "%d%%\n\ttab", 100), INT_MIN);
	traffic_expect(channel, 20, 3);
	return 0;
}

START_TEST(test_goes_on)
{
	enum { WORDS = 3 << 20 };
	brood_channel *channel;
	struct brood_message message;
	char *words = malloc(WORDS + 1);
	memset(words, 'w', WORDS);
	words[WORDS] = '\0';
	GIVES(brood_start(&channel, goes_on_child, words), 0);
	traffic_expect(channel, 10, 1);
	GIVES(brood_receive(channel, &message), 1);
	MUST(message.failure && !message.failure->code && !*message.failure->type && !*message.failure->message);
	traffic_expect(channel, 0, 2);
	GIVES(brood_receive(channel, &message), 1);
	MUST(message.failure && message.failure->code == INT_MAX);
	ck_assert_str_eq(message.failure->type, "A type of many words");
	MUST(!strcmp(message.failure->message, words));
	GIVES(brood_receive(channel, &message), 1);
	MUST(message.failure && message.failure->code == INT_MIN);
	ck_assert_str_eq(message.failure->message, "100%\n\ttab");
	GIVES(traffic_send(channel, 20, 3), 0);
	/* The strings stay until the next receive, whatever is sent meanwhile. */
	ck_assert_str_eq(message.failure->message, "100%\n\ttab");
	traffic_ended(channel, 0);
	brood_channel_free(channel);
	free(words);
}
END_TEST

START_TEST(test_refused)
{
	brood_channel *one, *two;
	GIVES(brood_raise(NULL, 1, "T", "x"), -EINVAL);
	GIVES(brood_channel_pair(&one, &two), 0);
	GIVES(brood_raise(one, 1, NULL, "x"), -EINVAL);
	GIVES(brood_raise(one, 1, "T", NULL), -EINVAL);
	GIVES(brood_close(two), 0);
	GIVES(brood_raise(one, 1, "T", "x"), -EPIPE);
	GIVES(brood_close(one), 0);
	GIVES(brood_raise(one, 0, "T", "x"), -EPIPE);
	brood_channel_free(one);
	brood_channel_free(two);
}
END_TEST

/* A failure counts against the limit like any message. */
static int raise_child(brood_channel *channel, void *context)
{
	(void)context;
	return brood_raise(channel, 1, "T", "x") == -EPIPE ? 0 : 1;
}

START_TEST(test_limit)
{
	brood_channel *channel;
	struct brood_message message;
	GIVES(brood_start(&channel, raise_child, NULL), 0);
	GIVES(brood_channel_limit(channel, 16), 0);
	GIVES(brood_receive(channel, &message), -EMSGSIZE);
	traffic_ended(channel, 0);
	brood_channel_free(channel);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("raise");
	TCase *tests = support_case(suite, "raise", 10);
	tcase_add_test(tests, test_failure);
	tcase_add_test(tests, test_long_name);
	tcase_add_test(tests, test_deep_stack);
	tcase_add_test(tests, test_goes_on);
	tcase_add_test(tests, test_refused);
	tcase_add_test(tests, test_limit);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
