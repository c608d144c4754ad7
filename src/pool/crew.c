/* SPDX-License-Identifier: MIT */
#include "pool/crew.h"

#include "base/clock.h"
#include "pool/arena.h"
#include "pool/backlog.h"
#include "pool/events.h"
#include "pool/handout.h"
#include "pool/hire.h"
#include "pool/mate.h"
#include "pool/mend.h"
#include "pool/order.h"
#include "pool/round.h"
#include "pool/watch.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* While there is work the host looks about that often, for the case that a worker has broken the board so that nobody rings. */
#define LOOK_ABOUT 0.1

/* Where more items than that are done in a second, each is not worth a ring: the host looks every so many seconds. */
#define FAST 500
#define FAST_LOOK 0.001

/* So many nurseries may die before the workers are there. */
#define NURSERIES 3

/* Until that time after the spawn no worker is made to be kept ready: a pool for a moment needs none. */
#define SPARE_AFTER 0.02

/* Places for the board and the boxes of so many lines, zero: those of the crew before, where they are large enough. 0 or -ENOMEM. */
static int take_places(brood_pool *pool, uint32_t lines)
{
	struct region *region = pool->region;
	const size_t boxes = lines * sizeof(struct blackbox);
	if (lines <= pool->lines) {
		region_clear(region, pool->board, board_size(lines));
		if (pool->boxes)
			region_clear(region, pool->boxes, boxes);
		return 0;
	}
	const uint64_t board = region_take(region, board_size(lines));
	if (!board)
		return -ENOMEM;
	pool->board = board;
	/* Where there is little shared memory, it is left to the items. */
	pool->boxes = boxes <= region->size / 8 ? region_take(region, boxes) : 0;
	pool->lines = lines;
	return 0;
}

int crew_new(brood_pool *pool, int workers)
{
	struct crew *crew = &pool->crew;
	const struct brood_options *options = &pool->options;
	const uint32_t lines = (uint32_t)workers + 1;
	if (take_places(pool, lines))
		return -ENOMEM;
	*crew = (struct crew){.board = region_at(pool->region, pool->board), .lines = lines, .wanted = workers,
			      .boxes = pool->boxes ? region_at(pool->region, pool->boxes) : NULL};
	crew->mates = calloc(lines, sizeof *crew->mates);
	crew->living = calloc(lines, sizeof *crew->living);
	if (!crew->mates || !crew->living) {
		crew_free(pool);
		return -ENOMEM;
	}
	arena_resume(pool);
	crew->plan = (struct worker_plan){.region = pool->region, .board = crew->board, .lines = lines, .function = pool->function,
		.context = pool->context, .start = options->worker_start, .end = options->worker_end,
		.recycle_after = options->recycle_after, .recycle_size = options->recycle_size,
		.value_size = options->value_size, .seed = options->seed,
		.timed = (options->flags & (BROOD_TIMED | BROOD_COSTS)) || options->reporter,
		.resets_peak = options->flags & BROOD_COSTS, .ring = nursery_ring};
	crew->spare_at = clock_now() + SPARE_AFTER;
	for (uint32_t i = 0; i < (uint32_t)workers; i++)
		mate_expect(pool, i, false);
	return 0;
}

static int take_reports(brood_pool *pool)
{
	struct nursery_report report;
	int result;
	while ((result = nursery_report(pool->crew.nursery, &report)) > 0) {
		int error = mate_report(pool, &report);
		if (error)
			return error;
	}
	return result;
}

/* Ends the nursery; it and its workers are gone, but perhaps for a last few instructions. */
static int bury_nursery(brood_pool *pool)
{
	struct nursery *nursery = pool->crew.nursery;
	struct pollfd bell = {.fd = nursery_bell(nursery), .events = POLLIN};
	double deadline = clock_now() + 1;
	while (nursery_quiet(nursery) && clock_now() < deadline)
		poll(&bell, 1, 10);
	int error = mates_orphaned(pool);
	events_output(pool);
	nursery_free(nursery);
	pool->crew.nursery = NULL;
	return error;
}

int crew_gather(brood_pool *pool)
{
	struct crew *crew = &pool->crew;
	for (int lost = 0;;) {
		int result = take_reports(pool);
		if (result == -EPIPE && lost++ < NURSERIES) {
			result = bury_nursery(pool);
			if (!result)
				result = hire_nursery(pool);
		}
		if (result < 0)
			return result == -EPIPE ? -EAGAIN : result;
		bool all = true;
		for (uint32_t i = 0; i < crew->lines; i++)
			all &= crew->mates[i].state != MATE_STARTING;
		if (all)
			return crew->present ? crew->present : crew->start_error ? crew->start_error : -EAGAIN;
		struct pollfd item = {.fd = nursery_fd(crew->nursery), .events = POLLIN};
		poll(&item, 1, clock_poll_timeout(events_tick(pool, clock_now())));
	}
}

