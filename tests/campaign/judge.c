/* SPDX-License-Identifier: MIT */
#include "judge.h"

#include "campaign.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static unsigned hits;

void wrong(const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	printf("\n");
	fflush(stdout);
	_exit(CAMPAIGN_WRONG);
}

static const char *victim(void)
{
	const char *name = getenv(CAMPAIGN_VICTIM);
	return name ? name : "";
}

bool judge_may_lose_all(void)
{
	return !strcmp(victim(), "nursery");
}

bool judge_may_hit(void)
{
	return !strcmp(victim(), "worker") || judge_may_lose_all();
}

void judge_hit(int workers)
{
	if (!judge_may_hit())
		wrong("a kill is told of, and there was none");
	unsigned most = judge_may_lose_all() ? (unsigned)workers : 1;
	if (++hits > most)
		wrong("one kill of a %s is told of by %u records", victim(), hits);
}

unsigned judge_hits(void)
{
	return hits;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* --- items --------------------------------------------------------------------------------------------------------- */

void work_fill(void *data, size_t size, uint64_t seed)
{
	unsigned char *at = data;
	uint64_t word = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
	for (; size >= sizeof word; size -= sizeof word, at += sizeof word, word += UINT64_C(0x0101010101010101))
		memcpy(at, &word, sizeof word);
	if (size)
		memcpy(at, &word, size);
}

static bool is_filled(const void *data, size_t size, uint64_t seed)
{
	const unsigned char *at = data;
	uint64_t word = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
	for (; size >= sizeof word; size -= sizeof word, at += sizeof word, word += UINT64_C(0x0101010101010101))
		if (memcmp(at, &word, sizeof word))
			return false;
	return !size || !memcmp(at, &word, size);
}

size_t work_item_size(const struct work *work)
{
	return work->item_size ? work->item_size : 8;
}

void *work_items(const struct work *work, size_t first, size_t count)
{
	size_t size = work_item_size(work);
	unsigned char *items = malloc(count * size);
	MUST(items);
	for (size_t i = 0; i < count; i++)
		work_fill(items + i * size, size, first + i);
	return items;
}

static size_t value_size(const struct work *work, size_t index)
{
	return work->value_size ? work->value_size(index) : 8;
}

static enum fate fate_of(const struct work *work, size_t index)
{
	return work->fate ? work->fate(index) : FINE;
}

/* Values are other bytes than the items. */
static uint64_t value_seed(size_t index)
{
	return ~(uint64_t)index;
}

static int reply(brood_task *task, const struct work *work)
{
	size_t index = brood_index(task), size = value_size(work, index);
	void *place = brood_reply_reserve(task, size);
	if (!place && size)
		return brood_fail(task, 99, "NoPlace", "for %zu bytes", size);
	work_fill(place, size, value_seed(index));
	return 0;
}

static volatile int zero;

__attribute__((__noinline__)) static int overflow(volatile char *above)
{
	volatile char here[4096];
	here[0] = (char)(above ? *above + 1 : 1);
	return zero ? 0 : overflow(here) + here[0];
}

static int exhaust(brood_task *task)
{
	for (int i = 0; i < 4096; i++) {
		size_t size = (size_t)1 << 20;
		char *part = malloc(size);
		if (!part)
			return brood_fail(task, 12, "NoMemory", "item %zu", brood_index(task));
		memset(part, 1, size);
	}
	return brood_fail(task, 98, "NoLimit", "4 GiB could be had");
}

int work_run(brood_task *task, void *context)
{
	const struct work *work = context;
	size_t index = brood_index(task);
	struct brood_bytes item = brood_item(task);
	if (item.size && (item.size != work_item_size(work) || !is_filled(item.data, item.size, index)))
		return brood_fail(task, 97, "BadItem", "item %zu has %zu bytes", index, item.size);
	switch (fate_of(work, index)) {
	case FINE: return reply(task, work);
	case SLOW: usleep(300); return reply(task, work);
	case RAISES: return brood_fail(task, 50 + (int)(index % 50), "Raised", "item %zu", index);
	case RETURNS: return 7;
	case RECOVERS: return brood_attempt(task) > 1 ? reply(task, work) : brood_fail(task, 1, "Once", "item %zu", index);
	case STUBBORN: signal(SIGTERM, SIG_IGN); for (;;) pause();
	case HANGS: for (;;) pause();
	case SPINS: for (;;) zero = 0;
	case STOPS: raise(SIGSTOP); for (;;) pause();
	case SEGFAULTS: raise(SIGSEGV); break;
	case OVERFLOWS: return overflow(NULL);
	case DIVIDES: zero = 1 / zero; raise(SIGFPE); break;
	case ABORTS: abort();
	case EXITS: exit(3);
	case LEAVES: _exit(4);
	case KILLS: kill(getpid(), SIGKILL); break;
	case TERMINATES: kill(getpid(), SIGTERM); break;
	case CLOSES:
		for (int fd = 0; fd < 256; fd++)
			close(fd);
		return reply(task, work);
	case FORKS:
		if (!fork())
			for (;;)
				pause();
		return reply(task, work);
	case EXHAUSTS: return exhaust(task);
	case OWN: return work->own(task, context);
	}
	return 96;
}

/* --- records ------------------------------------------------------------------------------------------------------- */

/* How an item of the fate that ends its worker is told of. */
static const struct {
	const char *type;
	int code, signal;
} ends[] = {
	[SEGFAULTS] = {"SIGSEGV", 0, SIGSEGV}, [OVERFLOWS] = {"SIGSEGV", 0, SIGSEGV}, [DIVIDES] = {"SIGFPE", 0, SIGFPE},
	[ABORTS] = {"SIGABRT", 0, SIGABRT}, [EXITS] = {"Exit", 3, 0}, [LEAVES] = {"_Exit", 4, 0},
	[KILLS] = {"SIGKILL", 0, SIGKILL}, [TERMINATES] = {"SIGTERM", 0, SIGTERM}};

struct judge judge_new(const struct work *work, size_t first, size_t count)
{
	static double began;
	if (began <= 0)
		began = now();
	/* Of a short item it is told only when the pool, or its stream, began. */
	struct judge judge = {.work = work, .first = first, .count = count, .seen = calloc(count, 1), .began = began};
	MUST(judge.seen);
	return judge;
}

static void judge_failure(const struct brood_result *record, const char *type, int code, int number)
{
	const struct brood_failure *failure = record->failure;
	if (!failure)
		wrong("item %zu: outcome %d without a failure", record->index, record->outcome);
	MUST(failure->type && failure->message && failure->traceback);
	if (strcmp(failure->type, type) || failure->code != code || failure->signal != number)
		wrong("item %zu: failure %s, code %d, signal %d, message %s; not %s, %d, %d", record->index, failure->type,
		      failure->code, failure->signal, failure->message, type, code, number);
}

static void judge_outcome(const struct brood_result *record, enum brood_outcome outcome)
{
	if (record->outcome == outcome)
		return;
	const struct brood_failure *failure = record->failure;
	wrong("item %zu: outcome %d, not %d; failure %s, code %d, signal %d, message %s, attempts %u", record->index,
	      (int)record->outcome, (int)outcome, failure ? failure->type : "-", failure ? failure->code : 0,
	      failure ? failure->signal : 0, failure ? failure->message : "-", record->attempts);
}

static void judge_attempts(const struct judge *judge, const struct brood_result *record, unsigned wanted)
{
	if (record->attempts == wanted)
		return;
	/* An attempt that a kill took shows only here. */
	bool more = record->attempts > wanted && record->attempts <= judge->work->retries + 1;
	if (!more && !(record->attempts == wanted + 1 && judge_may_lose_all()))
		wrong("item %zu: %u attempts, not %u", record->index, record->attempts, wanted);
	judge_hit(judge->work->workers);
}

static bool is_kill(const struct brood_result *record)
{
	return record->outcome == BROOD_ABORT && record->failure && !strcmp(record->failure->type, "SIGKILL");
}

static void judge_value(const struct judge *judge, const struct brood_result *record, enum fate fate)
{
	size_t size = value_size(judge->work, record->index);
	judge_outcome(record, BROOD_SUCCESS);
	if (record->failure || record->status)
		wrong("item %zu: a success with a failure or a status", record->index);
	if (fate != OWN && (record->value.size != size || !is_filled(record->value.data, size, value_seed(record->index))))
		wrong("item %zu: %zu bytes of value, not %zu, or not the right ones", record->index, record->value.size, size);
	judge_attempts(judge, record, fate == RECOVERS ? 2 : 1);
}

static void judge_fate(const struct judge *judge, const struct brood_result *record)
{
	enum fate fate = fate_of(judge->work, record->index);
	unsigned all = judge->work->retries + 1;
	char message[60];
	switch (fate) {
	case RAISES: case EXHAUSTS:
		judge_outcome(record, BROOD_FAIL);
		judge_failure(record, fate == RAISES ? "Raised" : "NoMemory", fate == RAISES ? 50 + (int)(record->index % 50) : 12, 0);
		snprintf(message, sizeof message, "item %zu", record->index);
		MUST(!strcmp(record->failure->message, message));
		judge_attempts(judge, record, all);
		break;
	case RETURNS:
		judge_outcome(record, BROOD_FAIL);
		judge_failure(record, "Return", 7, 0);
		judge_attempts(judge, record, all);
		break;
	case HANGS: case SPINS: case STUBBORN: case STOPS:
		judge_outcome(record, BROOD_TIMEOUT);
		MUST(record->failure && !strcmp(record->failure->type, "Timeout"));
		MUST(record->status && (record->status->signal == SIGKILL || record->status->signal == SIGTERM));
		judge_attempts(judge, record, all);
		break;
	case SEGFAULTS: case OVERFLOWS: case DIVIDES: case ABORTS: case EXITS: case LEAVES: case KILLS: case TERMINATES:
		judge_outcome(record, BROOD_ABORT);
		judge_failure(record, ends[fate].type, ends[fate].code, ends[fate].signal);
		MUST(record->status && record->status->pid > 0);
		GIVES(record->status->signal, ends[fate].signal);
		GIVES(record->status->exit_code, ends[fate].code);
		judge_attempts(judge, record, all);
		break;
	default:
		judge_value(judge, record, fate);
	}
}

void judge_record(struct judge *judge, const struct brood_result *record)
{
	const struct work *work = judge->work;
	if (record->index < judge->first || record->index >= judge->first + judge->count)
		wrong("item %zu, of those from %zu to %zu", record->index, judge->first, judge->first + judge->count);
	if (judge->seen[record->index - judge->first]++)
		wrong("item %zu has a second record", record->index);
	judge->seen_count++;
	if (record->item.size && (record->item.size != work_item_size(work) ||
				  !is_filled(record->item.data, record->item.size, record->index)))
		wrong("item %zu: its %zu bytes are others", record->index, record->item.size);
	if (work->canceled && record->outcome == BROOD_CANCELED) {
		judge_failure(record, "Canceled", 0, record->failure ? record->failure->signal : 0);
		judge->canceled++;
		return;
	}
	/* There is one number more than there are workers, for one that is ready to replace another. */
	if (record->worker < 0 || record->worker > work->workers)
		wrong("item %zu: worker %d, outcome %d", record->index, record->worker, (int)record->outcome);
	double time = now();
	if (record->started < judge->began - 0.01 || record->started > time || !(record->seconds >= 0) ||
	    record->started + record->seconds > time + 0.01)
		wrong("item %zu: began %g s after the first, took %g s, and now is %g s after", record->index,
		      record->started - judge->began, record->seconds, time - judge->began);
	if (is_kill(record) && fate_of(work, record->index) != KILLS) {
		judge_failure(record, "SIGKILL", 0, SIGKILL);
		MUST(record->status && record->status->signal == SIGKILL);
		if (record->attempts < 1 || record->attempts != work->retries + 1)
			wrong("item %zu: killed in its attempt %u of %u", record->index, record->attempts, work->retries + 1);
		judge_hit(work->workers);
	} else {
		judge_fate(judge, record);
	}
}

void judge_end(struct judge *judge)
{
	if (judge->seen_count != judge->count)
		wrong("%zu records of %zu items", judge->seen_count, judge->count);
	free(judge->seen);
	judge->seen = NULL;
}

void judge_results(struct judge *judge, const brood_results *results)
{
	struct brood_result record;
	MUST(results);
	GIVES(brood_results_count(results), judge->first + judge->count);
	for (size_t i = judge->first; i < judge->first + judge->count; i++) {
		GIVES(brood_results_get(results, i, &record), 0);
		GIVES(record.index, i);
		judge_record(judge, &record);
	}
	GIVES(brood_results_get(results, judge->first + judge->count, &record), -ERANGE);
	judge_end(judge);
}
