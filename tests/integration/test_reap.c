/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

static brood_channel *start_waiting(void)
{
	brood_channel *channel;
	ck_assert_int_eq(brood_start(&channel, wait_for_end, NULL), 0);
	return channel;
}

START_TEST(wait_keeps_to_its_limit)
{
	brood_channel *channel = start_waiting();
	struct brood_status status = {.exit_code = 77};
	double begin = support_now();
	ck_assert_int_eq(brood_wait(channel, 0, &status), -ETIMEDOUT);
	ck_assert_double_lt(support_now() - begin, support_scale(0.02));
	begin = support_now();
	ck_assert_int_eq(brood_wait(channel, 0.05, &status), -ETIMEDOUT);
	ck_assert_double_ge(support_now() - begin, 0.05);
	ck_assert_double_lt(support_now() - begin, support_scale(0.2));
	ck_assert_int_eq(status.exit_code, 77);
	brood_close(channel);
	ck_assert_int_eq(brood_wait(channel, -1, &status), 0);
	ck_assert_int_eq(status.exit_code, 0);
	/* The answer stays. */
	for (int i = 0; i < 3; i++) {
		struct brood_status again;
		memset(&again, 0x55, sizeof again);
		ck_assert_int_eq(brood_wait(channel, i ? -1 : 0, &again), 0);
		ck_assert(again.pid == status.pid && again.exit_code == 0 && again.signal == 0 && again.peak_bytes == status.peak_bytes);
	}
	ck_assert_int_eq(brood_wait(channel, 0, NULL), 0);
	brood_channel_free(channel);
}
END_TEST

static int wait_without_child(brood_channel *channel, void *context)
{
	struct brood_status status;
	(void)context;
	memset(&status, 0x55, sizeof status);
	if (brood_wait(channel, -1, &status) || status.pid || status.exit_code || status.signal || status.peak_bytes)
		return 1;
	if (brood_channel_kill(channel, 0) != -EINVAL || brood_outlive(channel) != -EINVAL)
		return 2;
	return brood_channel_pid(channel);
}

START_TEST(no_child_is_no_wait)
{
	brood_channel *one, *other;
	ck_assert_int_eq(brood_channel_pair(&one, &other), 0);
	ck_assert_int_eq(wait_without_child(one, NULL), 0);
	ck_assert_int_eq(wait_without_child(other, NULL), 0);
	brood_channel_free(one);
	brood_channel_free(other);
	ck_assert_int_eq(brood_start(&one, wait_without_child, NULL), 0);
	ended(one, 0, 0);
}
END_TEST

START_TEST(kill_checks_and_ends)
{
	brood_channel *channel = start_waiting();
	ck_assert_int_eq(brood_channel_kill(channel, -1), -EINVAL);
	ck_assert_int_eq(brood_channel_kill(channel, NSIG), -EINVAL);
	ck_assert_int_eq(brood_channel_kill(channel, 1000), -EINVAL);
	ck_assert_int_eq(brood_channel_kill(channel, 0), 0);
	ck_assert_int_eq(brood_wait(channel, 0, NULL), -ETIMEDOUT);
	ck_assert_int_eq(brood_channel_kill(channel, SIGTERM), 0);
	struct brood_status status;
	ck_assert_int_eq(brood_wait(channel, -1, &status), 0);
	ck_assert_int_eq(status.signal, SIGTERM);
	ck_assert_int_eq(brood_channel_kill(channel, 0), -ESRCH);
	ck_assert_int_eq(brood_channel_kill(channel, SIGKILL), -ESRCH);
	ck_assert_int_eq(brood_outlive(channel), -ESRCH);
	brood_channel_free(channel);
}
END_TEST

/* Ended, but nobody has asked yet. */
START_TEST(kill_after_the_end_without_a_wait)
{
	int code = 3;
	brood_channel *channel;
	ck_assert_int_eq(brood_start(&channel, return_code, &code), 0);
	ck_assert(support_process_gone(brood_channel_pid(channel), 10));
	support_sleep(support_scale(0.02));
	ck_assert_int_eq(brood_channel_kill(channel, SIGKILL), -ESRCH);
	ended(channel, 3, 0);
}
END_TEST

static void leave_with_seven(int number)
{
	(void)number;
	_exit(7);
}

static int end_at_signal(brood_channel *channel, void *context)
{
	(void)context;
	signal(SIGTERM, leave_with_seven);
	brood_send(channel, NULL, 0);
	support_sleep(60);
	return 1;
}

/* Orders that the keeper has not read when the child ends must not hide how it ended. */
START_TEST(many_kills_lose_no_status)
{
	for (int round = rounds(100); round; round--) {
		brood_channel *channel;
		struct brood_message message;
		ck_assert_int_eq(brood_start(&channel, end_at_signal, NULL), 0);
		ck_assert_int_eq(brood_receive(channel, &message), 1);
		for (int i = 0; i < 30; i++) {
			int result = brood_channel_kill(channel, SIGTERM);
			ck_assert(!result || result == -ESRCH);
		}
		ended(channel, 7, 0);
	}
}
END_TEST

