/* SPDX-License-Identifier: MIT */
/* What a program gets of the host's: descriptors, signals, group, directory; and what a failed exec leaves of it. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum way { KEPT, DIRECT, EXEC, WAYS };

static char place[] = "/tmp/brood-redirect-XXXXXX";

static int make(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static const char *content(const char *name)
{
	static char text[8192];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t size = read(fd, text, sizeof text - 1);
	text[size > 0 ? size : 0] = 0;
	close(fd);
	return text;
}

/* Runs it to its end; gives its exit code. */
static int run(enum way way, struct brood_program program)
{
	struct brood_status status = {0};
	if (way == EXEC) {
		pid_t pid = fork();
		if (!pid)
			_exit(200 - brood_exec(&program));
		int code = support_join(pid, 10);
		return WIFEXITED(code) ? WEXITSTATUS(code) : -WTERMSIG(code);
	}
	brood_process *process;
	program.flags = way == DIRECT ? BROOD_DIRECT : 0;
	ck_assert_int_eq(brood_spawn(&process, &program), 0);
	ck_assert_int_eq(brood_process_wait(process, support_scale(10), &status), 0);
	brood_process_free(process);
	collect_all();
	return status.signal ? -status.signal : status.exit_code;
}

/* Runs the probe's command with its standard output in the file "out". */
static const char *say(enum way way, const char *command)
{
	const char *argv[] = {PROBE, command, NULL};
	int fd = make("out", "");
	ck_assert_int_eq(run(way, *BROOD_PROGRAM(.argv = argv, .stdout_fd = fd)), 0);
	close(fd);
	return content("out");
}

START_TEST(redirections)
{
	enum way way = (enum way)_i;
	const char *both[] = {PROBE, "both", NULL}, *cat[] = {PROBE, "cat", NULL};
	enter_place(place);
	int in = make("in", "input"), out = make("out", ""), err = make("err", "");
	ck_assert_int_eq(run(way, *BROOD_PROGRAM(.argv = cat, .stdin_fd = in, .stdout_fd = out)), 0);
	ck_assert_str_eq(content("out"), "input");
	close(out);
	out = make("out", "");
	ck_assert_int_eq(run(way, *BROOD_PROGRAM(.argv = both, .stdin_fd = BROOD_NULL, .stdout_fd = out, .stderr_fd = err)), 0);
	ck_assert_str_eq(content("out"), "out");
	ck_assert_str_eq(content("err"), "err");
	/* One for both. */
	close(out);
	out = make("out", "");
	ck_assert_int_eq(run(way, *BROOD_PROGRAM(.argv = both, .stdout_fd = out, .stderr_fd = out)), 0);
	ck_assert_str_eq(content("out"), "errout");
	/* The host's 1 and 2 swapped, and the host's own of those numbers afterwards as before. */
	int saved[] = {dup(1), dup(2)}, one = make("one", ""), two = make("two", "");
	dup2(one, 1);
	dup2(two, 2);
	int swapped = run(way, *BROOD_PROGRAM(.argv = both, .stdout_fd = 2, .stderr_fd = 1));
	int single = run(way, *BROOD_PROGRAM(.argv = both, .stdout_fd = 2));
	int nothing = run(way, *BROOD_PROGRAM(.argv = both, .stdout_fd = BROOD_NULL, .stderr_fd = BROOD_NULL));
	struct stat now, then;
	bool same = !fstat(1, &now) && !fstat(one, &then) && now.st_ino == then.st_ino;
	dup2(saved[0], 1);
	dup2(saved[1], 2);
	ck_assert(!swapped && !single && !nothing && same);
	ck_assert_str_eq(content("one"), "err");
	ck_assert_str_eq(content("two"), "outerrout");
	close(saved[0]), close(saved[1]), close(one), close(two), close(in), close(out), close(err);
	leave_place(place);
}
END_TEST

static int count_open(brood_channel *channel, void *context)
{
	int open = 0;
	(void)channel;
	for (int fd = 0; fd < 3; fd++)
		open |= (fcntl(fd, F_GETFD) >= 0) << fd;
	return open == *(int *)context ? 7 : 1;
}

static void close_some(void *context)
{
	int open = *(int *)context;
	support_close_standard();
	for (int fd = 0; fd < 3; fd++)
		if (open & 1 << fd)
			ck_assert_int_eq(fcntl(100, F_DUPFD_CLOEXEC, fd), fd);
	support_baseline();
	const char *count[] = {PROBE, "count", NULL}, *missing[] = {"/nonexistent", NULL};
	for (enum way way = 0; way < WAYS; way++)
		ck_assert_int_eq(run(way, *BROOD_PROGRAM(.argv = count)), 3);
	brood_process *process;
	for (unsigned flags = 0; flags <= BROOD_DIRECT; flags += BROOD_DIRECT)
		ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = missing, .flags = flags, .stdin_fd = BROOD_NULL)), -ENOENT);
	ck_assert_int_eq(brood_exec(BROOD_PROGRAM(.argv = missing, .stderr_fd = BROOD_NULL)), -ENOENT);
	brood_channel *channel;
	ck_assert_int_eq(brood_start(&channel, count_open, &open), 0);
	ck_assert_int_ge(brood_channel_fd(channel), 3);
	ended(channel, 7, 0);
	collect_all();
}

