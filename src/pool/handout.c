/* SPDX-License-Identifier: MIT */
#include "pool/handout.h"

#include "base/futex.h"
#include "pool/backlog.h"
#include "pool/mate.h"
#include "pool/round.h"

static bool works(const struct mate *mate)
{
	return mate->state != MATE_ABSENT && !mate->spare && !mate->condemned;
}

static bool takes(const struct mate *mate)
{
	return works(mate) && !mate->resting;
}

void handout_shake(brood_pool *pool, uint32_t number)
{
	struct board_line *line = &pool->crew.board->line[number];
	atomic_store(&line->parked, 0);
	futex_wake(&line->parked);
}

void handout_wake(brood_pool *pool, uint32_t number)
{
	if (atomic_load(&pool->crew.board->line[number].parked))
		handout_shake(pool, number);
}

/*
 * Where items are done at such a rate, it may be the host that takes longest, and what waits is little if it is done in so many
 * seconds. Then fewer workers do it sooner: where each processor has its process, one more takes the host's, and to wake it takes 5
 * microseconds of that. With two processors, two workers and a stream of no-ops it was up to half of the time.
 */
#define TINY 1e7
#define LITTLE 0.0002

static double waiting_for(const struct crew *crew, uint32_t more)
{
	double waiting = more;
	for (uint32_t i = 0; i < crew->lines; i++) {
		const struct board_line *line = &crew->board->line[i];
		waiting += board_left(board_unpack(atomic_load_explicit(&line->range, memory_order_relaxed)));
		waiting += board_left(board_unpack(atomic_load_explicit(&line->gift, memory_order_relaxed)));
	}
	return waiting / crew->rate;
}

static void set_resting(struct crew *crew, uint32_t number, bool rests)
{
	crew->mates[number].resting = rests;
	crew->resting += rests ? 1 : -1;
}

/* Whether it has been busy with one item since before the last look. */
static bool is_held_up(const struct crew *crew, uint32_t number, double now)
{
	const struct mate *mate = &crew->mates[number];
	return mate->running && now - mate->since > LITTLE && atomic_load(&crew->board->line[number].running) == mate->running;
}

/* Whether items that it is given now are begun now. */
static bool is_active(const struct crew *crew, uint32_t number, double now)
{
	return takes(&crew->mates[number]) && !is_held_up(crew, number, now);
}

static uint32_t count_active(const struct crew *crew, double now)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < crew->lines; i++)
		count += is_active(crew, i, now);
	return count;
}

/* So many more workers rest. */
static void rest(brood_pool *pool, uint32_t count, double now)
{
	struct crew *crew = &pool->crew;
	for (uint32_t i = 0; i < crew->lines && count; i++) {
		if (!is_active(crew, i, now))
			continue;
		set_resting(crew, i, true);
		atomic_store(&crew->board->line[i].role, BOARD_RESTING);
		/* One that sleeps does so until it is woken; one that rests, for a while. */
		handout_wake(pool, i);
		count--;
	}
}

/* So many fewer rest. */
static void rouse(struct crew *crew, uint32_t count)
{
	for (uint32_t i = 0; i < crew->lines && count; i++) {
		if (!crew->mates[i].resting)
			continue;
		set_resting(crew, i, false);
		atomic_store(&crew->board->line[i].role, BOARD_ACTIVE);
		count--;
	}
}

/* Who has rested long enough is active of itself. */
static void note_rested(struct crew *crew)
{
	for (uint32_t i = 0; i < crew->lines; i++)
		if (crew->mates[i].resting && atomic_load(&crew->board->line[i].role) != BOARD_RESTING)
			set_resting(crew, i, false);
}

