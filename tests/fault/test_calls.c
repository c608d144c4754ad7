/* SPDX-License-Identifier: MIT */
/* Every call that the process layer makes fails in turn: a clear error or success, nothing leaked, outputs untouched. */
#include "faults.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const char *const seven[] = {PROBE, "exit", "7", NULL}, *const missing[] = {"/nonexistent", NULL};

static void clear_error(int result)
{
	ck_assert_msg(result < 0 && result > -4096 && faults_failed(), "result %d with %s failing", result,
		      faults_failed() ? faults_failed() : "nothing");
}

static void start(void *context)
{
	int code = 7;
	brood_channel *const untouched = (brood_channel *)&code;
	brood_channel *channel = untouched;
	struct brood_status status;
	int result = brood_start(&channel, return_code, &code);
	if (result) {
		clear_error(result);
		ck_assert_ptr_eq(channel, untouched);
	} else {
		ck_assert_int_eq(brood_wait(channel, support_scale(5), &status), 0);
		ck_assert(status.exit_code == 7 && !status.signal);
		brood_channel_free(channel);
	}
	if (context)
		collect_all();
}

static void create(void *context)
{
	brood_channel *const untouched = (brood_channel *)&context;
	brood_channel *channel = untouched;
	int result = brood_create(&channel);
	if (!result)
		_exit(brood_channel_pid(channel));
	if (result < 0) {
		clear_error(result);
		ck_assert_ptr_eq(channel, untouched);
		return;
	}
	ck_assert_int_eq(brood_channel_pid(channel), result);
	brood_channel_free(channel);
	collect_all();
}

static void spawn(void *context)
{
	unsigned flags = *(unsigned *)context;
	brood_process *const untouched = context;
	brood_process *process = untouched;
	struct brood_status status;
	int result = brood_spawn(&process, BROOD_PROGRAM(.argv = seven, .flags = flags));
	if (result) {
		clear_error(result);
		ck_assert_ptr_eq(process, untouched);
	} else {
		ck_assert_int_eq(brood_process_wait(process, support_scale(5), &status), 0);
		ck_assert(status.exit_code == 7 && !status.signal);
		brood_process_free(process);
	}
	result = brood_spawn(&process, BROOD_PROGRAM(.argv = missing, .flags = flags));
	if (result != -ENOENT)
		clear_error(result);
	collect_all();
}

static void become(void *context)
{
	(void)context;
	int result = brood_exec(BROOD_PROGRAM(.argv = missing, .directory = "/", .stdin_fd = BROOD_NULL));
	if (result != -ENOENT)
		clear_error(result);
}

/* With what the library gives them these cannot fail, or not so as the wrappers have it. */
#define NEVER "pthread_sigmask sigaction prctl pthread_atfork"

static unsigned each(void (*scenario)(void *context), void *context)
{
	return faults_each_plan(scenario, context, &(struct faults_plan){.except = NEVER});
}

START_TEST(nth_call_of_create_and_start)
{
	int collect = 1;
	ck_assert_uint_gt(each(start, &collect), 5);
	ck_assert_uint_gt(each(create, NULL), 5);
}
END_TEST

START_TEST(nth_call_of_spawn)
{
	static const unsigned flags[] = {0, BROOD_DIRECT, BROOD_OUTLIVE, BROOD_OUTLIVE | BROOD_DIRECT};
	unsigned chosen = flags[_i];
	ck_assert_uint_gt(each(spawn, &chosen), 5);
	/* Where memory cannot be shared with a keeper, and a direct child not be had. */
	ck_assert_uint_gt(faults_each_plan(spawn, &chosen, &(struct faults_plan){.only = "clone", .from = true}), 0);
}
END_TEST

START_TEST(nth_call_of_exec)
{
	/* Descriptors are its own to look at; that there are too many of them comes below. */
	ck_assert_uint_gt(faults_each_plan(become, NULL, &(struct faults_plan){.except = "fcntl dup2 fchdir"}), 1);
}
END_TEST

/* A keeper that is a copy of the host, in a host that has closed its standard descriptors: its own do not land there. */
START_TEST(copied_keeper_leaves_standard_descriptors)
{
	const char *talks[] = {PROBE, "descriptors", NULL}, *lives[] = {"/bin/sleep", "1000", NULL};
	const char *const *const programs[] = {missing, seven, talks, lives};
	support_close_standard();
	for (int i = 0; i < 4; i++) {
		brood_process *process;
		struct brood_status status;
		/* There it is copied anyway. */
		if (!RUNNING_ON_VALGRIND) {
			faults_only("clone");
			faults_fail(1, ENOSYS);
		}
		int result = brood_spawn(&process, BROOD_PROGRAM(.argv = programs[i]));
		faults_off();
		ck_assert_int_eq(result, i ? 0 : -ENOENT);
		if (result)
			continue;
		if (i == 3)
			brood_process_kill(process, SIGTERM);
		ck_assert_int_eq(brood_process_wait(process, support_scale(5), &status), 0);
		ck_assert_int_eq(status.exit_code, i == 1 ? 7 : 0);
		brood_process_free(process);
	}
}
END_TEST

