/* SPDX-License-Identifier: MIT */
/* Sandboxes answer EPERM or ENOSYS to calls that they do not know; then all goes the older way. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int echo(brood_channel *channel, void *context)
{
	struct brood_message message;
	(void)context;
	while (brood_receive(channel, &message) == 1)
		brood_send(channel, message.body.data, message.body.size);
	return 7;
}

static void basics(void)
{
	const char *count[] = {PROBE, "count", NULL}, *sleep[] = {"sleep", "1000", NULL}, *missing[] = {"/nonexistent", NULL};
	int word = 42, fds[40];
	brood_channel *channel;
	brood_process *process;
	struct brood_status status;
	ck_assert_int_ge(brood_processors(), 1);
	for (int i = 0; i < 40; i++)
		fds[i] = dup(2);
	for (int round = 0; round < 3; round++) {
		ck_assert_int_eq(brood_start(&channel, echo, NULL), 0);
		ck_assert_int_eq(brood_send(channel, &word, sizeof word), 0);
		receive_object(channel, word);
		ck_assert_int_eq(word, 42);
		brood_close(channel);
		ended(channel, 7, 0);
		for (unsigned flags = 0; flags <= BROOD_DIRECT; flags += BROOD_DIRECT) {
			ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = missing, .flags = flags)), -ENOENT);
			/* It gets its three descriptors and no more. */
			ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = count, .flags = flags)), 0);
			ck_assert_int_eq(brood_process_wait(process, support_scale(10), &status), 0);
			ck_assert_int_eq(status.signal, 0);
			ck_assert_int_eq(status.exit_code, 3);
			brood_process_free(process);
			ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = sleep, .search = true, .flags = flags)), 0);
			ck_assert_int_eq(brood_process_wait(process, 0.01, NULL), -ETIMEDOUT);
			ck_assert_int_eq(brood_process_kill(process, SIGTERM), 0);
			ck_assert_int_eq(brood_process_wait(process, support_scale(10), &status), 0);
			ck_assert_int_eq(status.signal, SIGTERM);
			brood_process_free(process);
		}
	}
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	collect_all();
}

static const int errors[] = {EPERM, ENOSYS};
static const int calls[] = {SYS_clone3, SYS_pidfd_open, SYS_close_range, SYS_memfd_create, SYS_waitid, SYS_membarrier, SYS_prctl};

enum { CALLS = sizeof calls / sizeof *calls };

START_TEST(denied_one_by_one)
{
	support_seccomp_deny(errors[_i / CALLS], calls[_i % CALLS]);
	basics();
}
END_TEST

START_TEST(denied_all_at_once)
{
	support_seccomp_deny(errors[_i], SYS_clone3, SYS_pidfd_open, SYS_close_range, SYS_memfd_create, SYS_waitid, SYS_membarrier,
			     SYS_pidfd_send_signal, SYS_execveat, SYS_openat2, SYS_epoll_pwait2);
	basics();
}
END_TEST

/* A process of its own, since the guards look at /proc. */
static void without_proc(void *context)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", "/proc", "tmpfs", 0, NULL))
		_exit(77);
	if (*(int *)context)
		support_seccomp_deny(ENOSYS, SYS_close_range, SYS_clone3);
	basics();
	_exit(0);
}

START_TEST(no_proc)
{
	int status = support_join(support_fork(without_proc, &_i, 20), 20);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		support_skip("no mount namespace may be made here");
	ck_assert_int_eq(status, 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *sandbox = support_case(suite, "sandbox", 30);
	tcase_add_loop_test(sandbox, denied_one_by_one, 0, 2 * CALLS);
	tcase_add_loop_test(sandbox, denied_all_at_once, 0, 2);
	tcase_add_loop_test(sandbox, no_proc, 0, 2);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