void handout_balance(brood_pool *pool, uint32_t more, double now)
{
	struct crew *crew = &pool->crew;
	if (crew->resting)
		note_rested(crew);
	if (!(crew->rate > TINY)) {
		if (crew->resting)
			rouse(crew, UINT32_MAX);
		return;
	}
	const uint32_t active = count_active(crew, now);
	const double waiting = waiting_for(crew, more);
	if (waiting < LITTLE && active > 1)
		rest(pool, active / 2, now);
	else if (crew->resting && (waiting > 2 * LITTLE || !active))
		rouse(crew, active ? active : 1);
}

/* Gives the range to one worker, from the line on where the last one was given to; one that sleeps, where that is asked for. */
static bool give_one(brood_pool *pool, struct board_range range, bool asleep)
{
	struct crew *crew = &pool->crew;
	for (uint32_t i = 0; i < crew->lines; i++) {
		crew->next = crew->next + 1 < crew->lines ? crew->next + 1 : 0;
		struct board_line *line = &crew->board->line[crew->next];
		if (!takes(&crew->mates[crew->next]) || (asleep && !atomic_load(&line->parked)))
			continue;
		if (board_give(line, range)) {
			handout_wake(pool, crew->next);
			return true;
		}
	}
	return false;
}

/* What is left of the range. */
static struct board_range give(brood_pool *pool, struct board_range range)
{
	const int active = pool->crew.present - pool->crew.resting;
	const uint32_t workers = active > 0 ? (uint32_t)active : 1;
	const uint32_t part = board_left(range) / workers + (board_left(range) % workers > 0);
	while (board_left(range)) {
		uint32_t end = board_left(range) < part ? range.end : range.begin + part;
		struct board_range some = {range.begin, end};
		if (!give_one(pool, some, true) && !give_one(pool, some, false))
			break;
		range.begin = end;
	}
	return range;
}

void handout_give(brood_pool *pool, double now)
{
	struct backlog *backlog = &pool->backlog;
	size_t kept = 0;
	for (size_t i = 0; i < backlog->count; i++) {
		struct pending entry = backlog->entries[i];
		if (entry.due <= now)
			entry.range = give(pool, entry.range);
		if (board_left(entry.range))
			backlog->entries[kept++] = entry;
	}
	backlog->count = kept;
}

bool handout_idle(brood_pool *pool)
{
	const struct crew *crew = &pool->crew;
	uint64_t place;
	for (uint32_t i = 0; i < crew->lines; i++)
		if ((works(&crew->mates[i]) && !atomic_load(&crew->board->line[i].parked)) ||
		    (crew->mates[i].condemned && crew->living[i] && mate_running(pool, i, &place)))
			return false;
	return !board_offers(crew->board, crew->lines);
}

bool handout_starved(const brood_pool *pool)
{
	const struct crew *crew = &pool->crew;
	for (uint32_t i = 0; i < crew->lines; i++)
		if (takes(&crew->mates[i]) && atomic_load(&crew->board->line[i].parked))
			return true;
	return false;
}

void handout_rouse(brood_pool *pool)
{
	const struct crew *crew = &pool->crew;
	for (uint32_t i = 0; i < crew->lines; i++) {
		if (!takes(&crew->mates[i]) || !atomic_load(&crew->board->line[i].parked))
			continue;
		if (!board_offers(crew->board, crew->lines))
			return;
		handout_wake(pool, i);
	}
}

struct board_range handout_clip(const brood_pool *pool, struct board_range range)
{
	uint64_t place;
	if (!board_left(range) || !round_place(pool, range.begin, &place))
		return (struct board_range){0};
	if (board_left(range) > pool->round.high - place)
		range.end = range.begin + (uint32_t)(pool->round.high - place);
	return range;
}

int handout_recall(brood_pool *pool, uint32_t number)
{
	struct board_range held[2];
	board_strip(&pool->crew.board->line[number], held);
	int error = backlog_add(&pool->backlog, handout_clip(pool, held[0]), 0);
	int other = backlog_add(&pool->backlog, handout_clip(pool, held[1]), 0);
	return error ? error : other;
}
