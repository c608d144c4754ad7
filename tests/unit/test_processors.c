/* SPDX-License-Identifier: MIT */
#include "base/processors.h"
#include "support.h"

#include <brood.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char root[] = "/tmp/brood-cgroup-XXXXXX";

static void put(const char *name, const char *text)
{
	char command[8192], path[4200];
	snprintf(path, sizeof path, "%s/%s", root, name);
	snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s')\"", path);
	ck_assert_int_eq(system(command), 0);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static int quota(const char *membership, const char *mounts)
{
	put("proc/self/cgroup", membership);
	put("proc/self/mountinfo", mounts);
	return processors_quota(root);
}

static void begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void end(void)
{
	char command[100];
	snprintf(command, sizeof command, "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
}

#define V2 "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1 "33 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"

START_TEST(version_2)
{
	static const struct {
		const char *text;
		int processors;
	} cases[] = {
		{"max 100000\n", 0}, {"50000 100000\n", 1}, {"100000 100000\n", 1}, {"150000 100000\n", 2}, {"200000 100000\n", 2},
		{"200001 100000\n", 3}, {"1 1000000\n", 1}, {"300000 50000", 6}, {"", 0}, {"\n", 0}, {"100000\n", 0},
		{"-1 100000\n", 0}, {"0 100000\n", 0}, {"100000 0\n", 0}, {"100000 -5\n", 0}, {"nan 100000\n", 0}, {"inf 1\n", 0},
		{"garbage\n", 0}, {"1e300 1\n", 0}, {"99999999999999999999999999 1\n", 0},
	};
	begin();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		put("sys/fs/cgroup/user/job/cpu.max", cases[i].text);
		int processors = quota("0::/user/job\n", V2);
		ck_assert_msg(processors == cases[i].processors, "\"%s\": %d", cases[i].text, processors);
	}
	end();
}
END_TEST

START_TEST(the_smallest_of_nested_groups_counts)
{
	begin();
	put("sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
	put("sys/fs/cgroup/a/cpu.max", "300000 100000\n");
	ck_assert_int_eq(quota("0::/a/b/c\n", V2), 3);
	put("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	ck_assert_int_eq(quota("0::/a/b/c\n", V2), 3);
	put("sys/fs/cgroup/a/b/c/cpu.max", "200000 100000\n");
	ck_assert_int_eq(quota("0::/a/b/c\n", V2), 2);
	/* A neighbour's does not. */
	put("sys/fs/cgroup/a/other/cpu.max", "100000 100000\n");
	ck_assert_int_eq(quota("0::/a/b/c\n", V2), 2);
	end();
}
END_TEST

START_TEST(version_1)
{
	begin();
	put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n");
	put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
	ck_assert_int_eq(quota("4:cpuset:/job\n3:cpu,cpuacct:/job\n", V1), 0);
	put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "50000\n");
	ck_assert_int_eq(quota("4:cpuset:/job\n3:cpu,cpuacct:/job\n", V1), 1);
	ck_assert_int_eq(quota("3:cpuacct,cpu:/job\n", V1), 1);
	ck_assert_int_eq(quota("3:cpuset:/job\n2:cpuacct:/job\n", V1), 0);
	put("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "350000\n");
	ck_assert_int_eq(quota("3:cpu:/job\n0::/\n", V1 V2), 4);
	/* Both versions: the smaller. */
	put("sys/fs/cgroup/cpu.max", "200000 100000\n");
	ck_assert_int_eq(quota("3:cpu:/job\n0::/\n", V1 V2), 2);
	end();
}
END_TEST

START_TEST(within_a_container)
{
	begin();
	put("sys/fs/cgroup/cpu.max", "100000 100000\n");
	/* The mount shows the container's own group; the path is the host's, or already the container's. */
	ck_assert_int_eq(quota("0::/docker/abc\n", "9 8 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n"), 1);
	ck_assert_int_eq(quota("0::/\n", "9 8 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup ro\n"), 1);
	put("sys/fs/cgroup/inner/cpu.max", "50000 100000\n");
	put("sys/fs/cgroup/cpu.max", "400000 100000\n");
	ck_assert_int_eq(quota("0::/docker/abc/inner\n", "9 8 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n"), 1);
	/* A name that only begins the same is another group. */
	put("sys/fs/cgroup/docker/abcd/cpu.max", "200000 100000\n");
	ck_assert_int_eq(quota("0::/docker/abcd\n", "9 8 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n"), 2);
	end();
}
END_TEST

START_TEST(mount_points_with_spaces)
{
	begin();
	put("my groups/job/cpu.max", "100000 100000\n");
	ck_assert_int_eq(quota("0::/job\n", "9 8 0:26 / /my\\040groups rw - cgroup2 cgroup rw\n"), 1);
	end();
}
END_TEST

START_TEST(mounts_of_other_subtrees_are_passed_over)
{
	begin();
	put("one/cpu.max", "700000 100000\n");
	put("two/job/cpu.max", "100000 100000\n");
	ck_assert_int_eq(quota("0::/job\n", "9 8 0:26 /elsewhere /one rw - cgroup2 cgroup rw\n"
					     "10 8 0:26 / /two rw - cgroup2 cgroup rw\n"), 1);
	end();
}
END_TEST

START_TEST(garbage_is_no_quota)
{
	static char line[300000];
	begin();
	memset(line, 'x', sizeof line - 2);
	line[sizeof line - 2] = '\n';
	static const char *const texts[] = {"", "\n", "::::\n", "0::\n", "0:\n", "no colons", "0::relative\n", "0::/../..\n", "\0", line,
		"9 8 0:26 / /a\\04 rw - cgroup2 cgroup2 rw\n", "9 8 0:26 /\\4 /a\\ rw - cgroup2 cgroup2 rw\n"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		quota(texts[i], V2);
		quota("0::/job\n", texts[i]);
		quota(texts[i], texts[i]);
		ck_assert_int_eq(quota("0::/job\n", texts[i]), 0);
	}
	/* Long paths, each of which would fit alone. */
	memcpy(line, "0::/", 4);
	for (size_t size = 4000; size < 4200; size++) {
		line[size] = '\n';
		line[size + 1] = 0;
		ck_assert_int_eq(quota(line, V2), 0);
		line[size] = line[size + 1] = 'x';
	}
	memset(line, '/', sizeof line - 2);
	memcpy(line, "0::", 3);
	line[4096] = 0;
	ck_assert_int_eq(quota(line, V2), 0);
	ck_assert_int_eq(processors_quota("/nonexistent"), 0);
	end();
}
END_TEST

START_TEST(affinity_bounds)
{
	cpu_set_t before, one;
	ck_assert_int_eq(sched_getaffinity(0, sizeof before, &before), 0);
	ck_assert_int_ge(brood_processors(), 1);
	ck_assert_int_le(brood_processors(), CPU_COUNT(&before));
	ck_assert_int_eq(processors_affinity(), CPU_COUNT(&before));
	CPU_ZERO(&one);
	for (size_t i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
		if (CPU_ISSET(i, &before))
			CPU_SET(i, &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
	ck_assert_int_eq(brood_processors(), 1);
	ck_assert_int_eq(sched_setaffinity(0, sizeof before, &before), 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("processors");
	TCase *quotas = support_case(suite, "quotas", 20);
	tcase_add_test(quotas, version_2);
	tcase_add_test(quotas, the_smallest_of_nested_groups_counts);
	tcase_add_test(quotas, version_1);
	tcase_add_test(quotas, within_a_container);
	tcase_add_test(quotas, mount_points_with_spaces);
	tcase_add_test(quotas, mounts_of_other_subtrees_are_passed_over);
	tcase_add_test(quotas, garbage_is_no_quota);
	tcase_add_test(quotas, affinity_bounds);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
