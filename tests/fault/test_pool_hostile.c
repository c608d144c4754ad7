/* SPDX-License-Identifier: MIT */
/*
 * Workers that write over all that they share with the host: it does not crash, finishes, and has a record for each item.
 * What a record says of the items that such workers had their hands on, nobody can promise.
 */
#include "odd.h"
#include "pool.h"

#include "pool/pool.h"
#include "pool/task.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

/* A test says by this which seeds it runs, for a look at one of them. */
#define FIRST "BROOD_HOSTILE_FIRST"
#define COUNT "BROOD_HOSTILE_COUNT"

static uint64_t seed_of_process;

/* Which descriptors were open before the pool was made: those of what runs the test. */
enum { DESCRIPTORS = 64 };
static bool is_others[DESCRIPTORS];

static uint64_t odd_range(uint64_t *random)
{
	uint32_t begin = (uint32_t)below(random, 2100);
	return board_pack(begin, below(random, 4) ? begin + (uint32_t)below(random, 100) : (uint32_t)odd_number(random));
}

/* --- attacks: each with all that is shared at its feet ------------------------------------------------------------------ */

struct shared {
	struct region *region;
	struct board *board;
	struct board_batch batch;
	struct blackbox *boxes; /* one for each line */
	uint32_t lines, number;
	size_t slots;
};

typedef void attack_fn(const struct shared *, uint64_t *random);

static void over_head(const struct shared *shared, uint64_t *random)
{
	scribble(shared->board, sizeof *shared->board, random);
}

static void over_lines(const struct shared *shared, uint64_t *random)
{
	scribble(shared->board->line, shared->lines * sizeof *shared->board->line, random);
}

static void over_line(const struct shared *shared, uint64_t *random)
{
	struct board_line *line = &shared->board->line[below(random, shared->lines)];
	memset(line, (int)below(random, 3) - 1, sizeof *line);
}

static void over_words(const struct shared *shared, uint64_t *random)
{
	for (uint64_t left = 1 + below(random, 8); left--;) {
		struct board_line *line = &shared->board->line[below(random, shared->lines)];
		switch (below(random, 12)) {
		case 0: atomic_store(&line->range, odd_range(random)); break;
		case 1: atomic_store(&line->gift, odd_range(random)); break;
		case 2: atomic_store(&line->running, UINT64_C(1) << 32 | below(random, 2100)); break;
		case 3: atomic_store(&line->moving, 1); break;
		case 4: atomic_store(&line->role, (uint32_t)below(random, 6)); break;
		case 5: atomic_store(&line->parked, (uint32_t)below(random, 3)); break;
		case 6: atomic_store(&line->ready, (uint32_t)below(random, 2)); break;
		case 7: atomic_store(&line->grant_size, odd_number(random)); break;
		case 8: atomic_store(&line->wanted, odd_number(random)); break;
		case 9: atomic_store(&line->answer, (uint32_t)below(random, 4)); break;
		case 10: atomic_store(&line->position, odd_number(random)); break;
		default: atomic_store(&shared->board->frozen, 1);
		}
	}
}

static void over_states(const struct shared *shared, uint64_t *random)
{
	_Atomic uint16_t *states = region_at(shared->region, shared->batch.states);
	for (uint64_t left = 1 + below(random, 500); left--;)
		atomic_store(&states[below(random, shared->slots)], (uint16_t)draw(random));
}

static void over_one_kind(const struct shared *shared, uint64_t *random)
{
	_Atomic uint16_t *states = region_at(shared->region, shared->batch.states);
	uint16_t state = (uint16_t)(below(random, 16) + STATE_LINE * below(random, 2048));
	for (size_t i = below(random, 2); i < shared->slots; i += 1 + below(random, 3))
		atomic_store(&states[i], state);
}

static void over_values(const struct shared *shared, uint64_t *random)
{
	_Atomic uint64_t *values = region_at(shared->region, shared->batch.values);
	for (uint64_t left = 1 + below(random, 500); left--;)
		atomic_store(&values[below(random, shared->slots)], odd_number(random));
}