static int fork_and_pause(brood_channel *channel, void *context)
{
	(void)context;
	pid_t pid = fork();
	if (!pid)
		for (;;)
			pause();
	brood_send(channel, &pid, sizeof pid);
	support_sleep(60);
	return 1;
}

START_TEST(kill_reaches_grandchildren)
{
	static const int numbers[] = {SIGKILL, SIGTERM};
	brood_channel *channel;
	pid_t grandchild;
	ck_assert_int_eq(brood_start(&channel, fork_and_pause, NULL), 0);
	receive_object(channel, grandchild);
	ck_assert(support_process_alive(grandchild));
	ck_assert_int_eq(brood_channel_kill(channel, numbers[_i]), 0);
	ended(channel, 0, numbers[_i]);
	ck_assert(support_process_gone(grandchild, 1));
}
END_TEST

START_TEST(stopped_child_goes_on)
{
	brood_channel *channel = start_waiting();
	ck_assert_int_eq(brood_channel_kill(channel, SIGSTOP), 0);
	ck_assert_int_eq(brood_wait(channel, 0.05, NULL), -ETIMEDOUT);
	ck_assert_int_eq(support_process_state(brood_channel_pid(channel)), 'T');
	ck_assert_int_eq(brood_channel_kill(channel, SIGCONT), 0);
	brood_close(channel);
	ended(channel, 0, 0);
}
END_TEST

/* --- reap and waitall ---------------------------------------------------------------------------------------------- */

static bool is_readable(void *context)
{
	struct pollfd item = {.fd = *(int *)context, .events = POLLIN};
	return poll(&item, 1, 0) == 1;
}

START_TEST(freed_children_are_reaped)
{
	int code = 0;
	brood_channel *channel = start_waiting();
	pid_t pid = brood_channel_pid(channel);
	ck_assert_int_eq(brood_reap(), 0);
	/* Freeing closes, so this child ends by itself; another that does not read lives on until it is killed. */
	brood_channel_free(channel);
	ck_assert(support_process_gone(pid, 10));
	ck_assert_int_eq(brood_waitall(support_scale(10)), 0);
	ck_assert_int_eq(brood_reap(), 0);

	ck_assert_int_eq(brood_start(&channel, fork_and_pause, NULL), 0);
	receive_object(channel, code);
	pid = brood_channel_pid(channel);
	brood_channel_free(channel);
	ck_assert_int_eq(brood_reap(), 0);
	double begin = support_now();
	ck_assert_int_eq(brood_waitall(0), -ETIMEDOUT);
	ck_assert_int_eq(brood_waitall(0.05), -ETIMEDOUT);
	ck_assert_double_ge(support_now() - begin, 0.05);
	ck_assert_int_eq(kill(-pid, SIGKILL), 0);
	ck_assert_int_eq(brood_waitall(-1), 0);
	ck_assert_int_eq(support_children(), 0);
}
END_TEST

START_TEST(reap_counts_what_it_collects)
{
	enum { COUNT = 20 };
	brood_channel *channels[COUNT];
	for (int i = 0; i < COUNT; i++)
		channels[i] = start_waiting();
	int collected = 0;
	for (int i = 0; i < COUNT; i += 2)
		brood_close(channels[i]);
	for (double limit = support_now() + support_scale(10); collected < COUNT / 2 && support_now() < limit;)
		collected += brood_reap();
	ck_assert_int_eq(collected, COUNT / 2);
	ck_assert_int_eq(brood_reap(), 0);
	for (int i = 0; i < COUNT; i++) {
		brood_close(channels[i]);
		ended(channels[i], 0, 0);
	}
	ck_assert_int_eq(brood_reap(), 0);
}
END_TEST

/* The host's own children, dead or alive, are never taken. */
START_TEST(own_children_are_left)
{
	pid_t dead = fork();
	if (!dead)
		_exit(9);
	pid_t alive = fork();
	if (!alive) {
		support_sleep(60);
		_exit(10);
	}
	siginfo_t info;
	ck_assert_int_eq(waitid(P_PID, (id_t)dead, &info, WEXITED | WNOWAIT), 0);
	brood_channel *channel = start_waiting();
	ck_assert_int_eq(brood_reap(), 0);
	brood_close(channel);
	ended(channel, 0, 0);
	ck_assert_int_eq(brood_waitall(-1), 0);
	ck_assert_int_eq(brood_reap(), 0);
	ck_assert(support_process_alive(alive));
	kill(alive, SIGTERM);
	int status;
	ck_assert_int_eq(waitpid(dead, &status, 0), dead);
	ck_assert_int_eq(WEXITSTATUS(status), 9);
	ck_assert_int_eq(waitpid(alive, &status, 0), alive);
	ck_assert_int_eq(WTERMSIG(status), SIGTERM);
}
END_TEST

