/* SPDX-License-Identifier: MIT */
#include "pool/board.h"

#include <string.h>

size_t board_size(uint32_t lines)
{
	return sizeof(struct board) + lines * sizeof(struct board_line);
}

/* The line's range is empty, and only its owner fills it. */
static bool take_gift(struct board_line *own, struct board_line *from)
{
	if (!atomic_load_explicit(&from->gift, memory_order_relaxed))
		return false;
	uint64_t gift = atomic_exchange_explicit(&from->gift, 0, memory_order_acq_rel);
	if (!gift)
		return false;
	atomic_store_explicit(&own->range, gift, memory_order_release);
	return true;
}

static bool steal(struct board_line *own, struct board_line *from)
{
	uint64_t range = atomic_load_explicit(&from->range, memory_order_relaxed);
	for (;;) {
		struct board_range r = board_unpack(range);
		uint32_t left = board_left(r), take = left - left / 2;
		if (!left)
			return false;
		if (atomic_compare_exchange_weak_explicit(&from->range, &range, board_pack(r.begin, r.end - take),
							  memory_order_acq_rel, memory_order_relaxed)) {
			atomic_store_explicit(&own->range, board_pack(r.end - take, r.end), memory_order_release);
			return true;
		}
	}
}

bool board_refill(struct board *board, uint32_t lines, uint32_t line)
{
	struct board_line *own = &board->line[line];
	bool found = false;
	atomic_store_explicit(&own->running, 0, memory_order_relaxed);
	/* Either the host sees moving, or this sees frozen. */
	atomic_store(&own->moving, 1);
	if (!atomic_load(&board->frozen)) {
		found = take_gift(own, own);
		for (uint32_t i = 1; !found && i < lines; i++) {
			struct board_line *from = &board->line[line + i < lines ? line + i : line + i - lines];
			found = steal(own, from) || take_gift(own, from);
		}
	}
	atomic_store_explicit(&own->moving, 0, memory_order_release);
	return found;
}

static bool empty(struct board_line *line)
{
	struct board_range range = board_unpack(atomic_load(&line->range));
	return !board_left(range) && !atomic_load(&line->gift);
}

bool board_offers(struct board *board, uint32_t lines)
{
	for (uint32_t i = 0; i < lines; i++)
		if (!empty(&board->line[i]))
			return true;
	return false;
}

bool board_give(struct board_line *line, struct board_range range)
{
	uint64_t gift = atomic_load_explicit(&line->gift, memory_order_relaxed);
	struct board_range r = board_unpack(gift);
	if (gift && r.end != range.begin)
		return false;
	uint64_t larger = board_pack(gift ? r.begin : range.begin, range.end);
	if (atomic_compare_exchange_strong(&line->gift, &gift, larger))
		return true;
	/* It has just been taken. */
	gift = 0;
	return atomic_compare_exchange_strong(&line->gift, &gift, board_pack(range.begin, range.end));
}

void board_strip(struct board_line *line, struct board_range out[2])
{
	uint64_t range = atomic_load(&line->range);
	struct board_range r;
	do
		r = board_unpack(range);
	while (!atomic_compare_exchange_weak(&line->range, &range, board_pack(r.begin, r.begin)));
	out[0] = r;
	out[1] = board_unpack(atomic_exchange(&line->gift, 0));
}

bool board_guilty(struct board_line *line, uint32_t *item)
{
	uint64_t running = atomic_load(&line->running);
	/* Only the owner moves begin, when it takes the item; whether another has taken it from the back says end. */
	if (!running || board_unpack(atomic_load(&line->range)).begin == (uint32_t)running)
		return false;
	*item = (uint32_t)running;
	return true;
}

bool board_still(struct board *board, uint32_t lines, const bool *living)
{
	for (uint32_t i = 0; i < lines; i++)
		if (living[i] && atomic_load(&board->line[i].moving))
			return false;
	return true;
}
