/* SPDX-License-Identifier: MIT */
/*
 * Random schedules of two sides, made from a seed: what is sent comes, once, whole and in order, and the descriptor is
 * readable exactly when there is something to receive. BROOD_TEST_LONG runs so many times as many of them.
 */
#include "traffic.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

enum { EVENTS_MOST = 200 };

/* What both sides know. The events are in an order in which each receive comes after its send; each side does its own. */
struct plan {
	uint64_t seed;
	unsigned events;
	bool large, polled[2], linger;
	struct event {
		bool side, receive;
	} order[EVENTS_MOST];
	atomic_uint begun[2]; /* sends */
	atomic_bool leave;
};

static void make_plan(struct plan *plan, uint64_t seed)
{
	uint64_t random = seed;
	unsigned waiting[2] = {0};
	memset(plan, 0, sizeof *plan);
	plan->seed = seed;
	plan->large = traffic_below(&random, 8) == 0;
	plan->linger = traffic_below(&random, 4) == 0;
	for (int side = 0; side < 2; side++)
		plan->polled[side] = traffic_below(&random, 4) > 0;
	/* Some hold many messages back, and so have many put by. */
	size_t eager = 1 + traffic_below(&random, 4);
	unsigned wanted = (unsigned)traffic_below(&random, plan->large ? 20 : EVENTS_MOST / 2);
	for (unsigned sent = 0; sent < wanted || waiting[0] || waiting[1];) {
		bool side = traffic_below(&random, 2);
		bool receive = sent == wanted || traffic_below(&random, eager + 1) == 0;
		if (receive && !waiting[side])
			continue;
		plan->order[plan->events++] = (struct event){.side = side, .receive = receive};
		if (receive) {
			waiting[side]--;
		} else {
			waiting[!side]++;
			sent++;
		}
	}
}

static size_t size_of(const struct plan *plan, bool side, unsigned number)
{
	uint64_t random = plan->seed + number * 2 + side;
	size_t kind = traffic_below(&random, 100);
	if (kind < 70)
		return traffic_below(&random, 160);
	if (kind < 95 || !plan->large)
		return traffic_below(&random, 5000);
	return traffic_below(&random, 3 << 20);
}

static void dawdle(uint64_t *random)
{
	switch (traffic_below(random, 16)) {
	case 0:
		sched_yield();
		break;
	case 1:
		for (size_t i = traffic_below(random, 20000); i; i--)
			__asm__ volatile("");
		break;
	case 2:
		support_sleep((double)traffic_below(random, 150) * 1e-6);
	}
}

/* Readable only if the peer has begun to send the next message, or has been told to leave. */
static void look(struct plan *plan, bool side, int fd, unsigned received)
{
	bool readable = traffic_readable(fd, 0);
	if (readable && atomic_load(&plan->begun[!side]) <= received && !atomic_load(&plan->leave))
		ck_abort_msg("seed %llu: readable, and nothing is there", (unsigned long long)plan->seed);
}

static void run_side(brood_channel *channel, struct plan *plan, bool side)
{
	uint64_t random = plan->seed * 2 + side;
	unsigned sent = 0, received = 0;
	int fd = -1;
	size_t asked = traffic_below(&random, plan->events + 1);
	for (unsigned i = 0; i < plan->events; i++) {
		if (plan->polled[side] && fd < 0 && i >= asked) {
			fd = brood_channel_fd(channel);
			MUST(fd >= 0);
		}
		if (plan->order[i].side != side)
			continue;
		dawdle(&random);
		if (fd >= 0 && traffic_below(&random, 2))
			look(plan, side, fd, received);
		if (!plan->order[i].receive) {
			size_t size = size_of(plan, side, sent);
			atomic_store(&plan->begun[side], sent + 1);
			GIVES(traffic_send(channel, size, plan->seed + sent), 0);
			sent++;
			continue;
		}
		if (fd >= 0 && traffic_below(&random, 4) && !traffic_readable(fd, support_scale(5)))
			ck_abort_msg("seed %llu: side %d is not woken for message %u", (unsigned long long)plan->seed, side, received);
		traffic_expect(channel, size_of(plan, !side, received), plan->seed + received);
		received++;
	}
	if (fd >= 0)
		look(plan, side, fd, received);
	if (side) {
		while (!atomic_load(&plan->leave))
			support_sleep(0.0001);
		return;
	}
	if (fd >= 0 && plan->linger && traffic_readable(fd, 0.002))
		ck_abort_msg("seed %llu: a token is left behind", (unsigned long long)plan->seed);
	atomic_store(&plan->leave, true);
}

