/* SPDX-License-Identifier: MIT */
/* Memory that is made before it is touched. */
#include "pool/region.h"
#include "support.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE ((size_t)4096)
#define HUGE ((size_t)2 << 20)
#if !defined(MADV_COLLAPSE)
#define MADV_COLLAPSE 25
#endif

static struct region *region;

/* However slow huge pages are. */
static void begin(void)
{
	ck_assert_int_eq(region_new(&region), 0);
	atomic_store(region->debt, -INT64_C(1000000000000));
}

static void end(void)
{
	region_free(region);
}

/* How many of the pages from one offset on and before another are there. */
static size_t resident(uint64_t from, uint64_t to)
{
	size_t count = 0;
	for (uint64_t at = from; at < to; at += PAGE) {
		unsigned char there = 0;
		ck_assert_int_eq(mincore(region->base + at, 1, &there), 0);
		count += there & 1;
	}
	return count;
}

/* Skips the test where the system has none, or not as many just now. */
static void need_huge_pages(size_t count)
{
	const uint64_t from = region_take(region, count * HUGE);
	for (size_t i = 0; i < count; i++)
		region->base[from + i * HUGE] = 0;
	if (region->small || madvise(region->base + from, count * HUGE, MADV_COLLAPSE) || resident(from, from + PAGE) != 1)
		support_skip("there are no huge pages to be had");
}

START_TEST(the_region_begins_where_a_huge_page_may)
{
	ck_assert(region->small || (uintptr_t)region->base % HUGE == 0);
	ck_assert_uint_eq(region_huge_end(1), HUGE);
	ck_assert_uint_eq(region_huge_end(HUGE), HUGE);
	ck_assert_uint_eq(region_huge_end(HUGE + 1), 2 * HUGE);
}
END_TEST

START_TEST(what_is_prefaulted_is_there_and_zero)
{
	need_huge_pages(3);
	const uint64_t from = region_take(region, 4 * HUGE);
	ck_assert_uint_eq(from % HUGE, 0);
	region_prefault(region, from, from + 3 * HUGE);
	ck_assert_uint_eq(resident(from, from + 3 * HUGE), 3 * HUGE / PAGE);
	ck_assert_uint_eq(resident(from + 3 * HUGE, from + 4 * HUGE), 0);
	size_t others = 0;
	for (uint64_t at = from; at < from + 4 * HUGE; at++)
		others += region->base[at] != 0;
	ck_assert_uint_eq(others, 0);
}
END_TEST

START_TEST(what_is_there_already_stays_as_it_was)
{
	need_huge_pages(3);
	const uint64_t from = region_take(region, 3 * HUGE);
	for (uint64_t at = 0; at < 3 * HUGE; at += 3 * PAGE)
		memset(region->base + from + at, (int)(at / PAGE % 255 + 1), 100);
	for (int time = 0; time < 3; time++)
		region_prefault(region, from, from + 3 * HUGE);
	size_t others = 0;
	for (uint64_t at = 0; at < 3 * HUGE; at++)
		others += region->base[from + at] != (at % (3 * PAGE) < 100 ? at / PAGE % 255 + 1 : 0);
	ck_assert_uint_eq(others, 0);
	ck_assert_uint_eq(resident(from, from + 3 * HUGE), 3 * HUGE / PAGE);
}
END_TEST

/* And what lies beside it stays as it was; locked, it has no memory less. */
START_TEST(what_is_cleared_is_zero)
{
	static const size_t sizes[] = {1, 100, PAGE, 3 * PAGE + 700, HUGE + 5000};
	const size_t size = sizes[_i / 2];
	const bool locked = _i % 2;
	const uint64_t from = region_take(region, size + 2 * PAGE) + 300;
	unsigned char *memory = region->base + from;
	memset(memory - 200, 7, size + 400);
	if (locked && mlock(memory, size))
		support_skip("no memory may be locked");
	region_clear(region, from, size);
	size_t others = 0;
	for (size_t i = 0; i < size; i++)
		others += memory[i] != 0;
	for (size_t i = 1; i <= 200; i++)
		others += memory[-(ptrdiff_t)i] != 7 || memory[size + i - 1] != 7;
	ck_assert_uint_eq(others, 0);
}
END_TEST

