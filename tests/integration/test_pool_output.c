/* SPDX-License-Identifier: MIT */
/* What workers write to stderr: it goes where the host's goes, and the last of it is in the record of whoever died. */
#include "pool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { OUTPUT_MOST = 16 * 1024, MIB = 1 << 20 };

/* Descriptor 2 becomes this one; what it was is returned. */
static int redirect(int fd)
{
	int before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	ck_assert_int_ge(before, 0);
	ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	return before;
}

static void restore(int before)
{
	ck_assert_int_eq(dup2(before, STDERR_FILENO), STDERR_FILENO);
	close(before);
}

static int new_file(void)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
	return fd;
}

/* All that the file has come to, as text that is to be freed. */
static char *text_of(int fd, size_t *size)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, (size_t)end + 1);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(pread(fd, text, (size_t)end, 0), end);
	*size = (size_t)end;
	return text;
}

/* What one item of this function has for a record, with the host's stderr a file, whose text is to be freed. */
static struct brood_result run_with_file(brood_results **results, brood_work_fn *function, unsigned flags, char **text,
					  size_t *size)
{
	int fd = new_file(), before = redirect(fd);
	struct brood_result result = run_one(results, function, NULL, BROOD_OPTIONS(.workers = 1, .flags = flags));
	restore(before);
	*text = text_of(fd, size);
	close(fd);
	return result;
}

static void is_killed(const struct brood_result *result)
{
	ck_assert_int_eq(result->outcome, BROOD_ABORT);
	ck_assert_int_eq(result->status->signal, SIGKILL);
}

static int write_and_die(brood_task *task, void *context)
{
	(void)task;
	(void)context;
	fprintf(stderr, "first\n");
	fprintf(stderr, "second, %d\n", 2);
	if (write(STDERR_FILENO, "a\0b", 3) != 3)
		return 1;
	return raise(SIGKILL);
}

START_TEST(output_is_passed_on_and_kept)
{
	brood_results *results;
	char *text;
	size_t size;
	struct brood_result result = run_with_file(&results, write_and_die, 0, &text, &size);
	is_killed(&result);
	ck_assert_str_eq(result.failure->output, "first\nsecond, 2\na?b");
	ck_assert_uint_eq(size, strlen("first\nsecond, 2\n") + 3);
	ck_assert_mem_eq(text, "first\nsecond, 2\na\0b", size);
	free(text);
	brood_results_free(results);
}
END_TEST

enum { CROWD = 200 };

/* Nobody dies before all are there, so that each worker has one item. */
static int meet_and_die(brood_task *task, void *context)
{
	atomic_int *there = context;
	fprintf(stderr, "item %zu\n", brood_index(task));
	atomic_fetch_add(there, 1);
	while (atomic_load(there) < CROWD)
		usleep(1000);
	return raise(SIGKILL);
}

START_TEST(output_is_each_worker_s_own_of_many)
{
	atomic_int *there = shared_memory(sizeof *there);
	brood_results *results;
	int fd = new_file(), before = redirect(fd);
	ck_assert_int_eq(brood_parallelize_array(&results, meet_and_die, there, NULL, 0, CROWD, BROOD_OPTIONS(.workers = CROWD)), 0);
	restore(before);
	size_t size, expected = 0;
	char line[32], *text = text_of(fd, &size);
	for (size_t i = 0; i < CROWD; i++) {
		struct brood_result result = record_of(results, i);
		is_killed(&result);
		expected += (size_t)snprintf(line, sizeof line, "item %zu\n", i);
		ck_assert_str_eq(result.failure->output, line);
	}
	ck_assert_uint_eq(size, expected);
	free(text);
	close(fd);
	brood_results_free(results);
	munmap(there, sizeof *there);
}
END_TEST

static int write_much_and_die(brood_task *task, void *context)
{
	(void)task;
	(void)context;
	for (int i = 0; i < MIB / 16; i++)
		fprintf(stderr, "line %10d\n", i);
	return raise(SIGKILL);
}

