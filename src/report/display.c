/* SPDX-License-Identifier: MIT */
#include "report/display.h"

#include "base/buffer.h"
#include "base/lineage.h"
#include "report/rows.h"
#include "report/tally.h"
#include "report/voices.h"
#include "report/words.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_DRAW 0.5
#define DRAW_ABOUT 0.1
#define KEEP_ALIVE 30

enum { FAILURES = 10, ROWS_MOST = 2048 };

struct display {
	struct brood_reporter reporter;
	unsigned generation;
	brood_rows *rows;
	struct words words;
	char *noun;
	struct tally tally;
	bool live, drawn;
	double written, keep_alive; /* written: when the last draw, or line without rows, was */
	double ticked;
	/* The first failures, and how many lines have been written since the first of them. */
	char *failures[FAILURES];
	size_t lines_since;
	size_t placed; /* rows below the figures */
	struct voices voices;
	struct brood_buffer scratch;
};

static bool is_ours(const struct display *display)
{
	return display->generation == lineage_generation();
}

/* A line that stays. */
static void print(struct display *display, const char *line)
{
	brood_rows_print(display->rows, line);
	display->lines_since++;
}

static void place_rows(struct display *display)
{
	size_t longest[ROWS_MOST];
	brood_rows *rows = display->rows;
	const struct tally *tally = &display->tally;
	struct brood_buffer *scratch = &display->scratch;
	const int fit = brood_rows_fit(rows, NULL);
	size_t room = fit > 1 ? (size_t)fit - 1 : 0, known = 0, count = 0;
	room = room < ROWS_MOST ? room : ROWS_MOST;
	words_figures(scratch, &display->words, tally);
	brood_rows_set(rows, 0, words_text(scratch));
	for (size_t i = 0; i < tally->worker_count; i++)
		known += tally->workers[i].known;
	if (known > room) {
		count = tally_longest(tally, longest, room);
	} else {
		for (size_t i = 0; i < tally->worker_count; i++)
			if (tally->workers[i].known)
				longest[count++] = i;
	}
	for (size_t i = 0; i < count; i++) {
		if (tally->workers[longest[i]].since >= 0)
			words_worker(scratch, &display->words, tally, longest[i]);
		else
			words_add(scratch, "%7s", "-");
		brood_rows_set(rows, (int64_t)i + 1, words_text(scratch));
	}
	while (display->placed > count)
		brood_rows_delete(rows, (int64_t)display->placed--);
	display->placed = count;
}

/* Draws, or without rows says that it goes on, where it is time to. */
static void draw(struct display *display)
{
	const struct tally *tally = &display->tally;
	if (!display->live) {
		if (display->keep_alive < 0 || tally->now - display->written < display->keep_alive)
			return;
		display->written = tally->now;
		words_figures(&display->scratch, &display->words, tally);
		print(display, words_text(&display->scratch));
		return;
	}
	if (tally->now - display->written < DRAW_ABOUT)
		return;
	display->written = tally->now;
	if (tally->now - tally->began < FIRST_DRAW) {
		if (display->rows->lines.size)
			rows_flush(display->rows);
		return;
	}
	place_rows(display);
	brood_rows_draw(display->rows);
	display->drawn = true;
}

static void forget_failures(struct display *display)
{
	for (size_t i = 0; i < FAILURES; i++) {
		free(display->failures[i]);
		display->failures[i] = NULL;
	}
	display->lines_since = 0;
}

/*
 * At a tick all that has happened has been told. Else a worker that has done an item would seem to have nothing to do, since its
 * next one is told of a moment later: with short items, most of the time.
 */
static void draw_at_once(struct display *display)
{
	if (!display->live || display->tally.now - display->ticked > 2 * DRAW_ABOUT)
		draw(display);
}

/* Each callback begins so: false, it is in a process that the host has forked. */
static bool see(struct display *display, const struct brood_event *event)
{
	if (!is_ours(display))
		return false;
	tally_see(&display->tally, event);
	return true;
}

static void init(void *context, const struct brood_event *event)
{
	struct display *display = context;
	if (!is_ours(display))
		return;
	tally_begin(&display->tally, event);
	tally_see(&display->tally, event);
	forget_failures(display);
	display->drawn = false;
	/* Without rows, the first line is due only after a while. */
	display->written = display->live ? 0 : display->tally.now;
}

static void spawn(void *context, const struct brood_event *event)
{
	struct display *display = context;
	if (see(display, event))
		tally_spawn(&display->tally, event);
}

static void begin(void *context, const struct brood_event *event)
{
	struct display *display = context;
	if (!see(display, event))
		return;
	tally_item_begun(&display->tally, event);
	draw_at_once(display);
}

static void success(void *context, const struct brood_event *event)
{
	struct display *display = context;
	if (!see(display, event))
		return;
	tally_item_done(&display->tally, event);
	draw_at_once(display);
}

static void fail(void *context, const struct brood_event *event)
{
	struct display *display = context;
	struct tally *tally = &display->tally;
	if (!see(display, event))
		return;
	tally_item_done(tally, event);
	/* What was canceled is counted; of each there is nothing to say. */
	if (!event->result || event->result->outcome != BROOD_CANCELED) {
		words_failure(&display->scratch, &display->words, event);
		const char *line = words_text(&display->scratch);
		if (tally->failed == 1)
			display->lines_since = 0;
		if (tally->failed <= FAILURES)
			display->failures[tally->failed - 1] = strdup(line);
		print(display, line);
	}
	draw_at_once(display);
}

