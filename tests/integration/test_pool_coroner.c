/* SPDX-License-Identifier: MIT */
/* Who makes tracebacks may hang, be killed, or meet files that are broken: it costs the traceback, and a bounded time. */
#include "pool.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <ucontext.h>

/* The coroner is given two seconds, and a machine may be busy. */
#define BOUND 10

/* The nursery's coroner, or 0. */
static pid_t find_coroner(pid_t nursery)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;
	while (directory && !found && (entry = readdir(directory))) {
		char path[64], name[64];
		int pid = atoi(entry->d_name), parent;
		snprintf(path, sizeof path, "/proc/%d/stat", pid);
		FILE *file = pid ? fopen(path, "re") : NULL;
		if (!file)
			continue;
		if (fscanf(file, "%*d (%63[^)]) %*c %d", name, &parent) == 2 && parent == nursery && !strcmp(name, "brood-coroner"))
			found = pid;
		fclose(file);
	}
	if (directory)
		closedir(directory);
	return found;
}

static void crash(void)
{
	volatile int *volatile nowhere = NULL;
	*nowhere = 1;
}

/* A letter says what an item does to the coroner before it crashes: nothing, stops it, kills it. */
static int crash_beside(brood_task *task, void *context)
{
	const char what = *(const char *)brood_item(task).data;
	pid_t coroner = find_coroner(getppid());
	(void)context;
	/* There is one from the first crash on. */
	if (what != 'n' && !coroner)
		return brood_fail(task, 1, "NoCoroner", "there is none");
	if (what != 'n')
		kill(coroner, what == 's' ? SIGSTOP : SIGKILL);
	crash();
	return 0;
}

START_TEST(tracebacks_go_on)
{
	const char way = _i ? 'k' : 's';
	const struct brood_bytes items[] = {{"n", 1}, {&way, 1}, {"n", 1}};
	brood_pool *pool = pool_with(crash_beside, NULL, BROOD_OPTIONS(.workers = 1));
	for (size_t i = 0; i < 3; i++) {
		const double before = support_now();
		ck_assert_int_eq(brood_pool_process(pool, &items[i], 1), 0);
		ck_assert_double_lt(support_now() - before, BOUND);
		struct brood_result result = pool_record(pool, i);
		ck_assert_int_eq(result.outcome, BROOD_ABORT);
		ck_assert_str_eq(result.failure->type, "SIGSEGV");
		ck_assert(strstr(result.failure->message, "null pointer"));
		/* Where it has gone another is asked; where it does not answer none is. */
		if (i != 1 || way == 'k')
			ck_assert(strstr(result.failure->traceback, "crash"));
		else
			ck_assert_str_eq(result.failure->traceback, "");
	}
	brood_pool_free(pool);
}
END_TEST

/* --- broken files -------------------------------------------------------------------------------------------------- */

static uint64_t draw(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

/* A copy of this program with a few bytes in a thousand changed, which stays a program by its first bytes. */
static void *map_broken_copy(const char *path, uint64_t random, size_t *size)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	struct stat file;
	if (from < 0 || to < 0 || fstat(from, &file) || ftruncate(to, file.st_size))
		_exit(99);
	*size = (size_t)file.st_size;
	unsigned char *bytes = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, to, 0);
	if (bytes == MAP_FAILED || read(from, bytes, *size) != file.st_size)
		_exit(99);
	for (size_t i = 0; i < *size / 200; i++)
		bytes[64 + draw(&random) % (*size - 64)] = (unsigned char)draw(&random);
	munmap(bytes, *size);
	void *code = mmap(NULL, *size, PROT_READ | PROT_EXEC, MAP_PRIVATE, to, 0);
	return code == MAP_FAILED ? NULL : code;
}

static int crash_in_broken_file(brood_task *task, void *context)
{
	size_t size;
	unsigned char *code = map_broken_copy(context, brood_index(task) + 1, &size);
	void (*call)(void);
	/* Not far behind its head is nothing that returns for long. */
	void *place = code ? code + size / 2 : NULL;
	memcpy(&call, &place, sizeof call);
	call();
	crash();
	return 0;
}

START_TEST(broken_files_are_survived)
{
	enum { ITEMS = 8 };
	char path[] = "/tmp/brood-broken-XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	brood_pool *pool = pool_with(crash_in_broken_file, path, BROOD_OPTIONS(.workers = 1, .timeout = 5));
	for (size_t i = 0; i < ITEMS; i++) {
		const double before = support_now();
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 1), 0);
		ck_assert_double_lt(support_now() - before, 2 * BOUND);
		struct brood_result result = pool_record(pool, i);
		ck_assert(result.outcome == BROOD_ABORT || result.outcome == BROOD_TIMEOUT);
		ck_assert_str_ne(result.failure->type, "");
		ck_assert_int_ne(result.status->exit_code, 99);
	}
	brood_pool_free(pool);
	unlink(path);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool coroner");
	TCase *tracebacks = support_case(suite, "coroner", 60);
	tcase_add_loop_test(tracebacks, tracebacks_go_on, 0, 2);
	tcase_add_test(tracebacks, broken_files_are_survived);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
