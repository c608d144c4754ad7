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

#if defined(__x86_64__)
/* Called after each instruction while the flag is set. */
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

/* Times an item of 20 us, with an interruption after so many instructions of the stopwatch's start, or of its look; false where
   that has fewer. */
static bool times_item(bool at_start, int instruction)
{
	static const _Atomic uint32_t tick;
	struct stopwatch watch;
	struct lap lap;
	bool away = false;
	if (at_start)
		be_away_at(instruction);
	stopwatch_init(&watch, &tick, true);
	if (at_start)
		away = was_away();
	const uint64_t before = clock_nanoseconds();
	ck_assert(!stopwatch_start(&watch));
	const uint64_t began = clock_nanoseconds();
	spin(20 * MICROSECOND);
	const uint64_t ended = clock_nanoseconds();
	if (!at_start)
		be_away_at(instruction);
	ck_assert(stopwatch_lap(&watch, &lap));
	if (!at_start)
		away = was_away();
	const uint64_t after = clock_nanoseconds();
	ck_assert_uint_eq(lap.items, 1);
	ck_assert_msg(lap.span + MICROSECOND >= ended - began && lap.span <= after - before + MICROSECOND,
		"instruction %d of the %s: %llu ns for an item of %llu to %llu", instruction, at_start ? "start" : "look",
		(unsigned long long)lap.span, (unsigned long long)(ended - began), (unsigned long long)(after - before));
	ck_assert_uint_ge(lap.began + MICROSECOND, before);
	ck_assert_uint_le(lap.began, began + MICROSECOND);
	ck_assert_uint_le(lap.began + lap.span, after + MICROSECOND);
	return away;
}

START_TEST(an_interruption_is_not_taken_for_a_slow_clock)
{
#if defined(__x86_64__)
	ck_assert_int_eq(sigaction(SIGTRAP, &(struct sigaction){.sa_sigaction = step, .sa_flags = SA_SIGINFO}, NULL), 0);
	for (int instruction = 1; instruction <= 120; instruction++)
		ck_assert(times_item(_i, instruction));
#else
	support_skip("the processor takes no single steps for a program here");
#endif
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("stopwatch");
	TCase *interruptions = support_case(suite, "interruptions", 20);
	tcase_add_loop_test(interruptions, an_interruption_is_not_taken_for_a_slow_clock, 0, 2);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
