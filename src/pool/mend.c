/* SPDX-License-Identifier: MIT */
#include "pool/mend.h"

#include "base/futex.h"
#include "pool/handout.h"

#include <string.h>

#define EVERY 0.5

/* Workers read the batch again only where its serial is new to them. */
void mend_batch(brood_pool *pool)
{
	if (!pool->round.batch)
		return;
	struct board_batch *own = &pool->round.batch->board, *shared = &pool->crew.board->batch;
	if (!memcmp(shared, own, sizeof *own))
		return;
	own->serial = ++pool->serial;
	memcpy(shared, own, sizeof *own);
}

/* The nursery may have made a spare worker active. */
static bool mend_role(const struct mate *mate, struct board_line *line)
{
	const uint32_t role = atomic_load(&line->role);
	const uint32_t ours = mate->condemned ? BOARD_LEAVE : mate->spare ? BOARD_SPARE : mate->resting ? BOARD_RESTING : BOARD_ACTIVE;
	if (role == ours || (role == BOARD_ACTIVE && !mate->condemned))
		return false;
	atomic_store(&line->role, ours);
	return true;
}

static bool is_ours(const brood_pool *pool, struct board_range range)
{
	return board_left(handout_clip(pool, range)) == board_left(range);
}

/* Numbers that are not the round's keep a worker busy with nothing, perhaps with four thousand million of it. */
static int mend_range(brood_pool *pool, uint32_t number, struct board_line *line)
{
	if (is_ours(pool, board_unpack(atomic_load(&line->range))) && is_ours(pool, board_unpack(atomic_load(&line->gift))))
		return 0;
	pool->crew.seek = true;
	return handout_recall(pool, number);
}

/* It waits for memory, and what it asked for is not there any more: it asks again. */
static void mend_answer(struct board_line *line)
{
	uint32_t asked = BOARD_ASKED;
	if (!atomic_load(&line->wanted))
		atomic_compare_exchange_strong(&line->answer, &asked, BOARD_GRANTED);
	futex_wake(&line->answer);
}

int mend_board(brood_pool *pool, double now)
{
	struct crew *crew = &pool->crew;
	int error = 0;
	if (now < crew->mend_at)
		return 0;
	/* Not at once: most rounds are over by then. */
	const bool first = crew->mend_at <= 0;
	crew->mend_at = now + EVERY;
	if (first)
		return 0;
	mend_batch(pool);
	atomic_store(&crew->board->opened, 1);
	for (uint32_t i = 0; i < crew->lines && !error; i++) {
		const struct mate *mate = &crew->mates[i];
		struct board_line *line = &crew->board->line[i];
		if (mate->state == MATE_ABSENT)
			continue;
		if (mate->spare)
			atomic_store(&crew->board->spare, i + 1);
		error = mend_range(pool, i, line);
		mend_answer(line);
		/* One that sleeps runs nothing, and moves nothing; and its line says that it sleeps. */
		if (mend_role(mate, line) || atomic_load(&line->parked) != 1 || atomic_load(&line->running) || atomic_load(&line->moving))
			handout_shake(pool, i);
	}
	return error;
}
