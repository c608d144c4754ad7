/* SPDX-License-Identifier: MIT */
/* Hosts that wait for any child, or handle SIGCHLD in one way or another: no status is lost, and none of theirs is taken. */
#include "process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>

static atomic_bool stop;

static void *wait_for_any(void *context)
{
	while (!stop)
		waitpid(-1, NULL, WNOHANG);
	return context;
}

static void wait_in_handler(int number)
{
	int error = errno;
	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = error;
}

enum manner { PLAIN, WAITS_FIRST, IGNORES, NO_ZOMBIES, HANDLES, THREAD, THREAD_AND_IGNORES, MANNERS };

static void take_manner(enum manner manner, pthread_t *thread)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	if (manner == IGNORES || manner == THREAD_AND_IGNORES)
		action.sa_handler = SIG_IGN;
	if (manner == NO_ZOMBIES)
		action.sa_flags = SA_NOCLDWAIT;
	if (manner == HANDLES)
		action.sa_handler = wait_in_handler;
	sigaction(SIGCHLD, &action, NULL);
	stop = false;
	if (manner == THREAD || manner == THREAD_AND_IGNORES)
		ck_assert_int_eq(pthread_create(thread, NULL, wait_for_any, NULL), 0);
}

static void leave_manner(enum manner manner, pthread_t thread)
{
	stop = true;
	if (manner == THREAD || manner == THREAD_AND_IGNORES)
		pthread_join(thread, NULL);
}

/* The host's own, with a bound on how long: until there is nothing, or nothing has ended. */
static void wait_as_host(enum manner manner)
{
	if (manner != WAITS_FIRST)
		return;
	support_sleep(0.002);
	for (int i = 0; i < 10; i++)
		if (waitpid(-1, NULL, WNOHANG) <= 0)
			break;
}

static int end_by(brood_channel *channel, void *context)
{
	int number = *(int *)context;
	(void)channel;
	if (number < 0)
		raise(-number);
	return number;
}

START_TEST(no_status_of_a_child_is_lost)
{
	enum manner manner = (enum manner)_i;
	pthread_t thread = 0;
	take_manner(manner, &thread);
	for (int round = rounds(200); round; round--) {
		int number = round % 4 ? round : -SIGTERM;
		brood_channel *channel;
		ck_assert_int_eq(brood_start(&channel, end_by, &number), 0);
		wait_as_host(manner);
		ended(channel, number < 0 ? 0 : number, number < 0 ? SIGTERM : 0);
	}
	leave_manner(manner, thread);
	signal(SIGCHLD, SIG_DFL);
}
END_TEST

START_TEST(no_status_of_a_program_is_lost)
{
	enum manner manner = (enum manner)_i;
	pthread_t thread = 0;
	take_manner(manner, &thread);
	for (int round = rounds(200); round; round--) {
		char number[16];
		int code = round % 4 ? round : SIGTERM;
		snprintf(number, sizeof number, "%d", code);
		const char *argv[] = {PROBE, round % 4 ? "exit" : "raise", number, NULL};
		brood_process *process;
		struct brood_status status;
		ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = argv)), 0);
		wait_as_host(manner);
		ck_assert_int_eq(brood_process_wait(process, support_scale(10), &status), 0);
		ck_assert_int_eq(status.exit_code, round % 4 ? code : 0);
		ck_assert_int_eq(status.signal, round % 4 ? 0 : code);
		ck_assert_uint_gt(status.peak_bytes, 0);
		brood_process_free(process);
	}
	leave_manner(manner, thread);
	signal(SIGCHLD, SIG_DFL);
}
END_TEST

/* With BROOD_DIRECT a status may be lost, but then it is said, and nothing hangs or leaks. */
START_TEST(direct_says_what_it_lost)
{
	enum manner manner = (enum manner)_i;
	pthread_t thread = 0;
	const char *argv[] = {PROBE, "exit", "3", NULL}, *missing[] = {"/nonexistent", NULL};
	take_manner(manner, &thread);
	for (int round = rounds(100); round; round--) {
		brood_process *process;
		struct brood_status status = {.exit_code = 99};
		ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = missing, .flags = BROOD_DIRECT)), -ENOENT);
		ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = argv, .flags = BROOD_DIRECT)), 0);
		wait_as_host(manner);
		int result = brood_process_wait(process, support_scale(10), &status);
		ck_assert_int_eq(brood_process_wait(process, 0, NULL), result);
		ck_assert(result == -ECHILD ? manner != PLAIN && status.exit_code == 99 : !result && status.exit_code == 3);
		ck_assert_int_eq(brood_process_kill(process, 0), -ESRCH);
		brood_process_free(process);
	}
	leave_manner(manner, thread);
	signal(SIGCHLD, SIG_DFL);
	collect_all();
}
END_TEST