static void over_times(const struct shared *shared, uint64_t *random)
{
	scribble(region_at(shared->region, shared->batch.times), shared->slots * 16, random);
	scribble(region_at(shared->region, shared->batch.attempts), shared->slots, random);
}

static void over_costs(const struct shared *shared, uint64_t *random)
{
	if (shared->batch.costs)
		scribble(region_at(shared->region, shared->batch.costs), shared->slots * sizeof(struct cost_place), random);
}

static void over_items(const struct shared *shared, uint64_t *random)
{
	uint64_t *items = region_at(shared->region, shared->batch.items);
	if (shared->batch.kind != BOARD_TABLE && shared->batch.kind != BOARD_SLOTS)
		return;
	for (uint64_t left = 1 + below(random, 500); left--;)
		items[below(random, 2 * shared->slots)] = odd_number(random);
}

/* The heads of values and of failures lie where the values say. */
static void over_heads(const struct shared *shared, uint64_t *random)
{
	const _Atomic uint64_t *values = region_at(shared->region, shared->batch.values);
	for (size_t i = 0; i < shared->slots; i++) {
		uint64_t offset = atomic_load(&values[i]), number = odd_number(random);
		if (offset % 8 == 0 && offset < shared->region->size - 64 && offset < shared->batch.items + (UINT64_C(1) << 36) && below(random, 2))
			memcpy(region_at(shared->region, offset + 8 * below(random, 3)), &number, sizeof number);
	}
}

static void over_boxes(const struct shared *shared, uint64_t *random)
{
	if (!shared->boxes)
		return;
	over_box(&shared->boxes[shared->number], random);
	for (uint64_t left = below(random, 3); left--;)
		over_box(&shared->boxes[below(random, shared->lines)], random);
	if (below(random, 4) == 0)
		scribble(shared->boxes, shared->lines * sizeof *shared->boxes, random);
}

static void over_all(const struct shared *shared, uint64_t *random)
{
	/* The board and what belongs to the first items; pages that nobody has touched would be memory. */
	const size_t most = (size_t)4 << 20;
	for (int i = 0; i < 100; i++)
		scribble(shared->region->base, shared->region->top < most ? shared->region->top : most, random);
}

static void close_descriptors(const struct shared *shared, uint64_t *random)
{
	(void)shared;
	(void)random;
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		if (!is_others[fd])
			close(fd);
}

static void write_to_descriptors(const struct shared *shared, uint64_t *random)
{
	char bytes[3000];
	memset(bytes, (int)draw(random), sizeof bytes);
	(void)shared;
	signal(SIGPIPE, SIG_IGN);
	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		if (is_others[fd])
			continue;
		fcntl(fd, F_SETFL, O_NONBLOCK);
		for (int i = 0; i < 100 && write(fd, bytes, 1 + below(random, sizeof bytes)) > 0; i++)
			;
	}
}

static void flood_descriptors(const struct shared *shared, uint64_t *random)
{
	for (int i = 0; i < 200; i++)
		write_to_descriptors(shared, random);
}

static attack_fn *const attacks[] = {over_head, over_lines, over_line, over_words, over_words, over_states, over_one_kind, over_values,
	over_times, over_costs, over_items, over_heads, over_boxes, over_boxes, over_all, close_descriptors, write_to_descriptors,
	flood_descriptors};

/* --- the worker --- */

struct attacker {
	struct shared shared;
	attack_fn *attack;
	uint64_t random;
};

/* Goes on with it while the worker goes on, but not for ever: against that nothing helps but a time limit. */
static void *attack_on(void *context)
{
	struct attacker attacker = *(struct attacker *)context;
	for (double end = support_now() + 0.1; support_now() < end;) {
		attacker.attack(&attacker.shared, &attacker.random);
		usleep(20);
	}
	return NULL;
}

/* Its own is where it says how far up its stack is brood's. */
static struct blackbox *boxes_of(const struct worker *worker)
{
	const uintptr_t bottom = (uintptr_t)worker->plan->bottom;
	return bottom ? (struct blackbox *)(bottom - offsetof(struct blackbox, bottom)) - worker->number : NULL;
}