START_TEST(much_is_passed_on_whole_and_its_last_lines_are_kept)
{
	brood_results *results;
	char *text, line[32];
	size_t size;
	struct brood_result result = run_with_file(&results, write_much_and_die, 0, &text, &size);
	is_killed(&result);
	ck_assert_uint_eq(size, MIB);
	for (int i = 0; i < MIB / 16; i++) {
		snprintf(line, sizeof line, "line %10d\n", i);
		ck_assert_mem_eq(text + (size_t)i * 16, line, 16);
	}
	const char *output = result.failure->output;
	ck_assert_uint_le(strlen(output), OUTPUT_MOST);
	ck_assert_uint_gt(strlen(output), OUTPUT_MOST - 32);
	ck_assert_str_eq(output, text + MIB - strlen(output));
	ck_assert_mem_eq(output, "line ", 5);
	free(text);
	brood_results_free(results);
}
END_TEST

static int run_a_program(brood_task *task, void *context)
{
	(void)task;
	(void)context;
	return system("echo x >&2; kill -9 $PPID");
}

START_TEST(program_of_a_worker_is_heard)
{
	brood_results *results;
	char *text;
	size_t size;
	struct brood_result result = run_with_file(&results, run_a_program, 0, &text, &size);
	is_killed(&result);
	ck_assert_str_eq(result.failure->output, "x\n");
	ck_assert_str_eq(text, "x\n");
	free(text);
	brood_results_free(results);
}
END_TEST

static int close_and_die(brood_task *task, void *context)
{
	(void)task;
	(void)context;
	fprintf(stderr, "last\n");
	close(STDERR_FILENO);
	support_sleep(0.05);
	return raise(SIGKILL);
}

START_TEST(worker_may_close_it)
{
	brood_results *results;
	char *text;
	size_t size;
	struct brood_result result = run_with_file(&results, close_and_die, 0, &text, &size);
	is_killed(&result);
	ck_assert_str_eq(result.failure->output, "last\n");
	ck_assert_str_eq(text, "last\n");
	free(text);
	brood_results_free(results);
}
END_TEST

static int hang(brood_task *task, void *context)
{
	(void)context;
	fprintf(stderr, "item %zu hangs\n", brood_index(task));
	support_sleep(support_scale(20));
	return 0;
}

START_TEST(output_is_kept_of_whoever_took_too_long)
{
	brood_results *results;
	int fd = new_file(), before = redirect(fd);
	struct brood_result result = run_one(&results, hang, NULL, BROOD_OPTIONS(.workers = 1, .timeout = 0.1, .grace = -1));
	restore(before);
	ck_assert_int_eq(result.outcome, BROOD_TIMEOUT);
	ck_assert_str_eq(result.failure->output, "item 0 hangs\n");
	brood_results_free(results);
	close(fd);
}
END_TEST

/* Each third item dies; those whose number is even have written something. */
static int write_some(brood_task *task, void *context)
{
	(void)context;
	if (brood_index(task) % 2 == 0)
		fprintf(stderr, "item %zu\n", brood_index(task));
	if (brood_index(task) % 3 == 0)
		raise(SIGKILL);
	return brood_index(task) % 3 == 1 ? brood_fail(task, 1, "Type", "message") : 0;
}

/* A line's next owner has nothing of the last one's. */
START_TEST(output_is_of_the_worker_alone)
{
	int fd = new_file(), before = redirect(fd);
	brood_pool *pool = pool_with(write_some, NULL, BROOD_OPTIONS(.workers = 2, .recycle_after = 1));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 60), 0);
	size_t size, expected = 0;
	for (size_t i = 0; i < 60; i++) {
		struct brood_result result = pool_record(pool, i);
		char line[32];
		snprintf(line, sizeof line, "item %zu\n", i);
		expected += i % 2 ? 0 : strlen(line);
		ck_assert_int_eq(result.outcome, i % 3 == 0 ? BROOD_ABORT : i % 3 == 1 ? BROOD_FAIL : BROOD_SUCCESS);
		if (result.failure)
			ck_assert_str_eq(result.failure->output, i % 3 || i % 2 ? "" : line);
	}
	brood_pool_free(pool);
	restore(before);
	free(text_of(fd, &size));
	ck_assert_uint_eq(size, expected);
	close(fd);
}
END_TEST

/* --- where nobody reads -------------------------------------------------------------------------------------------- */

static int write_at_zero(brood_task *task, void *context)
{
	static char line[1000];
	(void)context;
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	for (int i = 0; brood_index(task) == 0 && i < 10000; i++)
		if (write(STDERR_FILENO, line, sizeof line) < 0)
			return 1;
	return reply_index(task, NULL);
}

