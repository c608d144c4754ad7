/* SPDX-License-Identifier: MIT */
#include "report/tally.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* Numbers beyond are counted, but have no row. */
enum { WORKERS_MOST = 65536 };

void tally_begin(struct tally *tally, const struct brood_event *event)
{
	tally_free(tally);
	*tally = (struct tally){.began = event->time > 0 ? event->time : clock_now()};
	tally->now = tally->began;
	tally->total = event->total;
}

void tally_free(struct tally *tally)
{
	free(tally->workers);
	tally->workers = NULL;
	tally->worker_count = 0;
}

void tally_see(struct tally *tally, const struct brood_event *event)
{
	const double now = event->time > 0 ? event->time : clock_now();
	tally->now = now > tally->now ? now : tally->now;
	tally->total = event->total;
	const size_t last = (tally->sampled + TALLY_SAMPLES - 1) % TALLY_SAMPLES;
	if (tally->sampled && tally->now - tally->samples[last].time < 1)
		return;
	tally->samples[tally->sampled % TALLY_SAMPLES].time = tally->now;
	tally->samples[tally->sampled++ % TALLY_SAMPLES].done = tally->done;
}

/* NULL: it has none, or there is no memory for its row. */
static struct tally_worker *worker_of(struct tally *tally, int number)
{
	if (number < 0 || number >= WORKERS_MOST)
		return NULL;
	const size_t at = (size_t)number;
	if (at >= tally->worker_count) {
		size_t count = tally->worker_count ? tally->worker_count : 8;
		while (count <= at)
			count *= 2;
		struct tally_worker *more = reallocarray(tally->workers, count, sizeof *more);
		if (!more)
			return NULL;
		for (size_t i = tally->worker_count; i < count; i++)
			more[i] = (struct tally_worker){.since = -1};
		tally->workers = more;
		tally->worker_count = count;
	}
	return &tally->workers[at];
}

static void leave(struct tally *tally, struct tally_worker *worker)
{
	if (worker->since >= 0)
		tally->running--;
	worker->since = -1;
}

void tally_spawn(struct tally *tally, const struct brood_event *event)
{
	struct tally_worker *worker = worker_of(tally, event->worker);
	if (worker)
		worker->known = true;
}

void tally_exit(struct tally *tally, const struct brood_event *event)
{
	struct tally_worker *worker = worker_of(tally, event->worker);
	if (!worker)
		return;
	leave(tally, worker);
	worker->known = false;
}

static void copy_item(struct tally_item *item, const struct brood_event *event)
{
	item->index = event->index;
	item->cut = event->item.size > TALLY_TEXT;
	item->size = item->cut ? TALLY_TEXT : event->item.size;
	if (item->size)
		memcpy(item->text, event->item.data, item->size);
}

/* Nobody works on the item any more, as far as was known. */
static void take_away(struct tally *tally, size_t index)
{
	for (size_t i = 0; i < tally->worker_count; i++)
		if (tally->workers[i].since >= 0 && tally->workers[i].item.index == index)
			leave(tally, &tally->workers[i]);
}

void tally_item_begun(struct tally *tally, const struct brood_event *event)
{
	/* Of an attempt that is followed by another no end is told. */
	take_away(tally, event->index);
	struct tally_worker *worker = worker_of(tally, event->worker);
	if (!worker)
		return;
	leave(tally, worker);
	worker->known = true;
	worker->since = event->time > 0 ? event->time : tally->now;
	copy_item(&worker->item, event);
	tally->running++;
}

static void note_slow(struct tally *tally, const struct brood_event *event)
{
	const double seconds = event->result ? event->result->seconds : 0;
	int at = TALLY_SLOWEST;
	while (at && tally->slowest[at - 1].seconds < seconds)
		at--;
	if (at == TALLY_SLOWEST)
		return;
	memmove(&tally->slowest[at + 1], &tally->slowest[at], (size_t)(TALLY_SLOWEST - at - 1) * sizeof *tally->slowest);
	tally->slowest[at].seconds = seconds;
	copy_item(&tally->slowest[at].item, event);
}

void tally_item_done(struct tally *tally, const struct brood_event *event)
{
	const struct brood_result *result = event->result;
	struct tally_worker *worker = worker_of(tally, event->worker);
	if (worker && worker->since >= 0 && worker->item.index == event->index)
		leave(tally, worker);
	else
		take_away(tally, event->index);
	tally->done++;
	if (result && result->outcome == BROOD_CANCELED)
		tally->canceled++;
	else if (!result || result->outcome != BROOD_SUCCESS)
		tally->failed++;
	note_slow(tally, event);
}

static double rate_since(const struct tally *tally, double time, size_t done)
{
	const double passed = tally->now - time;
	return passed > 0.1 && tally->done > done ? (double)(tally->done - done) / passed : 0;
}

double tally_rate(const struct tally *tally)
{
	const size_t oldest = tally->sampled > TALLY_SAMPLES ? tally->sampled % TALLY_SAMPLES : 0;
	const size_t enough = 2 * (tally->running + 1);
	if (tally->sampled && tally->done - tally->samples[oldest].done >= enough)
		return rate_since(tally, tally->samples[oldest].time, tally->samples[oldest].done);
	return rate_since(tally, tally->began, 0);
}

size_t tally_longest(const struct tally *tally, size_t *out, size_t max)
{
	const struct tally_worker *workers = tally->workers;
	size_t count = 0;
	for (size_t i = 0; i < tally->worker_count; i++) {
		if (workers[i].since < 0)
			continue;
		size_t at = count;
		while (at && workers[out[at - 1]].since > workers[i].since)
			at--;
		if (at == max)
			continue;
		count += count < max;
		memmove(out + at + 1, out + at, (count - at - 1) * sizeof *out);
		out[at] = i;
	}
	return count;
}
