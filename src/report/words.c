/* SPDX-License-Identifier: MIT */
#include "report/words.h"

#include "base/buffer.h"

#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ITEM_COLUMNS = 60, MESSAGE_COLUMNS = 400, FRAME_COLUMNS = 160 };

/* The slowest are named where there were more than a few, and one had to wait. */
enum { SLOW_ITEMS = 5, SLOW_SECONDS = 1 };

#define RED "\033[1;31m"
#define PLAIN "\033[0m"

void words_add(struct brood_buffer *out, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	const int size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (size > 0 && !buffer_reserve(out, (size_t)size + 1)) {
		vsnprintf((char *)out->data + out->size, (size_t)size + 1, format, again);
		out->size += (size_t)size;
	}
	va_end(again);
}

const char *words_text(struct brood_buffer *words)
{
	if (buffer_append(words, "", 1))
		return "";
	words->size = 0;
	return (const char *)words->data;
}

void words_clock(struct brood_buffer *out, double seconds)
{
	/* What is further away than years is not known. */
	const unsigned whole = seconds > 0 ? (unsigned)fmin(seconds, 3.6e9) : 0;
	if (whole >= 3600)
		words_add(out, "%u:%02u:%02u", whole / 3600, whole / 60 % 60, whole % 60);
	else if (whole >= 60)
		words_add(out, "%u:%02u", whole / 60, whole % 60);
	else
		words_add(out, "%us", whole);
}

static void add_shown(struct brood_buffer *out, const struct words *words, const char *text, size_t size, int columns)
{
	text_show(out, &words->widths, text, size, columns, 0);
}

/* What is read by nobody, as a number's bytes are, says less than the item's number does. */
static bool is_bytes(const struct tally_item *item)
{
	for (size_t i = 0; i < item->size; i++)
		if (!item->text[i])
			return true;
	return !item->size;
}

void words_item(struct brood_buffer *out, const struct words *words, const struct tally_item *item, int columns)
{
	size_t size = item->size;
	/* Not within a character. */
	for (int i = 0; item->cut && i < 3 && size && (item->text[size - 1] & 0x80); i++)
		if ((item->text[--size] & 0xc0) == 0xc0)
			break;
	if (is_bytes(item))
		words_add(out, "%s %zu", words->noun, item->index);
	else
		add_shown(out, words, item->text, size, columns);
	if (item->cut && !is_bytes(item))
		words_add(out, "…");
}

static void add_failed(struct brood_buffer *out, const struct words *words, const struct tally *tally)
{
	const bool red = words->styled && tally->failed;
	words_add(out, ", %s%zu failed%s", red ? RED : "", tally->failed, red ? PLAIN : "");
	if (tally->canceled)
		words_add(out, ", %zu canceled", tally->canceled);
}

static void add_rate(struct brood_buffer *out, double rate)
{
	if (rate >= 1)
		words_add(out, ", %.*f/s", rate < 10 ? 1 : 0, rate);
	else if (rate * 60 >= 1)
		words_add(out, ", %.1f/min", rate * 60);
	else
		words_add(out, ", %.1f/h", rate * 3600);
}

void words_figures(struct brood_buffer *out, const struct words *words, const struct tally *tally)
{
	const double rate = tally_rate(tally);
	if (tally->total)
		words_add(out, "%zu/%zu done", tally->done, tally->total);
	else
		words_add(out, "%zu done", tally->done);
	add_failed(out, words, tally);
	words_add(out, ", %zu running", tally->running);
	if (rate > 0)
		add_rate(out, rate);
	if (rate > 0 && tally->total > tally->done) {
		words_add(out, ", ETA ");
		words_clock(out, (double)(tally->total - tally->done) / rate);
	}
	words_add(out, ", ");
	words_clock(out, tally->now - tally->began);
}

void words_worker(struct brood_buffer *out, const struct words *words, const struct tally *tally, size_t number)
{
	const struct tally_worker *worker = &tally->workers[number];
	struct brood_buffer clock = {0};
	words_clock(&clock, tally->now - worker->since);
	words_add(out, "%7s  ", words_text(&clock));
	brood_buffer_free(&clock);
	words_item(out, words, &worker->item, INT_MAX);
}

/* Of a signal or exit code that type and message do not say already. */
static void add_end(struct brood_buffer *out, const struct brood_failure *failure)
{
	const char *name = failure->signal > 0 ? sigabbrev_np(failure->signal) : NULL;
	if (name && !strstr(failure->type, name))
		words_add(out, " (SIG%s)", name);
	else if (failure->signal > 0 && !name)
		words_add(out, " (signal %d)", failure->signal);
	else if (!failure->signal && failure->code && !strstr(failure->message, "exit code"))
		words_add(out, " (exit code %d)", failure->code);
}

void words_failure(struct brood_buffer *out, const struct words *words, const struct brood_event *event)
{
	struct tally_item item = {.index = event->index, .cut = event->item.size > TALLY_TEXT};
	const struct brood_result *result = event->result;
	const struct brood_failure *failure = result ? result->failure : NULL;
	item.size = item.cut ? TALLY_TEXT : event->item.size;
	if (item.size)
		memcpy(item.text, event->item.data, item.size);
	words_add(out, "%s%s%s ", words->styled ? RED : "", "failed:", words->styled ? PLAIN : "");
	words_item(out, words, &item, ITEM_COLUMNS);
	if (result && result->attempts)
		words_add(out, ", after %.3g s", result->seconds);
	if (result && result->attempts > 1)
		words_add(out, " and %u attempts", result->attempts);
	if (!failure)
		return;
	words_add(out, ": ");
	add_shown(out, words, failure->type, strlen(failure->type), MESSAGE_COLUMNS);
	if (*failure->type && *failure->message)
		words_add(out, ": ");
	add_shown(out, words, failure->message, strlen(failure->message), MESSAGE_COLUMNS);
	add_end(out, failure);
	const size_t first = strcspn(failure->traceback, "\n");
	if (first) {
		words_add(out, "; ");
		add_shown(out, words, failure->traceback, first, FRAME_COLUMNS);
	}
}

void words_end(struct brood_buffer *out, const struct words *words, const struct tally *tally)
{
	if (tally->total > tally->done)
		words_add(out, "%zu of %zu %ss done", tally->done, tally->total, words->noun);
	else
		words_add(out, "%zu %s%s done", tally->done, words->noun, tally->done == 1 ? "" : "s");
	add_failed(out, words, tally);
	words_add(out, ", in %.1f s", tally->now - tally->began);
}

bool words_slow(struct brood_buffer *out, const struct words *words, const struct tally *tally, size_t number)
{
	if (tally->done < SLOW_ITEMS || tally->now - tally->began < SLOW_SECONDS || number >= TALLY_SLOWEST ||
	    tally->slowest[number].seconds <= 0)
		return false;
	words_add(out, "%s %.1f s  ", number ? "        " : "slowest:", tally->slowest[number].seconds);
	words_item(out, words, &tally->slowest[number].item, ITEM_COLUMNS);
	return true;
}