static void attack(brood_task *task, uint64_t random)
{
	static struct attacker attacker;
	const struct worker *worker = task->worker;
	const struct worker_plan *plan = worker->plan;
	const struct board_batch *batch = &worker->batch;
	attacker = (struct attacker){.attack = attacks[below(&random, sizeof attacks / sizeof *attacks)]};
	attacker.shared = (struct shared){plan->region, plan->board, *batch, boxes_of(worker), plan->lines, worker->number,
		batch->mask < batch->count ? (size_t)batch->mask + 1 : batch->count};
	attacker.random = random;
	attacker.attack(&attacker.shared, &random);
	pthread_t thread;
	if (below(&random, 4) == 0 && !pthread_create(&thread, NULL, attack_on, &attacker))
		pthread_detach(thread);
	switch (below(&random, 8)) {
	case 0: _exit(3);
	case 1: raise(SIGKILL); break;
	case 2: usleep(2000); break;
	case 3: raise(SIGSEGV); break;
	default: break;
	}
}

/* Values of all forms; and now and then an attack. */
static int work(brood_task *task, void *context)
{
	uint64_t random = *(const uint64_t *)context * 2654435761u + brood_index(task) * 40503u + 88172645463325252u;
	char bytes[100] = "";
	struct brood_bytes item = brood_item(task);
	draw(&random);
	draw(&random);
	if (brood_attempt(task) < 3 && below(&random, 100) == 0)
		attack(task, draw(&random));
	switch (below(&random, 8)) {
	case 0: return brood_fail(task, 1, "Test", "%.10s", "some message");
	case 1: return brood_reply(task, bytes, sizeof bytes) ? brood_fail(task, 2, "Memory", NULL) : 0;
	case 2: return brood_reply(task, item.data, item.size < 8 ? item.size : 8);
	case 3: usleep(20); break;
	default: break;
	}
	return brood_reply(task, &random, sizeof random);
}

/* --- the host --- */

/* Reads what a record says, but not the whole of what may be very long. */
static uint64_t read_record(const struct brood_result *result)
{
	uint64_t sum = 0;
	ck_assert_int_ne(result->outcome, BROOD_PENDING);
	ck_assert_int_le(result->outcome, BROOD_CANCELED);
	ck_assert_int_lt(result->worker, 4);
	if (result->value.size)
		sum += ((const unsigned char *)result->value.data)[0] + ((const unsigned char *)result->value.data)[result->value.size - 1];
	if (result->item.size)
		sum += ((const unsigned char *)result->item.data)[0] + ((const unsigned char *)result->item.data)[result->item.size - 1];
	ck_assert_uint_le(result->item.size, (size_t)256 << 20);
	ck_assert_int_eq(!result->failure, result->outcome == BROOD_SUCCESS);
	if (result->cost)
		ck_assert(result->cost->user_seconds >= 0 && result->cost->system_seconds >= 0);
	if (result->failure)
		sum += strlen(result->failure->type) + strlen(result->failure->message) + strlen(result->failure->traceback) +
			strlen(result->failure->output);
	return sum;
}

static void count_event(void *context, const struct brood_event *event)
{
	if (event->result)
		*(uint64_t *)context += read_record(event->result);
}

static bool is_documented(int error)
{
	return error == -ECHILD || error == -EAGAIN || error == -ENOMEM;
}

enum { ITEMS = 400 };

static void process_batch(brood_pool *pool, uint64_t *random)
{
	struct brood_bytes items[ITEMS];
	static const char text[20] = "an item's bytes";
	for (int i = 0; i < ITEMS; i++)
		items[i] = (struct brood_bytes){text, below(random, sizeof text)};
	int error = below(random, 2) ? brood_pool_process(pool, items, ITEMS) : brood_pool_process_array(pool, NULL, 0, ITEMS);
	ck_assert_msg(!error || is_documented(error), "process gives %d", error);
	const brood_results *results = brood_pool_results(pool);
	for (size_t i = 0; i < brood_results_count(results); i++) {
		struct brood_result result;
		ck_assert_int_eq(brood_results_get(results, i, &result), 0);
		if (!error || result.outcome != BROOD_PENDING)
			read_record(&result);
	}
	brood_results_values(results, 8);
	brood_results_values(results, 16);
	struct brood_result result;
	brood_results_find(results, items[0], &result);
}