void crew_forget(brood_pool *pool)
{
	struct crew *crew = &pool->crew;
	if (crew->nursery)
		nursery_forget(crew->nursery);
	if (!pool->round.streaming)
		free(pool->round.seen);
	pool->round = (struct round){0};
	backlog_clear(&pool->backlog);
	free(crew->mates);
	free(crew->living);
	*crew = (struct crew){0};
}

static void dismiss(brood_pool *pool)
{
	struct crew *crew = &pool->crew;
	order_strip(pool);
	order_condemn(pool, clock_now());
	atomic_store(&crew->board->frozen, 0);
	for (uint32_t i = 0; i < crew->lines; i++) {
		atomic_store(&crew->board->line[i].role, BOARD_LEAVE);
		handout_shake(pool, i);
	}
	pool->round.batch = NULL;
	nursery_leave(crew->nursery);
}

/* Kills whoever has not left by the deadline, and again each second. */
static void kill_late(brood_pool *pool, double *deadline)
{
	double now = clock_now();
	mates_watch(pool, now);
	if (now < *deadline)
		return;
	*deadline = now + 1;
	for (uint32_t i = 0; i < pool->crew.lines; i++)
		if (pool->crew.mates[i].state != MATE_ABSENT)
			nursery_signal(pool->crew.nursery, (int)i, SIGKILL);
}

static bool are_all_gone(const struct crew *crew)
{
	for (uint32_t i = 0; i < crew->lines; i++)
		if (crew->mates[i].state != MATE_ABSENT)
			return false;
	return true;
}

void crew_free(brood_pool *pool)
{
	struct crew *crew = &pool->crew;
	double deadline = clock_now() + MATE_LEAVE_TIME;
	if (crew->nursery)
		dismiss(pool);
	while (crew->nursery) {
		if (take_reports(pool) == -EPIPE) {
			bury_nursery(pool);
			break;
		}
		/* It ends by itself then, and to be told so by each of its descriptors takes three wakes more. */
		if (are_all_gone(crew) && nursery_output_fd(crew->nursery) < 0) {
			nursery_free(crew->nursery);
			crew->nursery = NULL;
			break;
		}
		/* One that asks for memory now would wait for ever. */
		arena_answer(pool);
		kill_late(pool, &deadline);
		const double now = clock_now();
		double due = fmin(fmin(deadline, mates_due(pool, now, true)), events_tick(pool, now));
		struct pollfd items[] = {{.fd = nursery_fd(crew->nursery), .events = POLLIN},
					 {.fd = nursery_bell(crew->nursery), .events = POLLIN},
					 {.fd = nursery_output_fd(crew->nursery), .events = POLLIN}};
		poll(items, 3, clock_poll_timeout(due));
		events_output(pool);
		if (items[1].revents)
			nursery_quiet(crew->nursery);
	}
	if (crew->mates)
		arena_keep(pool);
	crew_forget(pool);
}

void crew_post(brood_pool *pool)
{
	struct board *board = pool->crew.board;
	pool->round.batch->board.serial = ++pool->serial;
	/* With what lies between its members, so that it can be compared. */
	memcpy(&board->batch, &pool->round.batch->board, sizeof board->batch);
	pool->round.batch->workers = pool->crew.lines;
	atomic_store(&board->retried, 0);
	atomic_store(&board->origin, 0);
	atomic_store(&board->tick_wanted, 0);
	atomic_store(&board->opened, 1);
	pool->crew.canceling = false;
	pool->crew.mend_at = 0;
	pool->crew.rate = 0;
	pool->crew.measured = clock_now();
	pool->crew.measured_done = pool->round.done;
	arena_open(pool);
}

int crew_give(brood_pool *pool, struct board_range range)
{
	const double now = clock_now();
	handout_balance(pool, board_left(range), now);
	int error = backlog_add(&pool->backlog, range, 0);
	if (!error)
		handout_give(pool, now);
	return error;
}

void crew_measure(brood_pool *pool, double now)
{
	struct crew *crew = &pool->crew;
	double span = now - crew->measured;
	if (span >= FAST_LOOK) {
		crew->rate = (double)(pool->round.done - crew->measured_done) / span;
		crew->measured = now;
		crew->measured_done = pool->round.done;
	}
}

