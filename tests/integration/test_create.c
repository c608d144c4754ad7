/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

START_TEST(create_returns_on_both_sides)
{
	brood_channel *channel = NULL;
	pid_t host = getpid();
	int result = brood_create(&channel);
	if (!result) {
		struct {
			pid_t pid, said, group, parent;
		} here = {getpid(), brood_channel_pid(channel), getpgrp(), getppid()};
		brood_send(channel, &here, sizeof here);
		brood_suicide(getpid() == host);
	}
	ck_assert_int_gt(result, 0);
	ck_assert_int_eq(brood_channel_pid(channel), result);
	struct {
		pid_t pid, said, group, parent;
	} there;
	receive_object(channel, there);
	ck_assert_int_eq(there.pid, result);
	ck_assert_int_eq(there.said, 0);
	ck_assert_int_eq(there.group, result);
	ck_assert_int_ne(there.parent, host);
	ended(channel, 0, 0);
}
END_TEST

START_TEST(arguments_are_checked)
{
	int code = 0;
	brood_channel *channel = (brood_channel *)&code;
	ck_assert_int_eq(brood_create(NULL), -EINVAL);
	ck_assert_int_eq(brood_start(NULL, return_code, &code), -EINVAL);
	ck_assert_int_eq(brood_start(&channel, NULL, &code), -EINVAL);
	ck_assert_ptr_eq(channel, &code);
	ck_assert_int_eq(brood_wait(NULL, 0, NULL), -EINVAL);
	ck_assert_int_eq(brood_channel_kill(NULL, SIGTERM), -EINVAL);
	ck_assert_int_eq(brood_outlive(NULL), -EINVAL);
	brood_channel_free(NULL);
}
END_TEST

START_TEST(exit_codes_are_exact)
{
	static const int odd[] = {-1, 256, 257, 1 << 20, INT32_MIN};
	brood_channel *channel;
	for (int code = 0; code < 256; code += rounds(7)) {
		ck_assert_int_eq(brood_start(&channel, return_code, &code), 0);
		ended(channel, code, 0);
	}
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		int code = odd[i];
		ck_assert_int_eq(brood_start(&channel, return_code, &code), 0);
		ended(channel, 255, 0);
	}
}
END_TEST

static int raise_signal(brood_channel *channel, void *context)
{
	(void)channel;
	signal(*(int *)context, SIG_DFL);
	raise(*(int *)context);
	return 100;
}

START_TEST(signals_are_exact)
{
	static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGABRT, SIGFPE, SIGKILL, SIGUSR1, SIGPIPE, SIGALRM, SIGTERM};
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		brood_channel *channel;
		int number = ends[i];
		ck_assert_int_eq(brood_start(&channel, raise_signal, &number), 0);
		ended(channel, 0, number);
	}
}
END_TEST

START_TEST(core_is_told)
{
	if (RUNNING_ON_VALGRIND)
		support_skip("valgrind writes core files of its own");
	char pattern[128] = "", directory[] = "/tmp/brood-core-XXXXXX";
	FILE *file = fopen("/proc/sys/kernel/core_pattern", "r");
	if (file && !fgets(pattern, sizeof pattern, file))
		*pattern = 0;
	if (file)
		fclose(file);
	if (!*pattern || *pattern == '|' || strchr(pattern, '/') || *pattern == '\n')
		support_skip("core_pattern is \"%s\": no core file in the working directory", pattern);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chdir(directory), 0);
	struct rlimit most = {RLIM_INFINITY, RLIM_INFINITY}, none = {0, RLIM_INFINITY};
	struct brood_status status;
	brood_channel *channel;
	int number = SIGABRT;
	if (setrlimit(RLIMIT_CORE, &most))
		support_skip("core files may not be allowed here");
	ck_assert_int_eq(brood_start(&channel, raise_signal, &number), 0);
	ck_assert_int_eq(brood_wait(channel, support_scale(10), &status), 0);
	ck_assert(status.signal == SIGABRT && status.core_dumped);
	brood_channel_free(channel);
	setrlimit(RLIMIT_CORE, &none);
	ck_assert_int_eq(brood_start(&channel, raise_signal, &number), 0);
	ck_assert_int_eq(brood_wait(channel, support_scale(10), &status), 0);
	ck_assert(status.signal == SIGABRT && !status.core_dumped);
	brood_channel_free(channel);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system("rm -rf /tmp/brood-core-??????"), 0);
}
END_TEST

