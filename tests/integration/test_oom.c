/* SPDX-License-Identifier: MIT */
/* Whom the kernel killed for memory is told apart from whom somebody else killed, within a cgroup of the test's own. */
#include "pool.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LIMIT (64 << 20)

static char group[PATH_MAX];

/* false: that cannot be written. */
static bool write_file(const char *name, const char *text)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof path, "%s/%s", group, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	const ssize_t size = (ssize_t)strlen(text);
	const bool done = write(fd, text, (size_t)size) == size;
	close(fd);
	return done;
}

static bool write_number(const char *name, long number)
{
	char text[32];
	snprintf(text, sizeof text, "%ld", number);
	return write_file(name, text);
}

static void remove_group(void)
{
	/* What was killed leaves its group a moment later than it is waited for. */
	for (double limit = support_now() + support_scale(2); *group && rmdir(group) && support_now() < limit;)
		support_sleep(0.01);
	*group = 0;
}

/* Swap would keep the kernel from killing for as long as there is some. */
static bool limit_group(void)
{
	if (write_number("memory.limit_in_bytes", LIMIT)) {
		write_number("memory.swappiness", 0);
		write_number("memory.memsw.limit_in_bytes", LIMIT);
		return true;
	}
	write_number("memory.swap.max", 0);
	return write_number("memory.max", LIMIT);
}

static bool make_group(const char *mount, const char *parent)
{
	snprintf(group, sizeof group, "%s%s/brood-test-%d", mount, parent, (int)getpid());
	if (mkdir(group, 0755)) {
		*group = 0;
		return false;
	}
	if (limit_group())
		return true;
	remove_group();
	return false;
}

/* Below the test's own group, or, since in version 2 a group with processes gives its children no controllers, at the top. */
static void begin_group(void)
{
	char line[PATH_MAX], parent[PATH_MAX] = "", parent_v1[PATH_MAX] = "";
	FILE *file = fopen("/proc/self/cgroup", "re");
	while (file && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = 0;
		sscanf(line, "0::%4000s", parent);
		sscanf(line, "%*d:memory:%4000s", parent_v1);
	}
	if (file)
		fclose(file);
	if (!make_group("/sys/fs/cgroup/memory", parent_v1) && !make_group("/sys/fs/cgroup", parent)
	    && !make_group("/sys/fs/cgroup", ""))
		support_skip("no cgroup with a limit of memory may be made here");
}

/* In a process that the test has forked. */
static void enter_group(void)
{
	if (!write_number("cgroup.procs", getpid()))
		_exit(77);
}

static void run_within(void (*function)(void *context))
{
	/* Before the test's process has children of brood's, and the counts of that process. */
	begin_group();
	int status = support_join(support_fork(function, NULL, 30), 35);
	remove_group();
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		support_skip("no process may be moved to a cgroup here");
	ck_assert_int_eq(status, 0);
}

_Noreturn static void touch_for_ever(void)
{
	const size_t size = 1 << 20;
	/* Twice the limit, so that the system does not suffer where the limit should not hold. */
	for (size_t i = 0; i < 2 * LIMIT / size; i++) {
		char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory != MAP_FAILED)
			memset(memory, 1, size);
	}
	_exit(78);
}

enum { ITEMS = 20, GREEDY = 3, KILLED = 7 };

static int work(brood_task *task, void *context)
{
	const size_t index = brood_index(task);
	if (index == GREEDY)
		touch_for_ever();
	if (index == KILLED)
		kill(getpid(), SIGKILL);
	return reply_index(task, context);
}

static void check_exhausted(const struct brood_result *result)
{
	ck_assert_int_eq(result->outcome, BROOD_ABORT);
	ck_assert_str_eq(result->failure->type, "OutOfMemory");
	ck_assert_msg(strstr(result->failure->message, "(limit of its cgroup 64 MiB)"), "%s", result->failure->message);
	ck_assert_int_eq(result->failure->signal, SIGKILL);
	ck_assert_int_eq(result->status->signal, SIGKILL);
	ck_assert(result->status->out_of_memory);
}

static void check_killed(const struct brood_result *result)
{
	ck_assert_int_eq(result->outcome, BROOD_ABORT);
	ck_assert_str_eq(result->failure->type, "SIGKILL");
	ck_assert_int_eq(result->status->signal, SIGKILL);
	ck_assert(!result->status->out_of_memory);
}

static void run_pool(void *context)
{
	(void)context;
	enter_group();
	brood_results *results;
	/* One worker: of two that die by SIGKILL at the same time, the count does not tell which was the kernel's. */
	ck_assert_int_eq(brood_parallelize_array(&results, work, NULL, NULL, 0, ITEMS, BROOD_OPTIONS(.workers = 1)), 0);
	for (size_t i = 0; i < ITEMS; i++) {
		const struct brood_result result = record_of(results, i);
		if (i == GREEDY)
			check_exhausted(&result);
		else if (i == KILLED)
			check_killed(&result);
		else
			ck_assert_int_eq(result.outcome, BROOD_SUCCESS);
	}
	brood_results_free(results);
}