START_TEST(five_hundred_children)
{
	enum { COUNT = 500 };
	static brood_channel *channels[COUNT];
	const int count = rounds(COUNT);
	for (int i = 0; i < count; i++)
		channels[i] = start_waiting();
	for (int i = 0; i < count; i++) {
		ck_assert_int_eq(brood_wait(channels[i], 0, NULL), -ETIMEDOUT);
		brood_close(channels[i]);
	}
	for (int i = 0; i < count; i++)
		ended(channels[i], 0, 0);
	ck_assert_int_eq(support_children(), 0);
}
END_TEST

/* --- threads ------------------------------------------------------------------------------------------------------- */

static atomic_bool stop;

static void *reap_on(void *context)
{
	atomic_int *count = context;
	while (!stop)
		*count += brood_reap();
	return NULL;
}

static void *wait_on(void *context)
{
	while (!stop)
		brood_waitall(0.001);
	return context;
}

/* What another thread reaps is found all the same by the one that waits. */
START_TEST(reaping_thread_beside)
{
	void *(*const functions[])(void *) = {reap_on, wait_on};
	atomic_int count = 0;
	pthread_t thread;
	stop = false;
	ck_assert_int_eq(pthread_create(&thread, NULL, functions[_i], &count), 0);
	for (int code = 0; code < rounds(300); code++) {
		brood_channel *channel;
		int half = code & 127;
		ck_assert_int_eq(brood_start(&channel, return_code, &half), 0);
		ended(channel, half, 0);
		brood_process *process;
		const char *argv[] = {PROBE, "exit", "3", NULL};
		struct brood_status status;
		ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = argv, .flags = code % 2 ? BROOD_DIRECT : 0)), 0);
		ck_assert_int_eq(brood_process_wait(process, support_scale(10), &status), 0);
		ck_assert_msg(!status.signal, "round %d: signal %d", code, status.signal);
		ck_assert_int_eq(status.exit_code, 3);
		brood_process_free(process);
	}
	stop = true;
	pthread_join(thread, NULL);
	collect_all();
}
END_TEST

static void *wait_for_it(void *context)
{
	struct brood_status *status = calloc(1, sizeof *status);
	if (!status || brood_process_wait(context, support_scale(10), status))
		abort();
	return status;
}

START_TEST(two_threads_wait_for_one)
{
	const char *argv[] = {"cat", NULL};
	for (int round = rounds(50); round; round--) {
		int tube[2];
		brood_process *process;
		pthread_t threads[2];
		ck_assert_int_eq(pipe2(tube, O_CLOEXEC), 0);
		ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = argv, .search = true, .stdin_fd = tube[0],
								      .flags = round % 2 ? BROOD_DIRECT : 0)), 0);
		close(tube[0]);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_for_it, process), 0);
		close(tube[1]);
		for (int i = 0; i < 2; i++) {
			struct brood_status *status;
			pthread_join(threads[i], (void **)&status);
			ck_assert(status->pid == brood_process_pid(process) && !status->exit_code && !status->signal);
			free(status);
		}
		brood_process_free(process);
	}
	collect_all();
}
END_TEST

START_TEST(descriptor_tells_the_end)
{
	const char *argv[] = {"cat", NULL};
	int tube[2];
	brood_process *process;
	ck_assert_int_eq(pipe2(tube, O_CLOEXEC), 0);
	ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = argv, .search = true, .stdin_fd = tube[0],
							      .flags = _i ? BROOD_DIRECT : 0)), 0);
	close(tube[0]);
	int fd = brood_process_fd(process);
	ck_assert_int_ge(fd, 3);
	support_sleep(0.02);
	ck_assert(!is_readable(&fd));
	close(tube[1]);
	ck_assert(support_wait_until(is_readable, &fd, 10));
	ck_assert_int_eq(brood_process_wait(process, 0, NULL), 0);
	ck_assert_int_eq(brood_process_fd(process), -1);
	brood_process_free(process);
	collect_all();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("reap");
	TCase *waiting = support_case(suite, "waiting", 30);
	tcase_add_test(waiting, wait_keeps_to_its_limit);
	tcase_add_test(waiting, no_child_is_no_wait);
	tcase_add_test(waiting, kill_checks_and_ends);
	tcase_add_test(waiting, kill_after_the_end_without_a_wait);
	tcase_add_test(waiting, many_kills_lose_no_status);
	tcase_add_loop_test(waiting, kill_reaches_grandchildren, 0, 2);
	tcase_add_test(waiting, stopped_child_goes_on);
	tcase_add_loop_test(waiting, descriptor_tells_the_end, 0, 2);
	TCase *reaping = support_case(suite, "reaping", 60);
	tcase_add_test(reaping, freed_children_are_reaped);
	tcase_add_test(reaping, reap_counts_what_it_collects);
	tcase_add_test(reaping, own_children_are_left);
	tcase_add_test(reaping, five_hundred_children);
	TCase *threads = support_case(suite, "threads", 20);
	tcase_add_loop_test(threads, reaping_thread_beside, 0, 2);
	tcase_add_test(threads, two_threads_wait_for_one);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