static void run_stream(brood_pool *pool)
{
	struct brood_result result;
	size_t given = 0, submitted = 0;
	int error = 0;
	while (given < ITEMS && error >= 0) {
		error = submitted < ITEMS ? brood_pool_submit(pool, (struct brood_bytes){"0123456789abcdef", submitted % 16}) : -EAGAIN;
		submitted += !error;
		if (error == -EAGAIN) {
			error = brood_pool_next(pool, &result, -1);
			ck_assert_int_ne(error, 0);
			given += error > 0;
			if (error > 0)
				read_record(&result);
		}
	}
	ck_assert_msg(error >= 0 || is_documented(error), "the stream gives %d", error);
}

static void run_pool(void *context)
{
	uint64_t seed = *(uint64_t *)context, random = seed * 0x9e3779b97f4a7c15 + 1, sum = 0;
	const struct brood_reporter reporter = {.size = sizeof reporter, .context = &sum, .begin = count_event, .success = count_event,
		.fail = count_event, .abort = count_event, .exit = count_event};
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
	draw(&random);
	const unsigned costs = below(&random, 2) ? BROOD_COSTS : 0;
	const unsigned traces = below(&random, 3) ? 0 : BROOD_TRACEBACKS;
	seed_of_process = seed;
	const struct brood_options options = {.size = sizeof options, .workers = 2 + (int)below(&random, 2),
		.retries = (unsigned)below(&random, 3), .window = 64, .value_size = below(&random, 4) ? 0 : 16,
		.reporter = below(&random, 3) ? NULL : &reporter, .flags = (unsigned)below(&random, 2) * BROOD_ORDERED | costs | traces,
		.recycle_after = below(&random, 5) ? 0 : 50};
	brood_pool *pool;
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		is_others[fd] = fcntl(fd, F_GETFD) >= 0;
	ck_assert_int_eq(brood_pool_new(&pool, work, &seed_of_process, &options), 0);
	int spawned = brood_pool_spawn(pool, 0);
	ck_assert_int_ge(spawned, 1);
	for (int i = 0; i < 2; i++) {
		if (below(&random, 2))
			run_stream(pool);
		else
			process_batch(pool, &random);
	}
	ck_assert_int_eq(brood_pool_cleanup(pool), 0);
	brood_pool_free(pool);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* Each in a process of its own, so that what one does to itself is not the next one's; some at once, as they mostly wait. */
START_TEST(whatever_workers_write_the_host_finishes)
{
	enum { TOGETHER = 4 };
	const uint64_t count = number_of(COUNT, (uint64_t)rounds(8)), first = number_of(FIRST, 1) + (uint64_t)_i * count;
	for (uint64_t next = 0; next < count; next += TOGETHER) {
		pid_t hosts[TOGETHER];
		const uint64_t left = count - next < TOGETHER ? count - next : TOGETHER;
		double began = support_now();
		for (uint64_t i = 0; i < left; i++) {
			uint64_t seed = first + next + i;
			hosts[i] = support_fork(run_pool, &seed, 60);
		}
		for (uint64_t i = 0; i < left; i++) {
			int status = support_join(hosts[i], 60);
			unsigned long long seed = first + next + i;
			if (status || getenv(FIRST))
				fprintf(stderr, "seed %llu: status %#x, %.1f s\n", seed, (unsigned)status, support_now() - began);
			ck_assert_msg(!status, "seed %llu", seed);
		}
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool_hostile");
	TCase *tests = support_case(suite, "hostile", 170);
	tcase_add_loop_test(tests, whatever_workers_write_the_host_finishes, 0, 3);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
