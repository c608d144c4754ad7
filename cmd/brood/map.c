/* SPDX-License-Identifier: MIT */
#include "map.h"

#include "halt.h"
#include "map_feed.h"
#include "map_library.h"
#include "map_record.h"
#include "map_status.h"
#include "signals.h"
#include "say.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_MANY = 101 };

/* So many items are read before results are looked at again, and so much output is put together. */
enum { BURST = 1024, OUTPUT_SIZE = 64 << 10 };

/* The pool has no descriptor that could be polled beside the input. While results are due and the input is quiet, it is
   looked at so often; a result ends the wait at once, so that only an item that comes meanwhile waits. */
static const double LOOK_LEAST = 0.001, LOOK_MOST = 0.02;

enum { IDLE_MILLISECONDS = 100 };

struct map {
	const struct map_options *options;
	brood_pool *pool;
	int workers;
	struct map_feed feed;
	struct brood_bytes item; /* read, and not submitted yet, if held */
	struct brood_buffer converted, output;
	bool held, ended, trouble, stopped, unwritable;
	struct tally tally;
	double look;
};

static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { CAUGHT = sizeof caught / sizeof *caught };

static brood_pool *signaled_pool;
static volatile sig_atomic_t signaled;
static sigset_t caught_set;

/* --- in the workers ------------------------------------------------------------------------------------------------ */

static brood_work_fn *work;

/* What is no JSON does not reach the function; see map_settle. */
static int work_json(brood_task *task, void *context)
{
	static const struct map_options json = {.json = true};
	return map_is_rejected(&json, brood_item(task)) ? 0 : work(task, context);
}