/* A pipe of which both ends are here, so that it fills; a worker that writes waits, and nobody else. */
START_TEST(nobody_who_reads_holds_up_no_other)
{
	int ends[2];
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	int before = redirect(ends[1]);
	brood_pool *pool = pool_with(write_at_zero, NULL, BROOD_OPTIONS(.workers = 2, .timeout = support_scale(0.5), .grace = -1));
	double began = support_now();
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 200), 0);
	ck_assert_int_eq(pool_record(pool, 0).outcome, BROOD_TIMEOUT);
	ck_assert_uint_gt(strlen(pool_record(pool, 0).failure->output), OUTPUT_MOST - 1000);
	for (uint64_t i = 1; i < 200; i++)
		value_is(pool_record(pool, i), i);
	ck_assert_double_lt(support_now() - began, support_scale(3));
	began = support_now();
	brood_pool_free(pool);
	ck_assert_double_lt(support_now() - began, support_scale(3));
	/* What is open is shared with the host, and waits as before. */
	ck_assert_int_eq(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	restore(before);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static int write_twice(brood_task *task, void *context)
{
	fprintf(stderr, "once\n");
	fprintf(stderr, "twice\n");
	return reply_index(task, context);
}

/* Loop 0: who read has gone; 1: the host has no stderr; 2: it can only be read. */
START_TEST(stderr_that_has_gone_costs_nothing)
{
	int ends[2];
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	int before = redirect(ends[_i == 2 ? 0 : 1]);
	if (_i < 2)
		close(ends[0]);
	if (_i == 1)
		close(STDERR_FILENO);
	brood_pool *pool = pool_with(write_twice, NULL, BROOD_OPTIONS(.workers = 2));
	int error = brood_pool_process_array(pool, NULL, 0, 50);
	for (uint64_t i = 0; !error && i < 50; i++)
		value_is(pool_record(pool, i), i);
	brood_pool_free(pool);
	restore(before);
	ck_assert_int_eq(error, 0);
	if (_i == 2)
		close(ends[0]);
	close(ends[1]);
}
END_TEST

/* --- descendants --------------------------------------------------------------------------------------------------- */

struct outliving {
	pid_t pid;
	int written;
	bool left, go;
};

/* Its child leaves the group, and goes on writing when it is told to. */
static int leave_a_writer(brood_task *task, void *context)
{
	volatile struct outliving *shared = context;
	if (brood_index(task))
		return reply_index(task, NULL);
	pid_t pid = fork();
	if (pid) {
		shared->pid = pid;
		while (!shared->left)
			usleep(1000);
		return raise(SIGKILL);
	}
	setsid();
	shared->left = true;
	while (!shared->go)
		usleep(1000);
	shared->written = (int)write(STDERR_FILENO, "late\n", 5);
	_exit(0);
}

static bool has_written(void *context)
{
	volatile struct outliving *shared = context;
	return shared->written != 0;
}

START_TEST(descendant_that_left_is_heard_on)
{
	struct outliving *shared = shared_memory(sizeof *shared);
	int fd = new_file(), before = redirect(fd);
	brood_pool *pool = pool_with(leave_a_writer, shared, BROOD_OPTIONS(.workers = 1));
	ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 2), 0);
	struct brood_result result = pool_record(pool, 0);
	is_killed(&result);
	ck_assert_str_eq(result.failure->output, "");
	shared->go = true;
	ck_assert(support_wait_until(has_written, shared, 10));
	ck_assert_int_eq(shared->written, 5);
	brood_pool_free(pool);
	restore(before);
	size_t size;
	char *text = text_of(fd, &size);
	ck_assert_str_eq(text, "late\n");
	free(text);
	close(fd);
}
END_TEST

/* --- plain --------------------------------------------------------------------------------------------------------- */

static int write_with_what(brood_task *task, void *context)
{
	(void)task;
	(void)context;
	fprintf(stderr, "%ld\n", (long)lseek(STDERR_FILENO, 0, SEEK_CUR));
	return raise(SIGKILL);
}