static void exit_worker(void *context, const struct brood_event *event)
{
	struct display *display = context;
	if (!see(display, event))
		return;
	tally_exit(&display->tally, event);
	draw_at_once(display);
}

static void tick(void *context, const struct brood_event *event)
{
	struct display *display = context;
	if (!see(display, event))
		return;
	display->ticked = display->tally.now;
	draw(display);
}

/* Lines of workers, which are in the scratch. */
static void pass(struct display *display)
{
	struct brood_buffer *lines = &display->scratch;
	for (size_t i = 0; i < lines->size; i++)
		display->lines_since += lines->data[i] == '\n';
	if (lines->size)
		rows_pass(display->rows, lines->data, lines->size);
	lines->size = 0;
}

static void output(void *context, const struct brood_event *event)
{
	struct display *display = context;
	if (!see(display, event))
		return;
	voices_take(&display->voices, event, &display->scratch);
	pass(display);
	draw_at_once(display);
}

/* The failures that cannot be seen any more, as far as they are known. */
static void repeat_failures(struct display *display)
{
	const size_t failed = display->tally.failed, known = failed < FAILURES ? failed : FAILURES;
	const int fit = brood_rows_fit(display->rows, NULL);
	if (!display->live || !failed || display->lines_since < (fit > 0 ? (size_t)fit : 1))
		return;
	for (size_t i = 0; i < known; i++)
		if (display->failures[i])
			brood_rows_print(display->rows, display->failures[i]);
	if (failed > known) {
		words_add(&display->scratch, "and %zu more", failed - known);
		brood_rows_print(display->rows, words_text(&display->scratch));
	}
}

static void cleanup(void *context, const struct brood_event *event)
{
	struct display *display = context;
	const struct tally *tally = &display->tally;
	if (!see(display, event))
		return;
	voices_end(&display->voices, &display->scratch);
	pass(display);
	while (display->placed)
		brood_rows_delete(display->rows, (int64_t)display->placed--);
	brood_rows_delete(display->rows, 0);
	const double passed = tally->now - tally->began, quiet = display->keep_alive < 0 ? INFINITY : display->keep_alive;
	if (tally->failed || (display->live ? display->drawn : passed >= quiet)) {
		words_end(&display->scratch, &display->words, tally);
		print(display, words_text(&display->scratch));
		for (size_t i = 0; words_slow(&display->scratch, &display->words, tally, i); i++)
			print(display, words_text(&display->scratch));
		repeat_failures(display);
	}
	rows_flush(display->rows);
}

bool display_is(const struct brood_reporter *reporter)
{
	return reporter->init == init;
}

void display_hide(struct brood_reporter *reporter)
{
	const struct display *display = reporter->context;
	brood_rows_hide(display->rows);
}

void display_free(struct brood_reporter *reporter)
{
	struct display *display = reporter->context;
	brood_rows_free(display->rows);
	widths_close(&display->words.widths);
	tally_free(&display->tally);
	forget_failures(display);
	voices_free(&display->voices);
	brood_buffer_free(&display->scratch);
	free(display->noun);
	free(display);
}

static bool is_live(const struct sink *sink, unsigned flags)
{
	const char *terminal = getenv("TERM");
	if (flags)
		return flags & BROOD_DISPLAY_LIVE;
	return sink->is_terminal && terminal && *terminal && strcmp(terminal, "dumb");
}

/* Else what workers write to stderr does not come between the rows. */
static bool is_stderr(FILE *stream)
{
	struct stat one, other;
	const int fd = fileno(stream);
	return fd >= 0 && !fstat(fd, &one) && !fstat(STDERR_FILENO, &other) && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

static int check(struct brood_display *to, const struct brood_display *from)
{
	*to = (struct brood_display){.size = sizeof *to};
	if (!from)
		return 0;
	if (from->size < offsetof(struct brood_display, flags) + sizeof from->flags || from->size > sizeof *to)
		return -EINVAL;
	memcpy(to, from, from->size);
	return to->flags > BROOD_DISPLAY_PLAIN || isnan(to->keep_alive) ? -EINVAL : 0;
}

BROOD_API int brood_display_reporter(struct brood_reporter **out, const struct brood_display *with)
{
	struct brood_display options;
	int error = out ? check(&options, with) : -EINVAL;
	if (error)
		return error;
	FILE *stream = options.stream ? options.stream : stderr;
	struct display *display = calloc(1, sizeof *display);
	char *noun = strdup(options.item ? options.item : "item");
	error = display && noun ? brood_rows_new(&display->rows, stream) : -ENOMEM;
	if (error) {
		free(display);
		free(noun);
		return error;
	}
	display->generation = lineage_join();
	display->live = is_live(&display->rows->sink, options.flags);
	display->rows->plain = !display->live;
	display->rows->styled &= display->live;
	display->noun = noun;
	display->words = (struct words){.noun = noun, .styled = display->rows->styled};
	widths_open(&display->words.widths);
	display->keep_alive = options.keep_alive < 0 || options.keep_alive > 0 ? options.keep_alive : KEEP_ALIVE;
	display->reporter = (struct brood_reporter){.size = sizeof display->reporter, .context = display, .init = init, .spawn = spawn,
		.begin = begin, .success = success, .fail = fail, .abort = fail, .exit = exit_worker, .cleanup = cleanup,
		.tick = tick, .output = display->live && is_stderr(stream) ? output : NULL};
	*out = &display->reporter;
	return 0;
}

BROOD_API int brood_terminal_reporter(struct brood_reporter **out, FILE *stream)
{
	return brood_display_reporter(out, BROOD_DISPLAY(.stream = stream));
}
