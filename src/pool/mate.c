/* SPDX-License-Identifier: MIT */
#include "pool/mate.h"

#include "base/clock.h"
#include "pool/arena.h"
#include "pool/backlog.h"
#include "pool/events.h"
#include "pool/handout.h"
#include "pool/hire.h"
#include "pool/mend.h"
#include "pool/round.h"

#include <errno.h>
#include <math.h>
#include <signal.h>

enum { STARTS = 8 };

#define GRACE 0.2

/* So long, and its grace, has a worker that is looked at before it is killed, where nobody says that it has been. */
#define TRACE_TIME 3

static double grace_of(const brood_pool *pool)
{
	return pool->options.grace > 0 ? pool->options.grace : pool->options.grace < 0 ? 0 : GRACE;
}

void mate_expect(brood_pool *pool, uint32_t number, bool spare)
{
	struct board_line *line = &pool->crew.board->line[number];
	struct mate *mate = &pool->crew.mates[number];
	atomic_store(&line->running, 0);
	atomic_store(&line->moving, 0);
	atomic_store(&line->parked, 0);
	atomic_store(&line->ready, 0);
	atomic_store(&line->role, spare ? BOARD_SPARE : BOARD_ACTIVE);
	if (spare)
		atomic_store(&pool->crew.board->spare, number + 1);
	if (mate->used && pool->crew.boxes)
		blackbox_clear(&pool->crew.boxes[number]);
	*mate = (struct mate){.state = MATE_STARTING, .spare = spare, .used = true, .arena = mate->arena,
			       .arena_end = mate->arena_end};
	pool->crew.living[number] = true;
	pool->crew.present += !spare;
}

static void tell_spawn(brood_pool *pool, uint32_t number)
{
	events_fire(pool, pool->reporter.spawn,
		(struct brood_event){.pid = pool->crew.mates[number].pid, .worker = (int)number});
}

static void back_off(struct crew *crew, int error)
{
	crew->start_error = error;
	crew->failures++;
	crew->restart_at = clock_now() + fmin(0.001 * exp2(crew->failures), 1);
}

bool mate_running(brood_pool *pool, uint32_t number, uint64_t *place)
{
	struct board_line *line = &pool->crew.board->line[number];
	uint32_t item;
	return atomic_load(&line->running) != pool->crew.mates[number].failed && board_guilty(line, &item) &&
	       round_place(pool, item, place) && round_pending(pool, *place);
}

void mate_failed(brood_pool *pool, uint32_t number, uint32_t item)
{
	if (number >= pool->crew.lines)
		return;
	uint64_t running = atomic_load(&pool->crew.board->line[number].running);
	if ((uint32_t)running == item)
		pool->crew.mates[number].failed = running;
}

bool mate_is_canceled(const brood_pool *pool, uint32_t number, uint32_t item)
{
	const struct mate *mate = number < pool->crew.lines ? &pool->crew.mates[number] : NULL;
	return mate && mate->condemned == BROOD_CANCELED && (uint32_t)mate->condemned_running == item;
}

bool mates_run(brood_pool *pool, uint64_t place)
{
	uint64_t running;
	for (uint32_t i = 0; i < pool->crew.lines; i++)
		if (pool->crew.mates[i].condemned && mate_running(pool, i, &running) && running == place)
			return true;
	return false;
}

/* What the attempt of the line's owner cost that has ended with its owner: false, nobody knows, or nobody asks. */
static bool cost_of(const brood_pool *pool, const struct nursery_report *end, uint64_t running, uint64_t place,
		    struct brood_cost *out)
{
	const struct batch *batch = pool->round.batch;
	if (!batch->costs || end->kind != NURSERY_ENDED)
		return false;
	const struct cost_death death = {(uint64_t)end->status.pid, running, end->usage};
	return cost_of_dead(batch->region, &batch->board, round_slot(pool, place), &death, out);
}