/* The peer has left: the end, and nothing else. */
static void expect_end(brood_channel *channel)
{
	struct brood_message message;
	MUST(traffic_readable(brood_channel_fd(channel), support_scale(5)));
	GIVES(brood_receive(channel, &message), 0);
	GIVES(brood_receive(channel, &message), 0);
	GIVES(brood_send(channel, "", 1), -EPIPE);
}

static int child_side(brood_channel *channel, void *context)
{
	run_side(channel, context, true);
	return 0;
}

static void run_processes(struct plan *plan)
{
	brood_channel *channel;
	GIVES(brood_start(&channel, child_side, plan), 0);
	run_side(channel, plan, false);
	expect_end(channel);
	traffic_ended(channel, 0);
	brood_channel_free(channel);
}

struct thread_side {
	brood_channel *channel;
	struct plan *plan;
};

static void *run_thread_side(void *context)
{
	struct thread_side *side = context;
	run_side(side->channel, side->plan, true);
	brood_close(side->channel);
	return NULL;
}

static void run_threads(struct plan *plan)
{
	brood_channel *channel;
	struct thread_side other = {.plan = plan};
	pthread_t thread;
	GIVES(brood_channel_pair(&channel, &other.channel), 0);
	MUST(!pthread_create(&thread, NULL, run_thread_side, &other));
	run_side(channel, plan, false);
	expect_end(channel);
	pthread_join(thread, NULL);
	brood_channel_free(channel);
	brood_channel_free(other.channel);
}

static void run_many(void (*run)(struct plan *), uint64_t first, unsigned count)
{
	const char *only = getenv("BROOD_TEST_SEED");
	struct plan *plan = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(plan != MAP_FAILED);
	for (uint64_t seed = first; seed < first + traffic_rounds(count); seed++) {
		make_plan(plan, only ? strtoull(only, NULL, 10) : seed * 1000003);
		run(plan);
	}
	munmap(plan, sizeof *plan);
}

START_TEST(test_processes_on_two)
{
	if (!traffic_pin(2))
		support_skip("there is one processor only");
	run_many(run_processes, 1, 400);
}
END_TEST

START_TEST(test_processes_on_one)
{
	MUST(traffic_pin(1));
	run_many(run_processes, 100000, 400);
}
END_TEST

START_TEST(test_threads)
{
	traffic_ready_threads();
	run_many(run_threads, 200000, 500);
}
END_TEST

START_TEST(test_threads_on_one)
{
	traffic_ready_threads();
	MUST(traffic_pin(1));
	run_many(run_threads, 300000, 400);
}
END_TEST

/*
 * The receiver looks for the message and has it before the sender comes to look whether the bell is armed: which it is
 * by then, but for the next message. Nothing must be rung.
 */
struct rally {
	brood_channel *channel;
	unsigned rounds;
	atomic_uint received;
};

static void *serve(void *context)
{
	struct rally *rally = context;
	uint64_t random = 1;
	for (unsigned i = 0; i < rally->rounds; i++) {
		while (atomic_load(&rally->received) < i)
			;
		for (size_t wait = traffic_below(&random, 3000); wait; wait--)
			__asm__ volatile("");
		GIVES(brood_send(rally->channel, &i, sizeof i), 0);
	}
	return NULL;
}

START_TEST(test_late_ring)
{
	traffic_ready_threads();
	if (traffic_slow() >= 50 || !traffic_pin(2))
		support_skip("it takes two processors at once");
	struct rally rally = {.rounds = traffic_rounds(30000)};
	brood_channel *channel;
	pthread_t thread;
	GIVES(brood_channel_pair(&channel, &rally.channel), 0);
	int fd = brood_channel_fd(channel);
	MUST(!pthread_create(&thread, NULL, serve, &rally));
	for (unsigned i = 0; i < rally.rounds; i++) {
		struct brood_message message;
		MUST(brood_receive(channel, &message) == 1);
		MUST(!traffic_readable(fd, 0));
		MUST(!traffic_readable(fd, 0));
		atomic_store(&rally.received, i + 1);
	}
	pthread_join(thread, NULL);
	brood_channel_free(channel);
	brood_channel_free(rally.channel);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("schedules");
	const char *more = getenv("BROOD_TEST_LONG");
	TCase *tests = support_case(suite, "schedules", 30 * (more ? atof(more) : 1));
	tcase_add_test(tests, test_processes_on_two);
	tcase_add_test(tests, test_processes_on_one);
	tcase_add_test(tests, test_threads);
	tcase_add_test(tests, test_threads_on_one);
	tcase_add_test(tests, test_late_ring);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