/* Items and results are the command's: a function that reads stdin or prints must not have a part in them. */
static int start_worker(void *context)
{
	(void)context;
	for (size_t i = 0; i < CAUGHT; i++) {
		struct sigaction action;
		if (!sigaction(caught[i], NULL, &action) && action.sa_handler != SIG_IGN)
			signal(caught[i], SIG_DFL);
	}
	signal(SIGPIPE, SIG_DFL);
	if (!freopen("/dev/null", "r", stdin) || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	return 0;
}

/* --- signals ------------------------------------------------------------------------------------------------------- */

static void take_signal(int number)
{
	if (signaled) {
		/* Comes when this returns; the workers' keeper sees it and kills them. */
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	signaled = number;
	brood_pool_cancel(signaled_pool);
}

/* After the workers have been made, so that they have none of it. Signals that were ignored at the start stay so. */
static void catch_signals(brood_pool *pool)
{
	struct sigaction action = {.sa_handler = take_signal};
	signaled_pool = pool;
	sigemptyset(&action.sa_mask);
	sigemptyset(&caught_set);
	for (size_t i = 0; i < CAUGHT; i++) {
		struct sigaction before;
		sigaddset(&caught_set, caught[i]);
		if (!sigaction(caught[i], NULL, &before) && before.sa_handler != SIG_IGN)
			sigaction(caught[i], &action, NULL);
	}
	/* A reader that has gone is an error of write. */
	signal(SIGPIPE, SIG_IGN);
}

/* --- results ------------------------------------------------------------------------------------------------------- */

static void stop(struct map *map)
{
	map->stopped = true;
	brood_pool_cancel(map->pool);
}

static void flush(struct map *map)
{
	size_t done = 0;
	if (map->output.size && isatty(STDOUT_FILENO))
		display_hide();
	while (done < map->output.size && !map->unwritable) {
		const ssize_t wrote = write(STDOUT_FILENO, map->output.data + done, map->output.size - done);
		if (wrote >= 0) {
			done += (size_t)wrote;
		} else if (errno == EAGAIN) {
			struct pollfd entry = {.fd = STDOUT_FILENO, .events = POLLOUT};
			poll(&entry, 1, -1);
		} else if (errno != EINTR) {
			say("the results cannot be written to stdout: %s; what is under way is canceled", strerror(errno));
			map->unwritable = map->trouble = true;
			stop(map);
		}
	}
	map->output.size = 0;
}

/* With --raw there is no line for it on stdout. A display has a line for each failure itself. */
static void say_failure(struct map *map, const struct brood_result *result)
{
	char message[1024];
	if (map->options->status != STATUS_NONE && map->options->status != STATUS_JSON)
		return;
	flush(map);
	snprintf(message, sizeof message, "%s", result->failure->message);
	for (char *at = message; *at; at++)
		if (*at == '\n')
			*at = ' ';
	say("item %zu: %s: %s", result->index, result->failure->type, message);
}

static void take(struct map *map, const struct brood_result *given)
{
	const struct brood_result result = map_settle(map->options, given);
	map->tally.succeeded += result.outcome == BROOD_SUCCESS;
	map->tally.failed += result.outcome != BROOD_SUCCESS && result.outcome != BROOD_CANCELED;
	map_record_add(map->options, &map->output, &result);
	if (map->options->raw && result.failure)
		say_failure(map, &result);
	if (map->output.size >= OUTPUT_SIZE)
		flush(map);
	if (map->ended || map->stopped || !halt_reached(&map->options->halt, &map->tally))
		return;
	map->ended = true;
	if (map->options->halt.when == HALT_NOW)
		stop(map);
}

/* --- items --------------------------------------------------------------------------------------------------------- */

static void convert(struct map *map)
{
	if (!map->options->json)
		return;
	map->converted.size = 0;
	const int error = brood_value_from_json(map->item, &map->converted);
	if (error == -ENOMEM)
		die("no memory is left");
	if (error)
		map_reject(&map->converted, map->item, error);
	else if (map->converted.size > ITEM_MOST)
		map_reject(&map->converted, map->item, -EMSGSIZE);
	map->item = (struct brood_bytes){map->converted.data, map->converted.size};
}

/* Submits what has come, and a burst at most: FED_ITEM where there may be more, or the pool is full. */
static enum fed supply(struct map *map, bool *full)
{
	*full = false;
	for (int i = 0; i < BURST && !map->ended && !map->stopped && !signaled; i++) {
		if (!map->held) {
			const enum fed fed = map_feed_next(&map->feed, &map->item);
			if (fed != FED_ITEM) {
				map->ended = fed == FED_END;
				map->trouble |= map->feed.failed;
				return fed;
			}
			convert(map);
			map->held = true;
		}
		const int error = brood_pool_submit(map->pool, map->item);
		if (error == -EAGAIN) {
			*full = true;
			return FED_ITEM;
		}
		if (error) {
			say("an item cannot be given to the workers: %s", strerror(-error));
			map->trouble = true;
			stop(map);
			return FED_END;
		}
		map->held = false;
	}
	if (signaled && !map->stopped)
		stop(map);
	return map->ended || map->stopped ? FED_END : FED_ITEM;
}

/* Nothing is under way: until an item comes, or a signal. */
static void wait_for_item(struct map *map)
{
	struct pollfd entry = {.fd = map_feed_fd(&map->feed), .events = POLLIN};
	const struct timespec tick = {.tv_nsec = IDLE_MILLISECONDS * 1000000L};
	sigset_t before;
	/* So that none comes between the look at it and the wait. */
	sigprocmask(SIG_BLOCK, &caught_set, &before);
	while (!signaled && !ppoll(&entry, 1, map->options->status == STATUS_NONE ? NULL : &tick, &before))
		map_status_tick(map->workers);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* --- going on ------------------------------------------------------------------------------------------------------ */

/* Takes the results that are there, and waits for one if so is said; what brood_pool_next gave at last. */
static int collect(struct map *map, double patience)
{
	struct brood_result result;
	int got = 0;
	for (int i = 0; i < BURST && (got = brood_pool_next(map->pool, &result, 0)) == 1; i++)
		take(map, &result);
	if (got == 1)
		return 1;
	flush(map);
	if (got != -ETIMEDOUT || patience == 0)
		return got;
	got = brood_pool_next(map->pool, &result, patience);
	if (got == 1)
		take(map, &result);
	return got;
}

/* One turn; false at the end. */
static bool go_on(struct map *map)
{
	bool full;
	const enum fed fed = supply(map, &full);
	const bool quiet = fed == FED_NOTHING_YET;
	const int got = collect(map, fed == FED_END || full ? -1 : quiet ? map->look : 0);
	if (got == 1 || !quiet)
		map->look = LOOK_LEAST;
	else if (got == -ETIMEDOUT)
		map->look = map->look * 2 < LOOK_MOST ? map->look * 2 : LOOK_MOST;
	if (got < 0 && got != -ETIMEDOUT) {
		say(got == -ECHILD ? "the workers end as soon as they start: %s" : "the workers cannot go on: %s", strerror(-got));
		map->trouble = true;
		return false;
	}
	if (got == 0 && quiet)
		wait_for_item(map);
	return got || fed != FED_END;
}

/* --- beginning and end --------------------------------------------------------------------------------------------- */

static void make_pool(struct map *map)
{
	const struct map_options *options = map->options;
	const unsigned flags = BROOD_TIMED | (options->keep_order ? BROOD_ORDERED : 0) | (options->pin ? BROOD_PINNED : 0) |
			       (options->costs ? BROOD_COSTS : 0) | (options->tracebacks ? BROOD_TRACEBACKS : 0);
	int error = brood_pool_new(&map->pool, options->json ? work_json : work, NULL,
		BROOD_OPTIONS(.workers = options->workers, .timeout = options->timeout,
			.grace = options->grace > 0 ? options->grace : -1, .retries = options->attempts - 1,
			.memory_limit = (size_t)options->memory, .recycle_after = (size_t)options->recycle,
			.backoff = options->backoff, .threads = (int)options->threads, .reporter = map_status_open(options),
			/* After a halt what has been submitted is still done, so that should not be much. */
			.window = options->halt.when ? (size_t)options->workers : 0, .flags = flags, .worker_start = start_worker));
	if (!error)
		map->workers = error = brood_pool_spawn(map->pool, 0);
	if (error < 0)
		die("no workers can be made: %s", strerror(-error));
}

static int exit_status(const struct map *map)
{
	if (signaled) {
		signals_die(signaled);
	}
	if (map->trouble)
		return EXIT_TROUBLE;
	return map->tally.failed >= EXIT_MANY ? EXIT_MANY : (int)map->tally.failed;
}

int map_main(char **arguments)
{
	struct map_options options;
	struct map map = {.options = &options, .look = LOOK_LEAST};
	map_options_read(&options, arguments);
	work = map_library_load(options.work);
	map_feed_open(&map.feed, options.items, options.paths, options.path_count, options.delimiter);
	make_pool(&map);
	catch_signals(map.pool);
	while (go_on(&map))
		;
	flush(&map);
	/* The handler has the pool. */
	sigprocmask(SIG_BLOCK, &caught_set, NULL);
	signaled_pool = NULL;
	brood_pool_free(map.pool);
	map_status_close();
	map_feed_close(&map.feed);
	brood_buffer_free(&map.converted);
	brood_buffer_free(&map.output);
	map_options_free(&options);
	sigprocmask(SIG_UNBLOCK, &caught_set, NULL);
	return exit_status(&map);
}