/* The line's owner has ended: what it ran is judged. */
static int judge(brood_pool *pool, uint32_t number, const struct nursery_report *end)
{
	const struct mate *mate = &pool->crew.mates[number];
	uint64_t running = atomic_load(&pool->crew.board->line[number].running), place;
	if (!mate_running(pool, number, &place))
		return 0;
	/* One that was to be killed may have ended by itself before; but of one that went with its nursery nobody knows. */
	const bool reported = end->kind == NURSERY_ENDED, killed = mate->condemned && (end->signaled || !reported);
	/* It was killed for an item that it had done by then. */
	if (killed && mate->condemned_running != running)
		return backlog_add(&pool->backlog, (struct board_range){round_number(pool, place), round_number(pool, place) + 1}, 0);
	const double ended = reported ? end->ended : clock_now();
	struct brood_cost cost;
	struct verdict verdict = {.outcome = killed ? mate->condemned : BROOD_ABORT, .status = &end->status,
				  .worker = (int)number, .started = mate->running == running ? fmin(mate->since, ended) : ended, .ended = ended,
				  .cost = cost_of(pool, end, running, place, &cost) ? &cost : NULL,
				  .box = pool->crew.boxes ? &pool->crew.boxes[number] : NULL,
				  .orphaned = !reported && !mate->condemned,
				  .last = mate_is_canceled(pool, number, round_number(pool, place))};
	return round_judge(pool, place, &verdict);
}

static void activate(brood_pool *pool, uint32_t number)
{
	struct crew *crew = &pool->crew;
	crew->mates[number].spare = false;
	crew->present++;
	crew->spare_at = 0;
	atomic_store(&crew->board->line[number].role, BOARD_ACTIVE);
	handout_wake(pool, number);
	tell_spawn(pool, number);
}

/* There is no owner of the line any more. */
static void leave(struct crew *crew, uint32_t number)
{
	struct mate *mate = &crew->mates[number];
	crew->present -= !mate->spare;
	crew->resting -= mate->resting;
	mate->resting = false;
	mate->state = MATE_ABSENT;
	crew->living[number] = false;
}

/* The nursery may have made it an active one already. */
static bool is_activated(const struct crew *crew, uint32_t number)
{
	return crew->mates[number].state == MATE_PRESENT && crew->mates[number].spare &&
	       atomic_load(&crew->board->line[number].role) == BOARD_ACTIVE;
}

/* Of one that has gone with its nursery there is no report of its end, but one made up, of no kind. */
static int end(brood_pool *pool, uint32_t number, const struct nursery_report *report)
{
	const bool orphaned = report->kind != NURSERY_ENDED;
	struct crew *crew = &pool->crew;
	struct mate *mate = &crew->mates[number];
	struct board_line *line = &crew->board->line[number];
	if (mate->state == MATE_ABSENT)
		return 0;
	/* The nursery may have made it an active one, and it been condemned, before the end of the one before it was told. */
	if (is_activated(crew, number) || (mate->spare && mate->condemned))
		activate(pool, number);
	crew->living[number] = false;
	int error = judge(pool, number, report);
	int other = handout_recall(pool, number);
	crew->seek |= atomic_load(&line->moving) != 0;
	arena_close(pool, number);
	/* Whoever dies before it is ready would only do so again. */
	if (atomic_load(&line->ready))
		crew->failures = 0;
	else if (!orphaned)
		back_off(crew, 0);
	atomic_store(&line->role, BOARD_ABSENT);
	/* Of one that went with its nursery nobody may have been told that it was made. */
	const bool told = mate->state == MATE_PRESENT;
	leave(crew, number);
	if (!mate->spare && told)
		events_fire(pool, pool->reporter.exit,
			(struct brood_event){.pid = report->status.pid, .worker = (int)number, .status = &report->status});
	return error ? error : other;
}