static atomic_int signals;

static void count_signal(int number)
{
	(void)number;
	signals++;
}

/* A single-threaded host sees nothing at all of its children by brood. */
START_TEST(host_sees_nothing)
{
	const char *argv[] = {PROBE, "exit", "0", NULL};
	brood_process *process;
	brood_channel *channel;
	int code = 0;
	signals = 0;
	signal(SIGCHLD, count_signal);
	ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = argv)), 0);
	ck_assert_int_eq(brood_start(&channel, return_code, &code), 0);
	ck_assert_int_eq(waitpid(-1, NULL, 0), -1);
	ck_assert_int_eq(errno, ECHILD);
	ended(channel, 0, 0);
	ck_assert_int_eq(brood_process_wait(process, -1, NULL), 0);
	brood_process_free(process);
	ck_assert_int_eq(signals, 0);
}
END_TEST

/* The host's own child is there to be waited for, whatever brood collected meanwhile. */
START_TEST(own_children_beside)
{
	for (int round = rounds(50); round; round--) {
		pid_t own = fork();
		if (!own)
			_exit(round);
		brood_channel *channel;
		brood_process *process;
		const char *argv[] = {PROBE, "exit", "0", NULL};
		ck_assert_int_eq(brood_start(&channel, return_code, &round), 0);
		ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = argv, .flags = round % 2 ? BROOD_DIRECT : 0)), 0);
		brood_channel_free(channel);
		brood_process_free(process);
		collect_all();
		int status;
		ck_assert_int_eq(waitpid(-1, &status, 0), own);
		ck_assert_int_eq(WEXITSTATUS(status), round);
	}
}
END_TEST

/* --- a keeper that is killed --------------------------------------------------------------------------------------- */

static int say_parent(brood_channel *channel, void *context)
{
	pid_t keeper = getppid();
	(void)context;
	brood_send(channel, &keeper, sizeof keeper);
	support_sleep(60);
	return 1;
}

START_TEST(killed_keeper_takes_its_child)
{
	brood_channel *channel;
	pid_t keeper;
	ck_assert_int_eq(brood_start(&channel, say_parent, NULL), 0);
	receive_object(channel, keeper);
	pid_t pid = brood_channel_pid(channel);
	ck_assert_int_eq(kill(keeper, SIGKILL), 0);
	ended(channel, 0, SIGKILL);
	ck_assert(support_process_gone(pid, 1));
	ck_assert(support_process_gone(keeper, 1));
}
END_TEST

/* Signals that an administrator may send to all that he sees do not part a keeper from its child. */
START_TEST(keeper_is_deaf)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1, SIGPIPE, SIGALRM};
	brood_channel *channel;
	pid_t keeper;
	ck_assert_int_eq(brood_start(&channel, say_parent, NULL), 0);
	receive_object(channel, keeper);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		ck_assert_int_eq(kill(keeper, numbers[i]), 0);
	ck_assert_int_eq(brood_wait(channel, 0.05, NULL), -ETIMEDOUT);
	ck_assert_int_eq(brood_channel_kill(channel, SIGUSR2), 0);
	ended(channel, 0, SIGUSR2);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("host");
	TCase *manners = support_case(suite, "manners", 30);
	tcase_add_loop_test(manners, no_status_of_a_child_is_lost, 0, MANNERS);
	tcase_add_loop_test(manners, no_status_of_a_program_is_lost, 0, MANNERS);
	tcase_add_loop_test(manners, direct_says_what_it_lost, 0, MANNERS);
	tcase_add_test(manners, host_sees_nothing);
	tcase_add_test(manners, own_children_beside);
	TCase *keepers = support_case(suite, "keepers", 10);
	tcase_add_test(keepers, killed_keeper_takes_its_child);
	tcase_add_test(keepers, keeper_is_deaf);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
