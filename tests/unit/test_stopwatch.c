/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "pool/stopwatch.h"
#include "support.h"

#include <signal.h>
#include <ucontext.h>

enum { MICROSECOND = 1000, TRAP_FLAG = 0x100 };

/* Instructions until the processor is taken away; 0 when it has been, or is not to be. */
static volatile int left;

static void spin(uint64_t nanoseconds)
{
	for (const uint64_t begin = clock_nanoseconds(); clock_nanoseconds() - begin < nanoseconds;)
		;
}

/* Called after each instruction while the flag is set. */
#if defined(__x86_64__)
static void step(int number, siginfo_t *info, void *context)
{
	greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];
	(void)number;
	(void)info;
	const bool away = left == 1;
	left -= left > 0;
	*flags = left ? *flags | TRAP_FLAG : *flags & ~(greg_t)TRAP_FLAG;
	if (away)
		spin(50 * MICROSECOND);
}
#endif

/* Whether the processor takes single steps for a program here. */
static bool prepare_steps(void)
{
#if defined(__x86_64__)
	return !sigaction(SIGTRAP, &(struct sigaction){.sa_sigaction = step, .sa_flags = SA_SIGINFO}, NULL);
#else
	return false;
#endif
}

static void be_away_at(int instruction)
{
	left = instruction;
	raise(SIGTRAP);
}

/* Whether it came to that. */
static bool was_away(void)
{
	const bool away = left == 0;
	left = 0;
	return away;
}

struct interruption {
	int look; /* 0: of the stopwatch's start; else of that look */
	int instruction;
};

/* An item has ended: whether there are times to note. */
static bool lap_of(struct stopwatch *watch, struct lap *lap)
{
	return stopwatch_due(watch) && stopwatch_look(watch, lap);
}

/* Times an item of so many microseconds; whether it came to an interruption of the look. */
static bool time_item(struct stopwatch *watch, uint64_t microseconds, const struct interruption *interruption)
{
	struct lap lap;
	const uint64_t before = clock_nanoseconds();
	stopwatch_start(watch);
	const uint64_t began = clock_nanoseconds();
	spin(microseconds * MICROSECOND);
	const uint64_t ended = clock_nanoseconds();
	if (interruption)
		be_away_at(interruption->instruction);
	ck_assert(lap_of(watch, &lap));
	const bool away = !interruption || was_away();
	const uint64_t after = clock_nanoseconds();
	ck_assert_uint_eq(lap.items, 1);
	ck_assert_msg(lap.span + MICROSECOND >= ended - began && lap.span <= after - before + MICROSECOND,
		"look %d, instruction %d: %llu ns for an item of %llu to %llu", interruption ? interruption->look : 0,
		interruption ? interruption->instruction : 0, (unsigned long long)lap.span, (unsigned long long)(ended - began),
		(unsigned long long)(after - before));
	ck_assert_uint_ge(lap.began + MICROSECOND, before);
	ck_assert_uint_le(lap.began, began + MICROSECOND);
	ck_assert_uint_le(lap.began + lap.span, after + MICROSECOND);
	return away;
}

/* Looks after which the rate is known better, or as well as before. */
static const uint64_t items[] = {20, 10, 20, 100, 20};
enum { ITEMS = sizeof items / sizeof *items };

/* false: what is to be interrupted has fewer instructions. */
static bool time_items(const struct interruption *interruption)
{
	static const _Atomic uint32_t tick;
	struct stopwatch watch;
	bool away = true;
	if (!interruption->look)
		be_away_at(interruption->instruction);
	stopwatch_init(&watch, &tick, true);
	if (!interruption->look)
		away = was_away();
	for (int look = 1; look <= ITEMS; look++)
		away &= time_item(&watch, items[look - 1], look == interruption->look ? interruption : NULL);
	return away;
}

START_TEST(an_interruption_is_not_taken_for_a_slow_clock)
{
	if (!prepare_steps())
		support_skip("the processor takes no single steps for a program here");
	/* A look that does not ask the clock is short. */
	int instruction = 0;
	while (++instruction <= 120 && time_items(&(struct interruption){_i, instruction})) {}
	ck_assert_int_ge(instruction, 20);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("stopwatch");
	TCase *interruptions = support_case(suite, "interruptions", 20);
	tcase_add_loop_test(interruptions, an_interruption_is_not_taken_for_a_slow_clock, 0, ITEMS + 1);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