/* What it is condemned for may be done by now: it goes on. */
static bool reprieve(brood_pool *pool, uint32_t number)
{
	struct mate *mate = &pool->crew.mates[number];
	struct board_line *line = &pool->crew.board->line[number];
	uint64_t place;
	/* Without a round all are to leave. */
	if (!pool->round.batch || (mate_running(pool, number, &place) && atomic_load(&line->running) == mate->condemned_running))
		return false;
	mate->tracing = false;
	mate->condemned = BROOD_PENDING;
	atomic_store(&line->role, BOARD_ACTIVE);
	handout_shake(pool, number);
	return true;
}

static void end_softly(brood_pool *pool, uint32_t number, double now)
{
	struct mate *mate = &pool->crew.mates[number];
	if (mate->tracing && reprieve(pool, number))
		return;
	mate->tracing = false;
	mate->kill_at = now + grace_of(pool);
	if (pool->options.grace < 0)
		return;
	nursery_signal(pool->crew.nursery, (int)number, SIGTERM);
	/* For one that is stopped, so that it can end by itself. */
	nursery_signal(pool->crew.nursery, (int)number, SIGCONT);
}

void mate_condemn(brood_pool *pool, uint32_t number, enum brood_outcome outcome, double now)
{
	struct mate *mate = &pool->crew.mates[number];
	struct crew *crew = &pool->crew;
	struct board_line *line = &crew->board->line[number];
	const uint64_t running = atomic_load(&line->running);
	/* Its grace has begun. */
	if (mate->condemned && !mate->tracing && mate->condemned_running == running)
		return;
	mate->condemned = outcome;
	mate->condemned_running = running;
	/* If it outlasts that item it leaves, and begins no other: that one would be killed for this one. */
	crew->resting -= mate->resting;
	mate->resting = false;
	atomic_store(&line->role, BOARD_LEAVE);
	crew->seek |= handout_recall(pool, number) != 0;
	if (reprieve(pool, number))
		return;
	mate->tracing = outcome == BROOD_TIMEOUT && pool->crew.boxes && !(pool->options.flags & BROOD_UNTRACED);
	if (!mate->tracing) {
		end_softly(pool, number, now);
		return;
	}
	mate->kill_at = now + TRACE_TIME + grace_of(pool);
	nursery_trace(pool->crew.nursery, (int)number);
}

int mate_report(brood_pool *pool, const struct nursery_report *report)
{
	struct crew *crew = &pool->crew;
	uint32_t number = (uint32_t)report->number;
	if (number >= crew->lines)
		return 0;
	struct mate *mate = &crew->mates[number];
	if (report->kind == NURSERY_TRACED) {
		mate->running = atomic_load(&crew->board->line[number].running);
		if (mate->tracing)
			end_softly(pool, number, clock_now());
		return 0;
	}
	if (report->kind == NURSERY_ENDED)
		return end(pool, number, report);
	if (report->error) {
		crew->spare_at = mate->spare ? clock_now() + 1 : crew->spare_at;
		leave(crew, number);
		back_off(crew, report->error);
		return handout_recall(pool, number);
	}
	mate->state = MATE_PRESENT;
	mate->pid = report->status.pid;
	if (!mate->spare)
		tell_spawn(pool, number);
	return 0;
}

int mates_orphaned(brood_pool *pool)
{
	struct crew *crew = &pool->crew;
	int error = 0;
	bool lost = false, ready = false;
	for (uint32_t i = 0; i < crew->lines; i++) {
		lost |= crew->mates[i].state != MATE_ABSENT;
		ready |= atomic_load(&crew->board->line[i].ready) != 0;
		const struct nursery_report gone = {.status = {.pid = crew->mates[i].pid, .signal = SIGKILL}};
		int result = end(pool, i, &gone);
		error = error ? error : result;
	}
	/* Nor need the next nursery live longer; but one may also have left when all had ended. */
	if (lost && !ready)
		back_off(crew, -EAGAIN);
	return error;
}