START_TEST(host_without_standard_descriptors)
{
	ck_assert_int_eq(dup3(open("/dev/null", O_RDWR | O_CLOEXEC), 100, O_CLOEXEC), 100);
	support_baseline();
	support_join_ok(support_fork(close_some, &_i, 20), 20);
}
END_TEST

START_TEST(programs_get_three_descriptors)
{
	static int fds[1000];
	enter_place(place);
	for (int i = 0; i < 1000; i++)
		fds[i] = open("/dev/null", O_RDONLY); /* not close-on-exec */
	ck_assert_str_eq(say((enum way)_i, "descriptors"), "0 1 2 ");
	for (int i = 0; i < 1000; i++)
		close(fds[i]);
	leave_place(place);
}
END_TEST

static void on_signal(int number)
{
	(void)number;
}

START_TEST(programs_get_default_signals)
{
	enter_place(place);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGUSR1, on_signal);
	sigset_t set, now;
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	ck_assert_str_eq(say(KEPT, "signals"), "");
	signal(SIGCHLD, SIG_DFL);
	ck_assert_str_eq(say(DIRECT, "signals"), "");
	sigprocmask(SIG_SETMASK, NULL, &now);
	for (int number = 1; number < NSIG; number++)
		if (number != SIGKILL && number != SIGSTOP && (number < 32 || number > 33))
			ck_assert_int_eq(sigismember(&now, number), 1);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	/* exec passes on what is ignored. */
	ck_assert_str_eq(say(EXEC, "signals"), "changed:13 ");
	leave_place(place);
}
END_TEST

START_TEST(group_and_directory)
{
	const char *argv[] = {PROBE, "directory", NULL};
	enter_place(place);
	ck_assert_str_eq(say(KEPT, "group"), "own");
	ck_assert_str_eq(say(DIRECT, "group"), "own");
	ck_assert_int_eq(mkdir("inner", 0755), 0);
	for (enum way way = 0; way < WAYS; way++) {
		int fd = make("out", "");
		ck_assert_int_eq(run(way, *BROOD_PROGRAM(.argv = argv, .stdout_fd = fd, .directory = "inner")), 0);
		close(fd);
		const char *path = content("out");
		ck_assert(!strncmp(path, place, strlen(place)) && !strcmp(path + strlen(place), "/inner"));
		ck_assert_str_eq(say(way, "directory"), place);
	}
	leave_place(place);
}
END_TEST

START_TEST(failed_exec_changes_nothing)
{
	struct {
		struct stat about;
		int flags;
	} before[3], after[3];
	char from[4096], to[4096];
	const char *argv[] = {"/nonexistent", NULL};
	int saved[3], file = fcntl(0, F_DUPFD_CLOEXEC, 10);
	for (int fd = 0; fd < 3; fd++)
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	fcntl(1, F_SETFD, FD_CLOEXEC);
	ck_assert_ptr_nonnull(getcwd(from, sizeof from));
	support_baseline();
	const struct brood_program programs[] = {
		*BROOD_PROGRAM(.argv = argv, .directory = "/tmp"),
		*BROOD_PROGRAM(.argv = argv, .stdin_fd = file, .stdout_fd = BROOD_NULL, .stderr_fd = 1, .directory = "/"),
		*BROOD_PROGRAM(.argv = argv, .stdout_fd = 2, .stderr_fd = 1),
		*BROOD_PROGRAM(.argv = argv, .stdout_fd = 2, .stderr_fd = 9999),
		*BROOD_PROGRAM(.argv = argv, .directory = "/nonexistent"),
	};
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		for (int fd = 0; fd < 3; fd++)
			ck_assert((before[fd].flags = fcntl(fd, F_GETFD)) >= 0 && !fstat(fd, &before[fd].about));
		ck_assert_int_eq(brood_exec(&programs[i]), i == 3 ? -EBADF : -ENOENT);
		for (int fd = 0; fd < 3; fd++) {
			ck_assert((after[fd].flags = fcntl(fd, F_GETFD)) >= 0 && !fstat(fd, &after[fd].about));
			ck_assert_int_eq(before[fd].flags, after[fd].flags);
			ck_assert(before[fd].about.st_ino == after[fd].about.st_ino && before[fd].about.st_dev == after[fd].about.st_dev);
		}
		ck_assert_str_eq(getcwd(to, sizeof to), from);
		ck_assert_msg(!support_difference(0), "%s", support_difference(0));
	}
	fcntl(1, F_SETFD, 0);
	for (int fd = 0; fd < 3; fd++)
		close(saved[fd]);
	close(file);
	support_baseline();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("redirect");
	TCase *redirect = support_case(suite, "redirect", 30);
	tcase_add_loop_test(redirect, redirections, 0, WAYS);
	tcase_add_loop_test(redirect, host_without_standard_descriptors, 0, 8);
	tcase_add_loop_test(redirect, programs_get_three_descriptors, 0, EXEC);
	tcase_add_test(redirect, programs_get_default_signals);
	tcase_add_test(redirect, group_and_directory);
	tcase_add_test(redirect, failed_exec_changes_nothing);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