START_TEST(what_is_cleared_has_no_memory)
{
	const uint64_t from = region_take(region, 8 * HUGE);
	region_prefault(region, from, from + 2 * HUGE);
	memset(region->base + from, 1, 3 * HUGE);
	region_clear(region, from, 8 * HUGE);
	ck_assert_uint_eq(resident(from, from + 8 * HUGE), 0);
}
END_TEST

/* Less than a quarter of a huge page is left to page faults, and so is what lies beyond. */
START_TEST(a_little_is_not_prefaulted)
{
	need_huge_pages(1);
	const uint64_t from = region_take(region, 3 * HUGE);
	region_prefault(region, from, from);
	region_prefault(region, from, from + HUGE / 4 - 1);
	region_prefault(region, from + HUGE - 1000, from + HUGE + 1000);
	region_prefault(region, region->size - HUGE / 2, region->size + HUGE);
	ck_assert_uint_eq(resident(from, from + 3 * HUGE), 0);
	region_prefault(region, from + HUGE / 2 - 1, from + HUGE + HUGE / 4 - 1);
	ck_assert_uint_eq(resident(from, from + HUGE), HUGE / PAGE);
	ck_assert_uint_eq(resident(from + HUGE, from + 3 * HUGE), 0);
}
END_TEST

/* A part is some huge pages, and says where the next one begins. */
START_TEST(a_part_is_prefaulted_at_a_time)
{
	enum { PAGES = 9 };
	need_huge_pages(PAGES);
	const uint64_t from = region_take(region, (PAGES + 1) * HUGE) + HUGE / 2, to = from + PAGES * HUGE - HUGE / 4;
	size_t parts = 0;
	for (uint64_t at = from, next; at < to; at = next, parts++) {
		next = region_prefault_some(region, at, to);
		ck_assert_uint_gt(next, at);
		ck_assert(next == to || next % HUGE == 0);
		ck_assert_uint_eq(resident(at, next), (next - at + PAGE - 1) / PAGE);
		if (next < to)
			ck_assert_uint_eq(resident(next, to), 0);
	}
	ck_assert_uint_gt(parts, 1);
	/* Of what is there nothing is left to do. */
	ck_assert_uint_eq(region_prefault_some(region, from, to), to);
	region->small = true;
	const uint64_t other = region_take(region, HUGE);
	ck_assert_uint_eq(region_prefault_some(region, other, other + HUGE), other + HUGE);
	ck_assert_uint_eq(resident(other, other + HUGE), 0);
}
END_TEST

/* Where huge pages have taken long they are left out for a while. */
START_TEST(slow_memory_is_asked_for_again_later)
{
	enum { PAGES = 40 };
	need_huge_pages(1);
	const uint64_t from = region_take(region, PAGES * HUGE);
	atomic_store(region->debt, 5000000);
	region_prefault(region, from, from + HUGE);
	ck_assert_uint_eq(resident(from, from + PAGES * HUGE), 0);
	ck_assert_int_lt(atomic_load(region->debt), 5000000);
	region_prefault(region, from, from + PAGES * HUGE);
	ck_assert_uint_eq(resident(from, from + HUGE), 0);
	ck_assert_uint_ge(resident(from, from + PAGES * HUGE), HUGE / PAGE);
	/* What a worker wrote there does not hold for ever. */
	atomic_store(region->debt, INT64_MAX);
	for (int times = 0; times < 20; times++)
		region_prefault(region, from, from + PAGES * HUGE);
	ck_assert_int_lt(atomic_load(region->debt), 64000000);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("region");
	TCase *tests = support_case(suite, "region", 30);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, the_region_begins_where_a_huge_page_may);
	tcase_add_test(tests, what_is_prefaulted_is_there_and_zero);
	tcase_add_test(tests, what_is_there_already_stays_as_it_was);
	tcase_add_loop_test(tests, what_is_cleared_is_zero, 0, 10);
	tcase_add_test(tests, what_is_cleared_has_no_memory);
	tcase_add_test(tests, a_little_is_not_prefaulted);
	tcase_add_test(tests, a_part_is_prefaulted_at_a_time);
	tcase_add_test(tests, slow_memory_is_asked_for_again_later);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