void mates_watch(brood_pool *pool, double now)
{
	struct crew *crew = &pool->crew;
	for (uint32_t i = 0; i < crew->lines; i++) {
		struct mate *mate = &crew->mates[i];
		uint64_t place, running = atomic_load(&crew->board->line[i].running);
		if (mate->state != MATE_PRESENT)
			continue;
		if (mate->running != running) {
			mate->running = running;
			mate->since = now;
		}
		if (running && mate_running(pool, i, &place)) {
			round_begun(pool, place, (int)i, mate->since);
			if (pool->options.timeout > 0 && !mate->condemned && now - mate->since >= pool->options.timeout)
				mate_condemn(pool, i, BROOD_TIMEOUT, now);
		}
		if (!mate->condemned || now < mate->kill_at)
			continue;
		if (pool->round.batch && !mate->outlasted && !mate_running(pool, i, &place)) {
			/* It leaves, as others do. */
			mate->outlasted = true;
			mate->kill_at = now + MATE_LEAVE_TIME;
		} else {
			nursery_signal(crew->nursery, (int)i, SIGKILL);
			mate->kill_at = now + 1;
		}
	}
}

double mates_due(const brood_pool *pool, double now, bool busy)
{
	const struct crew *crew = &pool->crew;
	const double timeout = pool->options.timeout;
	double due = INFINITY;
	if (busy && timeout > 0)
		due = now + fmin(fmax(timeout / 8, 0.001), 0.1);
	if (busy && pool->reporter.begin)
		due = fmin(due, now + 0.05);
	for (uint32_t i = 0; i < crew->lines; i++) {
		const struct mate *mate = &crew->mates[i];
		if (mate->state != MATE_PRESENT)
			continue;
		if (mate->condemned)
			due = fmin(due, mate->kill_at);
		else if (busy && timeout > 0 && mate->running && mate->since + timeout > now)
			due = fmin(due, mate->since + timeout);
	}
	return due;
}

static uint32_t find(const struct crew *crew, bool (*test)(const struct crew *, uint32_t))
{
	for (uint32_t i = 0; i < crew->lines; i++)
		if (test(crew, i))
			return i;
	return crew->lines;
}

static bool is_absent(const struct crew *crew, uint32_t number)
{
	return crew->mates[number].state == MATE_ABSENT;
}

static bool is_spare(const struct crew *crew, uint32_t number)
{
	return crew->mates[number].state != MATE_ABSENT && crew->mates[number].spare;
}

static bool is_ready(const struct crew *crew, uint32_t number)
{
	const struct mate *mate = &crew->mates[number];
	return mate->state == MATE_PRESENT && mate->spare && !mate->condemned && atomic_load(&crew->board->line[number].ready);
}

static void start(brood_pool *pool, bool spare)
{
	uint32_t number = find(&pool->crew, is_absent);
	if (number == pool->crew.lines)
		return;
	mend_batch(pool);
	mate_expect(pool, number, spare);
	nursery_start(pool->crew.nursery, (int)number);
}

int mates_replace(brood_pool *pool, double now)
{
	struct crew *crew = &pool->crew;
	if (!crew->present && crew->failures >= STARTS)
		return crew->start_error ? crew->start_error : -ECHILD;
	if (!crew->nursery && now < crew->restart_at)
		return 0;
	if (!crew->nursery) {
		int error = hire_nursery(pool);
		if (error)
			back_off(crew, error);
		return 0;
	}
	uint32_t activated = find(crew, is_activated);
	/* Not before the end of the one whose place it takes has been told. */
	if (activated < crew->lines && crew->present < crew->wanted)
		activate(pool, activated);
	/* Where no more will be given, only for what is there. */
	if (atomic_load(&crew->board->last) && !pool->backlog.count && !board_offers(crew->board, crew->lines))
		return 0;
	while (crew->present < crew->wanted) {
		uint32_t spare = find(crew, is_ready);
		if (spare < crew->lines)
			activate(pool, spare);
		else if (now >= crew->restart_at)
			start(pool, false);
		else
			break;
	}
	if (crew->present == crew->wanted && now >= crew->spare_at && find(crew, is_spare) == crew->lines)
		start(pool, true);
	return 0;
}