static double burnt(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int burn_and_touch(brood_channel *channel, void *context)
{
	const size_t size = *(size_t *)context;
	char *memory = size ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : NULL;
	(void)channel;
	for (size_t at = 0; at < size; at += 4096)
		memory[at] = 1;
	while (burnt() < 0.05)
		;
	return 0;
}

START_TEST(usage_is_told)
{
	struct brood_status small, large;
	brood_channel *channel;
	size_t size = 0;
	ck_assert_int_eq(brood_start(&channel, burn_and_touch, &size), 0);
	ck_assert_int_eq(brood_wait(channel, -1, &small), 0);
	brood_channel_free(channel);
	ck_assert_double_ge(small.user_seconds + small.system_seconds, 0.045);
	ck_assert_double_le(small.user_seconds + small.system_seconds, 1);
	size = 64 << 20;
	ck_assert_int_eq(brood_start(&channel, burn_and_touch, &size), 0);
	pid_t pid = brood_channel_pid(channel);
	ck_assert_int_eq(brood_wait(channel, -1, &large), 0);
	brood_channel_free(channel);
	ck_assert_int_eq(large.pid, pid);
	ck_assert_uint_ge(large.peak_bytes, 64 << 20);
	ck_assert_uint_lt(small.peak_bytes, large.peak_bytes);
	ck_assert(!large.out_of_memory);
}
END_TEST

/* --- how a child ends ---------------------------------------------------------------------------------------------- */

static int fd_of_story;

static void tell(const char *what)
{
	if (write(fd_of_story, what, strlen(what)) < 0)
		_exit(98);
}

static void host_handler(void)
{
	tell("host's handler ");
}

static void child_handler(void)
{
	tell("child's handler ");
}

enum ending { RETURN, EXIT, QUICK, SUICIDE, EXEC, FORK_AND_EXIT, ENDINGS };

static int end_somehow(brood_channel *channel, void *context)
{
	enum ending ending = *(enum ending *)context;
	(void)channel;
	atexit(child_handler);
	printf("child's text ");
	if (ending == EXIT)
		exit(7);
	if (ending == QUICK)
		_exit(7);
	if (ending == SUICIDE)
		brood_suicide(7);
	if (ending == EXEC)
		execl(PROBE, "probe", "exit", "7", (char *)NULL);
	if (ending == FORK_AND_EXIT) {
		int status;
		pid_t pid = fork();
		if (!pid)
			exit(8);
		waitpid(pid, &status, 0);
		exit(WEXITSTATUS(status) - 1);
	}
	return 7;
}

START_TEST(host_handlers_and_output_stay_with_the_host)
{
	static const char *const stories[ENDINGS] = {
		[RETURN] = "host's text child's text ",
		[EXIT] = "host's text child's handler child's text ",
		[QUICK] = "host's text ",
		[SUICIDE] = "host's text child's text ",
		[EXEC] = "host's text ",
		[FORK_AND_EXIT] = "host's text child's handler child's text child's handler child's text ",
	};
	enum ending ending = (enum ending)_i;
	if (RUNNING_ON_VALGRIND && ending == QUICK)
		support_skip("valgrind flushes at _exit");
	int tube[2], saved = dup(STDOUT_FILENO);
	ck_assert_int_eq(pipe2(tube, O_CLOEXEC), 0);
	fflush(stdout);
	dup2(tube[1], STDOUT_FILENO);
	setvbuf(stdout, NULL, _IOFBF, 4096);
	fd_of_story = tube[1];
	pid_t host = fork();
	if (!host) {
		atexit(host_handler);
		printf("host's text ");
		brood_channel *channel;
		struct brood_status status;
		if (brood_start(&channel, end_somehow, &ending) || brood_wait(channel, support_scale(10), &status) || status.exit_code != 7)
			_exit(1);
		_exit(0);
	}
	int status;
	waitpid(host, &status, 0);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(tube[1]);
	char text[512] = "";
	ck_assert_int_ge(read(tube[0], text, sizeof text - 1), 0);
	close(tube[0]);
	ck_assert_str_eq(text, stories[ending]);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* --- what stays ---------------------------------------------------------------------------------------------------- */

static void on_signal(int number)
{
	(void)number;
}

struct process_state {
	sigset_t mask;
	void (*handlers[NSIG])(int);
	char name[16];
	int nice;
};

static void look(struct process_state *state)
{
	memset(state, 0, sizeof *state);
	sigprocmask(SIG_SETMASK, NULL, &state->mask);
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action;
		if (!sigaction(number, NULL, &action))
			state->handlers[number] = action.sa_handler;
	}
	prctl(PR_GET_NAME, state->name);
}

static void compare(const struct process_state *before, const struct process_state *after)
{
	for (int number = 1; number < NSIG; number++) {
		ck_assert_msg(before->handlers[number] == after->handlers[number], "the handler of signal %d has changed", number);
		ck_assert_msg(sigismember(&before->mask, number) == sigismember(&after->mask, number), "signal %d in the mask", number);
	}
	ck_assert_str_eq(before->name, after->name);
}

static int send_state(brood_channel *channel, void *context)
{
	struct process_state state;
	(void)context;
	look(&state);
	return brood_send(channel, &state, sizeof state) ? 1 : 0;
}

START_TEST(signals_and_name_are_as_after_fork)
{
	struct process_state before, after, child;
	void (*const handlers[])(int) = {on_signal, SIG_IGN, SIG_DFL};
	signal(SIGCHLD, handlers[_i]);
	signal(SIGTERM, handlers[_i]);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	prctl(PR_SET_NAME, "a name");
	look(&before);
	brood_channel *channel;
	ck_assert_int_eq(brood_start(&channel, send_state, NULL), 0);
	receive_object(channel, child);
	ended(channel, 0, 0);
	look(&after);
	compare(&before, &after);
	compare(&before, &child);
}
END_TEST

static int start_another(brood_channel *channel, void *context)
{
	brood_channel *inner;
	struct brood_status status;
	int code = 41;
	(void)channel, (void)context;
	if (brood_start(&inner, return_code, &code) || brood_wait(inner, support_scale(10), &status))
		return 1;
	brood_channel_free(inner);
	return brood_waitall(0) ? 2 : status.exit_code + 1;
}

START_TEST(child_of_child)
{
	brood_channel *channel;
	ck_assert_int_eq(brood_start(&channel, start_another, NULL), 0);
	ended(channel, 42, 0);
}
END_TEST

START_TEST(suicide_ends_the_host_too)
{
	fflush(NULL);
	pid_t pid = fork();
	if (!pid) {
		atexit(abort);
		brood_suicide(5);
	}
	int status = support_join(pid, 10);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 5);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("create");
	TCase *basics = support_case(suite, "basics", 30);
	tcase_add_test(basics, create_returns_on_both_sides);
	tcase_add_test(basics, arguments_are_checked);
	tcase_add_test(basics, exit_codes_are_exact);
	tcase_add_test(basics, signals_are_exact);
	tcase_add_test(basics, core_is_told);
	tcase_add_test(basics, usage_is_told);
	tcase_add_test(basics, child_of_child);
	tcase_add_test(basics, suicide_ends_the_host_too);
	tcase_add_loop_test(basics, host_handlers_and_output_stay_with_the_host, 0, ENDINGS);
	tcase_add_loop_test(basics, signals_and_name_are_as_after_fork, 0, 3);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