int crew_tend(brood_pool *pool, double now)
{
	struct crew *crew = &pool->crew;
	int error = crew->nursery ? take_reports(pool) : 0;
	if (error == -EPIPE)
		error = bury_nursery(pool);
	if (error)
		return error;
	events_output(pool);
	mates_watch(pool, now);
	/* Whoever has ended is replaced when there is something to do; and what it had done may have been the last. */
	if (pool->round.batch && crew->present < crew->wanted && (error = round_look(pool)))
		return error;
	if (round_unfinished(pool))
		error = mates_replace(pool, now);
	if (error || !crew->nursery)
		return error;
	arena_answer(pool);
	if (round_unfinished(pool))
		error = mend_board(pool, now);
	if (!error)
		error = order_settle(pool, now);
	if (error)
		return error;
	handout_balance(pool, 0, now);
	handout_give(pool, now);
	handout_rouse(pool);
	return 0;
}

bool crew_is_fast(const brood_pool *pool)
{
	return pool->crew.rate > FAST;
}

static double next_look(const brood_pool *pool, double now)
{
	const struct crew *crew = &pool->crew;
	const bool busy = round_unfinished(pool);
	double due = mates_due(pool, now, busy), waiting = backlog_due(&pool->backlog);
	if (!busy)
		return due;
	due = fmin(due, now + (atomic_load(&crew->board->frozen) ? FAST_LOOK : LOOK_ABOUT));
	if (crew->present < crew->wanted || !crew->nursery)
		due = fmin(due, crew->restart_at);
	if (crew->spare_at > now)
		due = fmin(due, crew->spare_at);
	return waiting > now ? fmin(due, waiting) : due;
}

static void sleep_until(brood_pool *pool, double now, double due)
{
	const struct crew *crew = &pool->crew;
	struct pollfd items[] = {{.fd = pool->alarm, .events = POLLIN},
				 {.fd = crew->nursery ? nursery_fd(crew->nursery) : -1, .events = POLLIN},
				 {.fd = crew->nursery ? nursery_bell(crew->nursery) : -1, .events = POLLIN},
				 {.fd = crew->nursery ? nursery_output_fd(crew->nursery) : -1, .events = POLLIN}};
	double seconds = fmin(fmax(due - now, 0), 1e6), whole = floor(seconds);
	struct timespec wait = {.tv_sec = (time_t)whole, .tv_nsec = (long)((seconds - whole) * 1e9)};
	if (ppoll(items, 4, isinf(due) && due > 0 ? NULL : &wait, NULL) <= 0)
		return;
	uint64_t count;
	if (items[0].revents && read(pool->alarm, &count, sizeof count) < 0)
		return;
	if (items[2].revents)
		nursery_quiet(crew->nursery);
}

/* Does what there is to do, and has workers ring from now on; due is when to look again at the latest. */
static int lie_down(brood_pool *pool, double now, double *due)
{
	struct crew *crew = &pool->crew;
	int error = crew_tend(pool, now);
	if (error)
		return error;
	crew_measure(pool, now);
	const bool each = pool->round.seen && !crew_is_fast(pool);
	*due = fmin(next_look(pool, now), events_tick(pool, now));
	if (round_unfinished(pool) && ((pool->round.seen && !each) || atomic_load(&crew->board->tick_wanted)))
		*due = fmin(*due, now + FAST_LOOK);
	atomic_store(&crew->board->asleep, each ? BOARD_EACH : BOARD_PARKED);
	return 0;
}

static void move_tick(struct crew *crew, double now)
{
	if (now - crew->ticked >= FAST_LOOK) {
		crew->ticked = now;
		atomic_fetch_add(&crew->board->tick, 1);
	}
}

int crew_step(brood_pool *pool, double deadline, bool (*awake)(brood_pool *))
{
	struct crew *crew = &pool->crew;
	const double now = clock_now();
	double due;
	int error = lie_down(pool, now, &due);
	if (error)
		return error;
	if (!awake(pool) && !arena_wanted(pool))
		sleep_until(pool, now, fmin(due, deadline));
	atomic_store(&crew->board->asleep, BOARD_AWAKE);
	move_tick(crew, now);
	return 0;
}

int crew_watch(brood_pool *pool, bool (*awake)(brood_pool *))
{
	struct crew *crew = &pool->crew;
	const double now = clock_now();
	double due;
	/* What has been rung so far is no news. */
	sleep_until(pool, now, now);
	int error = lie_down(pool, now, &due);
	if (error)
		return error;
	move_tick(crew, now);
	if (awake(pool)) {
		atomic_store(&crew->board->asleep, BOARD_AWAKE);
		return 1;
	}
	/* Who wants memory is answered by the next call, or this one might not end where a worker only pretends to. */
	watch_cool(pool, arena_wanted(pool) ? now : due);
	return 0;
}