/* --- limits -------------------------------------------------------------------------------------------------------- */

START_TEST(too_many_descriptors)
{
	if (RUNNING_ON_VALGRIND)
		support_skip("valgrind keeps descriptors for itself");
	struct rlimit before, limit;
	brood_process *process;
	brood_channel *channel;
	int code = 0, started = 0, failed = 0;
	getrlimit(RLIMIT_NOFILE, &before);
	for (rlim_t room = 3; room < 24; room++) {
		limit = (struct rlimit){room, before.rlim_max};
		setrlimit(RLIMIT_NOFILE, &limit);
		for (unsigned flags = 0; flags <= BROOD_DIRECT; flags += BROOD_DIRECT) {
			int result = brood_spawn(&process, BROOD_PROGRAM(.argv = seven, .flags = flags));
			ck_assert(!result || result == -EMFILE || result == -EBADF);
			failed += result == -EMFILE;
			if (result)
				continue;
			ck_assert_int_eq(brood_process_wait(process, support_scale(10), NULL), 0);
			brood_process_free(process);
		}
		int result = brood_exec(BROOD_PROGRAM(.argv = missing, .directory = "/", .stdin_fd = BROOD_NULL));
		ck_assert(result == -ENOENT || result == -EMFILE);
		result = brood_start(&channel, return_code, &code);
		ck_assert(!result || result == -EMFILE);
		if (!result) {
			started++;
			ck_assert_int_eq(brood_wait(channel, support_scale(10), NULL), 0);
			brood_channel_free(channel);
		}
		collect_all();
	}
	setrlimit(RLIMIT_NOFILE, &before);
	ck_assert(started && failed);
}
END_TEST

static void start_as_nobody(void *context)
{
	brood_process *process;
	brood_channel *channel;
	int code = 0;
	(void)context;
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &(struct rlimit){1, 1}), 0);
	ck_assert(!setgid(65534) && !setuid(65534));
	ck_assert_int_eq(brood_start(&channel, return_code, &code), -EAGAIN);
	for (unsigned flags = 0; flags <= BROOD_DIRECT; flags += BROOD_DIRECT)
		ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = (const char *[]){"/bin/true", NULL}, .flags = flags)),
				 -EAGAIN);
	ck_assert_msg(!support_difference(2), "%s", support_difference(0));
	/* A leak checker would want a process of its own. */
	_exit(0);
}

START_TEST(too_many_processes)
{
	if (geteuid())
		support_skip("only root can become nobody");
	support_join_ok(support_fork(start_as_nobody, NULL, 10), 10);
}
END_TEST

/* --- interruptions ------------------------------------------------------------------------------------------------- */

START_TEST(interrupted_all_the_time)
{
	unsigned flags[] = {0, BROOD_DIRECT, BROOD_OUTLIVE};
	if (RUNNING_ON_VALGRIND)
		support_skip("valgrind delivers signals after the storm's end");
	support_storm_start(0.0001);
	for (int round = rounds(60); round; round--) {
		start(&round);
		spawn(&flags[round % 3]);
		become(NULL);
		brood_channel *channel;
		ck_assert_int_eq(brood_start(&channel, wait_for_end, NULL), 0);
		ck_assert_int_eq(brood_wait(channel, 0.002, NULL), -ETIMEDOUT);
		ck_assert_int_eq(brood_channel_kill(channel, SIGTERM), 0);
		ended(channel, 0, SIGTERM);
	}
	support_storm_stop();
	ck_assert_uint_gt(support_storm_count(), 50);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("calls");
	TCase *calls = support_case(suite, "calls", 60);
	tcase_add_test(calls, nth_call_of_create_and_start);
	tcase_add_loop_test(calls, nth_call_of_spawn, 0, 4);
	tcase_add_test(calls, nth_call_of_exec);
	tcase_add_test(calls, copied_keeper_leaves_standard_descriptors);
	tcase_add_test(calls, too_many_descriptors);
	tcase_add_test(calls, too_many_processes);
	tcase_add_test(calls, interrupted_all_the_time);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
