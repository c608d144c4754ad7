/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void do_nothing(void *context)
{
	(void)context;
}

static void leave_descriptor(void *context)
{
	(void)context;
	ck_assert_int_ge(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
}

static void close_descriptor(void *context)
{
	close(*(int *)context);
}

/* The same number, but another thing. */
static void swap_descriptor(void *context)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	dup2(fd, *(int *)context);
	close(fd);
}

static void leave_child(void *context)
{
	(void)context;
	if (!fork()) {
		support_sleep(60);
		_exit(0);
	}
}

static void leave_zombie(void *context)
{
	(void)context;
	if (!fork())
		_exit(0);
}

/* One that a plain wait does not see, and that sends no signal. */
static void leave_silent_child(void *context)
{
	(void)context;
	if (!syscall(SYS_clone, 0, NULL, NULL, NULL, NULL)) {
		support_sleep(60);
		_exit(0);
	}
}

static void leave_orphan(void *context)
{
	(void)context;
	pid_t pid = fork();
	if (!pid) {
		setpgid(0, 0);
		if (!fork()) {
			setsid();
			support_sleep(60);
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void leave_dead_orphan(void *context)
{
	(void)context;
	pid_t pid = fork();
	if (!pid) {
		if (!fork())
			support_sleep(0.05);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void *sleep_on(void *context)
{
	support_sleep(60);
	return context;
}

static void leave_thread(void *context)
{
	pthread_t thread;
	ck_assert(!pthread_create(&thread, NULL, sleep_on, context));
}

static void leave_mapping(void *context)
{
	(void)context;
	support_watch_mappings();
	ck_assert(mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}

static void land_on_standard(void *context)
{
	(void)context;
	support_close_standard();
	ck_assert_int_eq(open("/dev/null", O_RDWR | O_CLOEXEC), 0);
}

START_TEST(guards_find_what_is_left)
{
	static void (*const leavers[])(void *) = {leave_descriptor, close_descriptor, swap_descriptor, leave_child, leave_zombie,
		leave_silent_child, leave_orphan, leave_thread, leave_mapping, land_on_standard};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	support_patience(0.2);
	ck_assert_msg(support_fails(leavers[_i], &fd, 10), "left something, and nobody found it");
	close(fd);
}
END_TEST

START_TEST(guards_pass_what_is_right)
{
	static void (*const leavers[])(void *) = {do_nothing, leave_dead_orphan};
	ck_assert(!support_fails(leavers[_i], NULL, 10));
}
END_TEST

START_TEST(standard_stays_closed)
{
	support_close_standard();
	int fd = fcntl(open("/dev/null", O_RDONLY), F_DUPFD_CLOEXEC, 3);
	ck_assert_int_ge(fd, 3);
	close(fd);
	close(0);
}
END_TEST

/* Host, worker in a session of its own, and the worker's child: the host dies at once. */
START_TEST(orphans_are_seen_and_counted)
{
	int before = support_orphans();
	pid_t pid = fork();
	if (!pid) {
		if (!fork()) {
			setsid();
			support_deadline(0.5);
			pause();
		}
		raise(SIGKILL);
	}
	ck_assert(WIFSIGNALED(support_join(pid, 5)));
	ck_assert_int_eq(support_orphans(), before + 1);
}
END_TEST

START_TEST(wait_finds_no_orphans)
{
	leave_dead_orphan(NULL);
	ck_assert_int_eq(waitpid(-1, NULL, __WALL), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(processes)
{
	pid_t pid = fork();
	if (!pid)
		_exit(0);
	ck_assert(support_process_gone(pid, 5));
	ck_assert_int_eq(support_process_state(pid), 'Z');
	ck_assert_int_eq(support_children(), 1);
	ck_assert_int_eq(support_join(pid, 5), 0);
	ck_assert_int_eq(support_process_state(pid), 0);
	ck_assert(support_process_alive(getpid()));
	support_join_ok(support_fork(do_nothing, NULL, 5), 5);
}
END_TEST

START_TEST(deadline_kills)
{
	pid_t pid = fork();
	if (!pid) {
		support_deadline(0.05);
		for (;;)
			pause();
	}
	int status = support_join(pid, 5);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

START_TEST(seccomp_answers)
{
	int error = _i ? ENOSYS : EPERM;
	support_seccomp_deny(error, SYS_memfd_create, SYS_eventfd2);
	ck_assert_int_eq(memfd_create("x", 0), -1);
	ck_assert_int_eq(errno, error);
	ck_assert_int_eq(eventfd(0, 0), -1);
	ck_assert_int_eq(errno, error);
	ck_assert_int_gt(getppid(), 0);
}
END_TEST

START_TEST(program_gets_no_descriptor_of_check)
{
	pid_t pid = fork();
	if (!pid) {
		execl("/bin/sh", "sh", "-c", "for fd in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$fd ] || exit 1; done", NULL);
		_exit(127);
	}
	ck_assert_int_eq(support_join(pid, 5), 0);
}
END_TEST

/* The guards must see although the test has left itself no descriptor to look with. */
START_TEST(descriptors_used_up)
{
	struct rlimit limit;
	ck_assert(!getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 0;
	ck_assert(!setrlimit(RLIMIT_NOFILE, &limit));
	ck_assert_int_eq(open("/dev/null", O_RDONLY | O_CLOEXEC), -1);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("support");
	TCase *guards = support_case(suite, "guards", 20);
	tcase_add_loop_test(guards, guards_find_what_is_left, 0, 10);
	tcase_add_loop_test(guards, guards_pass_what_is_right, 0, 2);
	tcase_add_test(guards, standard_stays_closed);
	tcase_add_test(guards, orphans_are_seen_and_counted);
	tcase_add_test(guards, descriptors_used_up);
	tcase_add_test(guards, wait_finds_no_orphans);
	TCase *helpers = support_case(suite, "helpers", 10);
	tcase_add_test(helpers, processes);
	tcase_add_test(helpers, deadline_kills);
	tcase_add_loop_test(helpers, seccomp_answers, 0, 2);
	tcase_add_test(helpers, program_gets_no_descriptor_of_check);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
