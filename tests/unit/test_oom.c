/* SPDX-License-Identifier: MIT */
/* The counts of the out-of-memory killer, read from files that the test writes. */
#include "base/cgroup.h"
#include "base/lines.h"
#include "base/oom.h"
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char root[] = "/tmp/brood-oom-XXXXXX";

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

static const char *path_of(const char *name)
{
	static char path[4200];
	snprintf(path, sizeof path, "%s/%s", root, name);
	return path;
}

static void put(const char *name, const char *text)
{
	char command[8192];
	snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s')\"", path_of(name));
	ck_assert_int_eq(system(command), 0);
	FILE *file = fopen(path_of(name), "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void put_groups(const char *membership, const char *mounts)
{
	put("proc/self/cgroup", membership);
	put("proc/self/mountinfo", mounts);
}

static void put_count(const char *name, const char *before, int count)
{
	char text[200];
	snprintf(text, sizeof text, "%soom_kill %d\nmore 7\n", before, count);
	put(name, text);
}

#define V2 "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1 "33 25 0:29 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory\n"
#define EVENTS "sys/fs/cgroup/job/memory.events"
#define CONTROL "sys/fs/cgroup/memory/job/memory.oom_control"
#define BEFORE_EVENTS "low 0\nhigh 3\nmax 90\noom 4\n"
#define BEFORE_CONTROL "oom_kill_disable 0\nunder_oom 1\n"

static const struct layout {
	const char *membership, *mounts, *file, *before;
} layouts[] = {
	{"0::/job\n", V2, EVENTS, BEFORE_EVENTS},
	{"4:memory:/job\n1:cpu:/\n", V1, CONTROL, BEFORE_CONTROL},
	/* Both mounted, and the controller is with version 1. */
	{"4:memory:/job\n0::/job\n", V2 V1, CONTROL, BEFORE_CONTROL},
	{"0::/container/job\n", "9 8 0:26 /container /sys/fs/cgroup ro - cgroup2 cgroup ro\n", EVENTS, BEFORE_EVENTS},
	/* No group that counts. */
	{"0::/\n", V2, "proc/vmstat", "nr_free_pages 7\noom_kill_disable 9\n"},
	{"", "", "proc/vmstat", ""},
};

enum { LAYOUTS = sizeof layouts / sizeof *layouts };

START_TEST(each_rise_is_one_kill)
{
	const struct layout *layout = &layouts[_i];
	struct oom_watch watch;
	begin();
	put_groups(layout->membership, layout->mounts);
	put_count("proc/vmstat", "", 1000);
	put_count(layout->file, layout->before, 5);
	oom_watch_begin(&watch, root);
	ck_assert_str_eq(watch.path, path_of(layout->file));
	ck_assert(!oom_watch_claim(&watch));
	put_count(layout->file, layout->before, 6);
	ck_assert(oom_watch_claim(&watch));
	ck_assert(!oom_watch_claim(&watch));
	put_count(layout->file, layout->before, 9);
	for (int i = 0; i < 3; i++)
		ck_assert(oom_watch_claim(&watch));
	ck_assert(!oom_watch_claim(&watch));
	put_count(layout->file, layout->before, 11);
	oom_watch_again(&watch);
	ck_assert(!oom_watch_claim(&watch));
	put_count(layout->file, layout->before, 12);
	ck_assert(oom_watch_claim(&watch));
	ck_assert(!oom_watch_claim(&watch));
	end();
}
END_TEST

START_TEST(what_others_suffer_does_not_count)
{
	struct oom_watch watch;
	begin();
	put_groups("0::/job\n", V2);
	put_count(EVENTS, "", 0);
	put_count("proc/vmstat", "", 0);
	oom_watch_begin(&watch, root);
	put_count("proc/vmstat", "", 8);
	put_count("sys/fs/cgroup/other/memory.events", "", 8);
	ck_assert(!oom_watch_claim(&watch));
	end();
}
END_TEST

START_TEST(counts_that_go_back)
{
	struct oom_watch watch;
	begin();
	put_groups("0::/job\n", V2);
	put_count(EVENTS, "", 5);
	oom_watch_begin(&watch, root);
	put_count(EVENTS, "", 7);
	ck_assert(oom_watch_claim(&watch));
	put_count(EVENTS, "", 2);
	ck_assert(!oom_watch_claim(&watch));
	put_count(EVENTS, "", 3);
	ck_assert(oom_watch_claim(&watch));
	ck_assert(!oom_watch_claim(&watch));
	end();
}
END_TEST

START_TEST(files_that_are_missing_or_garbage)
{
	static char line[20000];
	struct oom_watch watch;
	memset(line, 'x', sizeof line - 1);
	const char *texts[] = {"", "\n", "oom_kill", "oom_kill\n", "oom_kill \n", "oom_kill x\n", "oom_kill -1\n",
		"oom_kill 1x\n", "oom_kill  1\n", "oom_kill 99999999999999999999\n", "oom_killed 1\n", " oom_kill 1\n", line};
	begin();
	oom_watch_begin(&watch, root);
	ck_assert(!oom_watch_claim(&watch));
	oom_watch_begin(&watch, "/nonexistent");
	ck_assert(!oom_watch_claim(&watch));
	put_groups("0::/job\n", V2);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		put(EVENTS, texts[i]);
		oom_watch_begin(&watch, root);
		ck_assert_msg(!watch.path[0], "\"%s\"", texts[i]);
		ck_assert(!oom_watch_claim(&watch));
		/* It becomes so later. */
		put_count(EVENTS, "", 0);
		oom_watch_begin(&watch, root);
		put(EVENTS, texts[i]);
		ck_assert(!oom_watch_claim(&watch));
		put_count(EVENTS, "", 1);
		ck_assert(oom_watch_claim(&watch));
	}
	ck_assert_int_eq(unlink(path_of(EVENTS)), 0);
	ck_assert(!oom_watch_claim(&watch));
	/* A long line hides none that follows it, and the last may be without its end. */
	strcpy(line + sizeof line - 20, "\noom_kill 4");
	put(EVENTS, line);
	uint64_t count;
	ck_assert(lines_number(path_of(EVENTS), "oom_kill", &count));
	ck_assert_uint_eq(count, 4);
	end();
}
END_TEST

START_TEST(lines_of_all_lengths)
{
	static char text[5000];
	begin();
	for (size_t size = sizeof((struct lines *)0)->text - 15; size < sizeof((struct lines *)0)->text + 15; size++) {
		memset(text, 'y', size);
		strcpy(text + size, "\noom_kill 3\n");
		put("file", text);
		uint64_t count;
		ck_assert(lines_number(path_of("file"), "oom_kill", &count));
		ck_assert_uint_eq(count, 3);
		struct lines lines;
		ck_assert(lines_open(&lines, path_of("file")));
		const char *line = lines_next(&lines);
		ck_assert_ptr_nonnull(line);
		ck_assert_uint_eq(strlen(line), size < sizeof lines.text - 1 ? size : strlen("oom_kill 3"));
		while (lines_next(&lines))
			;
		ck_assert_ptr_null(lines_next(&lines));
		lines_close(&lines);
	}
	end();
}
END_TEST

START_TEST(limits)
{
	begin();
	ck_assert_uint_eq(oom_limit(root), 0);
	put_groups("0::/a/b\n", V2);
	ck_assert_uint_eq(oom_limit(root), 0);
	put("sys/fs/cgroup/a/b/memory.max", "max\n");
	ck_assert_uint_eq(oom_limit(root), 0);
	put("sys/fs/cgroup/a/memory.max", "67108864\n");
	ck_assert_uint_eq(oom_limit(root), 67108864);
	put("sys/fs/cgroup/a/b/memory.max", "4096\n");
	ck_assert_uint_eq(oom_limit(root), 4096);
	put_groups("4:memory:/job\n", V1);
	put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n");
	ck_assert_uint_eq(oom_limit(root), 0);
	put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "1048576\n");
	ck_assert_uint_eq(oom_limit(root), 1048576);
	put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "garbage\n");
	ck_assert_uint_eq(oom_limit(root), 0);
	end();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("oom");
	TCase *counts = support_case(suite, "counts", 20);
	tcase_add_loop_test(counts, each_rise_is_one_kill, 0, LAYOUTS);
	tcase_add_test(counts, what_others_suffer_does_not_count);
	tcase_add_test(counts, counts_that_go_back);
	tcase_add_test(counts, files_that_are_missing_or_garbage);
	tcase_add_test(counts, lines_of_all_lengths);
	tcase_add_test(counts, limits);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
