/* SPDX-License-Identifier: MIT */
/*
 * Items whose bytes, fates and values follow from their indexes alone, the work function that runs them, and a judge who
 * knows what each record must say. A judge forgives only what a kill can do: a worker that is killed costs one record, and
 * a nursery one of each worker, and those records say SIGKILL.
 */
#ifndef BROOD_TESTS_JUDGE_H
#define BROOD_TESTS_JUDGE_H

#include <brood.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fate {
	FINE,      /* a value of its size */
	SLOW,      /* the same after some tenths of a millisecond */
	RAISES,    /* brood_fail */
	RETURNS,   /* an other number than 0 */
	RECOVERS,  /* brood_fail at the first attempt, then fine */
	HANGS,     /* for ever */
	SPINS,     /* the same, and uses the processor */
	STUBBORN,  /* hangs, and ignores SIGTERM */
	STOPS,     /* by SIGSTOP */
	SEGFAULTS, OVERFLOWS, DIVIDES, ABORTS, EXITS, LEAVES, KILLS, TERMINATES,
	CLOSES,    /* closes all its descriptors and is fine */
	FORKS,     /* leaves a child that never ends, and is fine */
	EXHAUSTS,  /* allocates until that fails, and says so */
	OWN        /* what the work's own function does; any value */
};

struct work {
	size_t item_size;                 /* of each; 0: 8 */
	size_t (*value_size)(size_t index);
	enum fate (*fate)(size_t index);
	brood_work_fn *own;
	unsigned retries;
	int workers;                      /* as many as one kill of a nursery can hit */
	bool canceled;                    /* records may be CANCELED */
};

/* A brood_work_fn; the context is a struct work. */
int work_run(brood_task *, void *work);

/* The bytes of an item, which must be freed. */
void *work_items(const struct work *, size_t first, size_t count);
size_t work_item_size(const struct work *);
void work_fill(void *data, size_t size, uint64_t seed);

/* The judge of the items from first to first + count - 1. */
struct judge {
	const struct work *work;
	size_t first, count, seen_count, canceled;
	unsigned char *seen;
	double began;
};

struct judge judge_new(const struct work *, size_t first, size_t count);
void judge_record(struct judge *, const struct brood_result *);

/* Looks at all records of the results, which there must be for these items; and frees the judge. */
void judge_results(struct judge *, const brood_results *);

/* Every item has been seen; frees the judge. */
void judge_end(struct judge *);

/* What a kill can have done is seen once more in this program; too often is wrong. */
void judge_hit(int workers);
unsigned judge_hits(void);
bool judge_may_hit(void);
bool judge_may_lose_all(void); /* it is a nursery that is killed */

/* Prints a line and ends the program. */
_Noreturn void wrong(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

#define MUST(condition) ((condition) ? (void)0 : wrong("line %d: %s", __LINE__, #condition))

/* That a call gives this number. */
#define GIVES(call, wanted) \
	do { \
		long gives_ = (long)(call), wanted_ = (long)(wanted); \
		if (gives_ != wanted_) \
			wrong("line %d: %s gives %ld, not %ld", __LINE__, #call, gives_, wanted_); \
	} while (0)

/* --- a reporter that is judged ------------------------------------------------------------------------------------- */

#define FOLLOW_WORKERS 8

struct follow {
	struct brood_reporter reporter;
	const struct work *work;
	size_t count;
	struct follow_item {
		unsigned begins, ends;
	} *items;
	pid_t pids[FOLLOW_WORKERS];
	unsigned inits, cleanups, spawns, exits;
	size_t successes;
	brood_pool *cancel; /* to be canceled at that success */
	size_t cancel_at;
};

void follow_new(struct follow *, const struct work *, size_t count);

/* After the pool has been freed: spawned so often, each item exactly one end. */
void follow_end(struct follow *, unsigned spawned);

#endif
