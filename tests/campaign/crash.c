/* SPDX-License-Identifier: MIT */
#include "crash.h"

#include "judge.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- ways to crash ------------------------------------------------------------------------------------------------- */

/* Volatile, and used after what crashes, so that each function stays a call with a line of its own. */
static int *volatile nowhere;
static int (*volatile nobody)(void);
static volatile int zero;

#define WAY __attribute__((__noinline__)) static int

enum { READS_AT = __LINE__ + 3 };
WAY reads(void)
{
	return *nowhere + 1;
}

enum { WRITES_AT = __LINE__ + 3 };
WAY writes(void)
{
	*nowhere = 1;
	return zero;
}

enum { CALLS_AT = __LINE__ + 3 };
WAY calls(void)
{
	return nobody() + 1;
}

enum { OVERFLOWS_AT = __LINE__ + 5 };
WAY overflows(void)
{
	volatile char here[1024];
	here[0] = (char)zero;
	return zero ? here[0] : overflows() + here[0];
}

enum { ABORTS_AT = __LINE__ + 3 };
WAY aborts(void)
{
	abort();
}

enum { EXITS_AT = __LINE__ + 3 };
WAY exits(void)
{
	exit(3);
}

static const struct way {
	const char *name, *type;
	int (*run)(void);
	int line;
} ways[] = {{"reads", "SIGSEGV", reads, READS_AT}, {"writes", "SIGSEGV", writes, WRITES_AT}, {"calls", "SIGSEGV", calls, CALLS_AT},
	{"overflows", "SIGSEGV", overflows, OVERFLOWS_AT}, {"aborts", "SIGABRT", aborts, ABORTS_AT},
	{"exits", "Exit", exits, EXITS_AT}};

enum { WAYS = sizeof ways / sizeof *ways };

static int crash(brood_task *task, void *context)
{
	(void)context;
	return ways[brood_index(task) % WAYS].run() + (int)brood_index(task);
}

/* --- what each process has ----------------------------------------------------------------------------------------- */

enum { HOST, NURSERY, CORONER, ROLES };

static const char *const roles[ROLES] = {"host", "nursery", "coroner"};

struct holding {
	long kibibytes, descriptors;
};

static pid_t parent_of(pid_t pid, char name[64], long *kibibytes)
{
	char path[40], line[200];
	int parent = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file)) {
		sscanf(line, "Name: %63s", name);
		sscanf(line, "PPid: %d", &parent);
		sscanf(line, "VmRSS: %ld", kibibytes);
	}
	if (file)
		fclose(file);
	return parent;
}

static pid_t find_child(pid_t parent, const char *wanted)
{
	pid_t found = 0;
	DIR *all = opendir("/proc");
	MUST(all);
	for (struct dirent *entry; !found && (entry = readdir(all));) {
		char name[64] = "";
		long kibibytes;
		pid_t pid = atoi(entry->d_name);
		if (pid > 0 && parent_of(pid, name, &kibibytes) == parent && !strcmp(name, wanted))
			found = pid;
	}
	closedir(all);
	return found;
}

static long count_descriptors(pid_t pid)
{
	char path[40];
	long count = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *all = opendir(path);
	MUST(all);
	while (readdir(all))
		count++;
	closedir(all);
	return count;
}

static struct holding look_at(pid_t pid)
{
	struct holding holding = {0};
	char name[64];
	MUST(pid && parent_of(pid, name, &holding.kibibytes));
	holding.descriptors = count_descriptors(pid);
	return holding;
}

static void look_at_all(struct holding holdings[ROLES])
{
	const pid_t nursery = find_child(getpid(), "brood-nursery");
	MUST(nursery);
	holdings[HOST] = look_at(getpid());
	holdings[NURSERY] = look_at(nursery);
	holdings[CORONER] = look_at(find_child(nursery, "brood-coroner"));
}

/* The kernel counts pages in lots, and the nursery holds two descriptors for each worker that is coming or going. */
static void compare(const struct holding before[ROLES], const struct holding after[ROLES])
{
	enum { KIBIBYTES = 1024, DESCRIPTORS = 16 };
	for (int i = 0; i < ROLES; i++) {
		printf("%s: %ld KiB and %ld descriptors, then %ld and %ld\n", roles[i], before[i].kibibytes, before[i].descriptors,
		       after[i].kibibytes, after[i].descriptors);
		if (after[i].kibibytes > before[i].kibibytes + KIBIBYTES)
			wrong("the %s grows in memory", roles[i]);
		if (after[i].descriptors > before[i].descriptors + DESCRIPTORS)
			wrong("the %s grows in descriptors", roles[i]);
	}
}

/* --- the stream ---------------------------------------------------------------------------------------------------- */

struct course {
	size_t count, pulled, pushed;
	unsigned char *seen;
	struct holding early[ROLES], late[ROLES];
};

/* Whether a line of the traceback is of this function, in this file and line. */
static bool is_told(const char *traceback, const struct way *way)
{
	char start[32], end[32];
	snprintf(start, sizeof start, " %s at ", way->name);
	snprintf(end, sizeof end, "/crash.c:%d", way->line);
	for (const char *at = traceback; (at = strstr(at, start)); at++) {
		size_t size = strcspn(at, "\n");
		if (size > strlen(end) && !strncmp(at + size - strlen(end), end, strlen(end)))
			return true;
	}
	return false;
}

static void look(const struct brood_result *record)
{
	const struct way *way = &ways[record->index % WAYS];
	const struct brood_failure *failure = record->failure;
	MUST(failure && record->status);
	GIVES(record->outcome, BROOD_ABORT);
	GIVES(record->attempts, 1);
	if (strcmp(failure->type, way->type))
		wrong("item %zu, which %s: %s: %s", record->index, way->name, failure->type, failure->message);
	if (strstr(failure->traceback, "(install libdw"))
		return;
	for (const struct way *other = ways; other < ways + WAYS; other++)
		if (is_told(failure->traceback, other) != (other == way))
			wrong("item %zu, which %s at line %d:\n%s", record->index, way->name, way->line, failure->traceback);
}

static int pull(void *context, struct brood_bytes *item)
{
	struct course *course = context;
	*item = (struct brood_bytes){0};
	return course->pulled < course->count ? (course->pulled++, 1) : 0;
}

static int push(void *context, const struct brood_result *record)
{
	struct course *course = context;
	MUST(record->index < course->count && !course->seen[record->index]++);
	look(record);
	course->pushed++;
	if (course->pushed == course->count / 10)
		look_at_all(course->early);
	if (course->pushed == course->count)
		look_at_all(course->late);
	return 0;
}

void crash_all(size_t count)
{
	struct course course = {.count = count, .seen = calloc(count, 1)};
	brood_pool *pool;
	MUST(course.seen && count >= 10);
	const long descriptors = count_descriptors(getpid());
	/* The window is touched as items go round in it: a small one has been within the first tenth. */
	GIVES(brood_pool_new(&pool, crash, NULL, BROOD_OPTIONS(.workers = 4, .window = 32)), 0);
	MUST(brood_pool_spawn(pool, 0) >= 1);
	GIVES(brood_pool_stream(pool, pull, push, &course), 0);
	brood_pool_free(pool);
	GIVES(course.pushed, count);
	compare(course.early, course.late);
	GIVES(count_descriptors(getpid()), descriptors);
	free(course.seen);
}