START_TEST(items)
{
	run_within(run_pool);
}
END_TEST

_Noreturn static int all_greedy(brood_task *task, void *context)
{
	(void)task, (void)context;
	touch_for_ever();
}

/* Several are killed, some maybe at once: as many verdicts as kills. */
static void run_greedy(void *context)
{
	(void)context;
	enter_group();
	brood_results *results;
	ck_assert_int_eq(brood_parallelize_array(&results, all_greedy, NULL, NULL, 0, 4, BROOD_OPTIONS(.workers = 4)), 0);
	for (size_t i = 0; i < 4; i++) {
		const struct brood_result result = record_of(results, i);
		check_exhausted(&result);
	}
	brood_results_free(results);
}

START_TEST(many_items)
{
	run_within(run_greedy);
}
END_TEST

_Noreturn static int wait_for_kill(brood_task *task, void *context)
{
	(void)task, (void)context;
	signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
}

/* The nursery's own SIGKILL, while a kill of another process has raised the count. */
static void run_timeout(void *context)
{
	(void)context;
	enter_group();
	brood_pool *pool = pool_with(wait_for_kill, NULL, BROOD_OPTIONS(.workers = 1, .timeout = 0.3, .grace = 0.1));
	pid_t other = fork();
	ck_assert_int_ge(other, 0);
	if (!other)
		touch_for_ever();
	int status;
	ck_assert_int_eq(waitpid(other, &status, 0), other);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 1), 0);
	const struct brood_result result = pool_record(pool, 0);
	ck_assert_int_eq(result.outcome, BROOD_TIMEOUT);
	ck_assert_int_eq(result.status->signal, SIGKILL);
	ck_assert(!result.status->out_of_memory);
	brood_pool_free(pool);
}

START_TEST(a_timeout_is_none)
{
	run_within(run_timeout);
}
END_TEST

enum end { TOUCHES, KILLS_ITSELF, WAITS };

static int end_so(brood_channel *channel, void *context)
{
	switch (*(enum end *)context) {
	case TOUCHES:
		touch_for_ever();
	case KILLS_ITSELF:
		kill(getpid(), SIGKILL);
		return 1;
	default:
		return wait_for_end(channel, context);
	}
}

static void check_child(enum end end, bool exhausted)
{
	brood_channel *channel;
	struct brood_status status;
	ck_assert_int_eq(brood_start(&channel, end_so, &end), 0);
	if (end == WAITS)
		ck_assert_int_eq(brood_channel_kill(channel, SIGKILL), 0);
	ck_assert_int_eq(brood_wait(channel, support_scale(10), &status), 0);
	ck_assert_int_eq(status.signal, SIGKILL);
	ck_assert_int_eq(status.out_of_memory, exhausted);
	brood_channel_free(channel);
}

static void run_children(void *context)
{
	(void)context;
	enter_group();
	check_child(KILLS_ITSELF, false);
	check_child(TOUCHES, true);
	check_child(KILLS_ITSELF, false);
	check_child(WAITS, false);
	check_child(TOUCHES, true);
	check_child(TOUCHES, true);
}

START_TEST(children)
{
	run_within(run_children);
}
END_TEST

/* The children's watch sees the pool's kills as well. */
static void run_both(void *context)
{
	run_pool(context);
	check_child(KILLS_ITSELF, false);
	check_child(TOUCHES, true);
	check_child(KILLS_ITSELF, false);
}

START_TEST(a_pool_and_children)
{
	run_within(run_both);
}
END_TEST

static void check_program(const char *script, unsigned flags, bool exhausted)
{
	brood_process *process;
	struct brood_status status;
	const char *arguments[] = {"sh", "-c", script, NULL};
	ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = arguments, .search = true, .flags = flags)), 0);
	ck_assert_int_eq(brood_process_wait(process, support_scale(20), &status), 0);
	ck_assert_int_eq(status.signal, SIGKILL);
	ck_assert_int_eq(status.out_of_memory, exhausted);
	brood_process_free(process);
}

static void run_programs(void *context)
{
	(void)context;
	enter_group();
	for (unsigned flags = 0; flags <= BROOD_DIRECT; flags += BROOD_DIRECT) {
		check_program("kill -9 $$", flags, false);
		check_program("exec dd if=/dev/zero of=/dev/null bs=200M count=1", flags, true);
		check_program("kill -9 $$", flags, false);
	}
	collect_all();
}

START_TEST(programs)
{
	run_within(run_programs);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("oom");
	TCase *kills = support_case(suite, "kills", 40);
	tcase_add_test(kills, items);
	tcase_add_test(kills, many_items);
	tcase_add_test(kills, a_timeout_is_none);
	tcase_add_test(kills, children);
	tcase_add_test(kills, a_pool_and_children);
	tcase_add_test(kills, programs);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