START_TEST(plain_stderr_is_the_host_s)
{
	brood_results *results;
	char *text;
	size_t size;
	struct brood_result result = run_with_file(&results, write_with_what, BROOD_PLAIN_STDERR, &text, &size);
	is_killed(&result);
	ck_assert_str_eq(result.failure->output, "");
	ck_assert_str_eq(text, "0\n");
	free(text);
	brood_results_free(results);
	/* A pipe has no place in it. */
	result = run_with_file(&results, write_with_what, 0, &text, &size);
	ck_assert_str_eq(result.failure->output, "-1\n");
	ck_assert_str_eq(text, "-1\n");
	free(text);
	brood_results_free(results);
}
END_TEST

START_TEST(without_descriptors_it_is_plain)
{
	brood_results *results;
	char *text;
	size_t size;
	struct rlimit limit, before;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = (rlim_t)support_descriptors() + 20;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	struct brood_result result = run_with_file(&results, write_and_die, 0, &text, &size);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	is_killed(&result);
	ck_assert_str_eq(result.failure->output, "");
	ck_assert_mem_eq(text, "first\nsecond, 2\n", 16);
	free(text);
	brood_results_free(results);
}
END_TEST

static int write_slowly(brood_task *task, void *context)
{
	(void)context;
	char line[32];
	const int size = snprintf(line, sizeof line, "item %6zu\n", brood_index(task));
	usleep(20000);
	return write(STDERR_FILENO, line, (size_t)size) == size ? 0 : 1;
}

/* Some of them, or none, have a pipe, and the others the host's stderr. */
START_TEST(more_workers_than_descriptors)
{
	enum { WORKERS = 300, ITEMS = 600, LINE = 12 };
	struct rlimit limit, before;
	brood_results *results;
	size_t size;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = (rlim_t)support_descriptors() + (_i ? 150 : 20);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	int fd = new_file(), stderr_before = redirect(fd);
	int error = brood_parallelize_array(&results, write_slowly, NULL, NULL, 0, ITEMS, BROOD_OPTIONS(.workers = WORKERS));
	restore(stderr_before);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(error, 0);
	for (size_t i = 0; i < ITEMS; i++)
		ck_assert_int_eq(record_of(results, i).outcome, BROOD_SUCCESS);
	free(text_of(fd, &size));
	ck_assert_uint_eq(size, ITEMS * LINE);
	close(fd);
	brood_results_free(results);
}
END_TEST

/* A worker has no descriptor but the host's. */
static int count_descriptors(brood_task *task, void *context)
{
	int count = support_descriptors();
	(void)context;
	return brood_reply(task, &count, sizeof count);
}

START_TEST(worker_has_no_descriptor_of_another_s)
{
	for (unsigned flags = 0; flags <= BROOD_PLAIN_STDERR; flags += BROOD_PLAIN_STDERR) {
		/* The host's, without the three of the pool, and the bell. */
		const int expected = support_descriptors() + 1;
		brood_pool *pool = pool_with(count_descriptors, NULL, BROOD_OPTIONS(.workers = 8, .recycle_after = 1, .flags = flags));
		ck_assert_int_eq(brood_pool_process_array(pool, NULL, 0, 40), 0);
		for (size_t i = 0; i < 40; i++)
			value_is(pool_record(pool, i), expected);
		brood_pool_free(pool);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("pool output");
	TCase *output = support_case(suite, "output", 30);
	tcase_add_test(output, output_is_passed_on_and_kept);
	tcase_add_test(output, output_is_each_worker_s_own_of_many);
	tcase_add_test(output, much_is_passed_on_whole_and_its_last_lines_are_kept);
	tcase_add_test(output, program_of_a_worker_is_heard);
	tcase_add_test(output, worker_may_close_it);
	tcase_add_test(output, output_is_kept_of_whoever_took_too_long);
	tcase_add_test(output, output_is_of_the_worker_alone);
	TCase *readers = support_case(suite, "readers", 30);
	tcase_add_test(readers, nobody_who_reads_holds_up_no_other);
	tcase_add_loop_test(readers, stderr_that_has_gone_costs_nothing, 0, 3);
	tcase_add_test(readers, descendant_that_left_is_heard_on);
	TCase *plain = support_case(suite, "plain", 30);
	tcase_add_test(plain, plain_stderr_is_the_host_s);
	tcase_add_test(plain, without_descriptors_it_is_plain);
	tcase_add_loop_test(plain, more_workers_than_descriptors, 0, 2);
	tcase_add_test(plain, worker_has_no_descriptor_of_another_s);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
