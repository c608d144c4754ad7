/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* The three ways to become a program: the same is expected of each. */
enum way { KEPT, DIRECT, EXEC, WAYS };

/* Runs the program with its standard output in text; its exit code, or what could not start it. */
static int run(enum way way, struct brood_program program, char *text, size_t size)
{
	int tube[2], result, code;
	ck_assert_int_eq(pipe2(tube, O_CLOEXEC), 0);
	if (!program.stdout_fd)
		program.stdout_fd = tube[1];
	else if (program.stderr_fd == 99)
		program.stderr_fd = tube[1];
	if (way == EXEC) {
		int report[2];
		ck_assert_int_eq(pipe2(report, O_CLOEXEC), 0);
		pid_t pid = fork();
		if (!pid) {
			result = brood_exec(&program);
			_exit(write(report[1], &result, sizeof result) < 0);
		}
		close(report[1]);
		close(tube[1]);
		if (read(report[0], &result, sizeof result) != sizeof result)
			result = 0;
		close(report[0]);
		ssize_t got = read(tube[0], text, size - 1);
		text[got > 0 ? got : 0] = 0;
		int status = support_join(pid, 10);
		code = WIFEXITED(status) ? WEXITSTATUS(status) : -1000 - WTERMSIG(status);
	} else {
		brood_process *const untouched = (brood_process *)tube;
		brood_process *process = untouched;
		struct brood_status status;
		program.flags = way == DIRECT ? BROOD_DIRECT : 0;
		result = brood_spawn(&process, &program);
		close(tube[1]);
		ssize_t got = read(tube[0], text, size - 1);
		text[got > 0 ? got : 0] = 0;
		code = 0;
		if (result) {
			ck_assert_ptr_eq(process, untouched);
		} else {
			ck_assert_int_eq(brood_process_wait(process, support_scale(10), &status), 0);
			ck_assert_int_eq(status.pid, brood_process_pid(process));
			code = status.signal ? -1000 - status.signal : status.exit_code;
			brood_process_free(process);
		}
		collect_all();
	}
	close(tube[0]);
	return result ? result : code;
}

/* The name and the directory that the tests search. */
static void search_path(const char *before)
{
	char directory[] = PROBE, path[4096];
	*strrchr(directory, '/') = 0;
	snprintf(path, sizeof path, "%s%s", before, directory);
	setenv("PATH", path, 1);
}

START_TEST(forms_of_exec)
{
	const char *const env[] = {"PROBE_A=given", NULL};
	const char *const by_path[] = {PROBE, "arguments", "", "a b", NULL}, *const by_name[] = {"probe", "arguments", NULL};
	const char *const other_name[] = {"another", "arguments", "x", NULL};
	setenv("PROBE_H", "host's", 1);
	search_path("/nonexistent::/etc/passwd:");
	const struct {
		struct brood_program program;
		const char *expected;
	} forms[] = {
		{{.argv = by_path}, "[" PROBE "][arguments][][a b]{PROBE_H=host's}"},
		{{.argv = by_path, .env = env}, "[" PROBE "][arguments][][a b]{PROBE_A=given}"},
		{{.argv = by_path, .search = true}, "[" PROBE "][arguments][][a b]{PROBE_H=host's}"},
		{{.argv = by_name, .search = true}, "[probe][arguments]{PROBE_H=host's}"},
		{{.argv = by_name, .search = true, .env = env}, "[probe][arguments]{PROBE_A=given}"},
		{{.argv = other_name, .path = PROBE}, "[another][arguments][x]{PROBE_H=host's}"},
		{{.argv = other_name, .path = "probe", .search = true}, "[another][arguments][x]{PROBE_H=host's}"},
		{{.argv = other_name, .path = "probe", .search = true, .env = env}, "[another][arguments][x]{PROBE_A=given}"},
		{{.argv = other_name, .path = PROBE, .env = (const char *const[]){NULL}}, "[another][arguments][x]"},
	};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		char text[1024];
		struct brood_program program = forms[i].program;
		program.size = sizeof program;
		ck_assert_int_eq(run((enum way)_i, program, text, sizeof text), 0);
		ck_assert_str_eq(text, forms[i].expected);
	}
}
END_TEST

static char place[] = "/tmp/brood-program-XXXXXX";

static void make_file(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(name, "we");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	ck_assert_int_eq(chmod(name, mode), 0);
}

START_TEST(what_cannot_be_started)
{
	enum way way = (enum way)_i;
	char text[64], long_argument[200000];
	enter_place(place);
	make_file("plain", "exit 3\n", 0644);
	make_file("script", "exit 3\n", 0755);
	make_file("empty", "", 0755);
	make_file("lost", "#!/nonexistent/shell\n", 0755);
	ck_assert_int_eq(mkdir("folder", 0755) | mkdir("first", 0755) | mkdir("second", 0755), 0);
	ck_assert_int_eq(symlink("loop", "loop"), 0);
	make_file("first/tool", "", 0644);
	make_file("second/tool", "#!/bin/sh\nexit 5\n", 0755);
	make_file("first/only", "", 0644);
	memset(long_argument, 'x', sizeof long_argument);
	long_argument[sizeof long_argument - 1] = 0;
	int closed = fcntl(0, F_DUPFD_CLOEXEC, 50);
	close(closed);
	const struct {
		int expected;
		struct brood_program program;
		const char *name, *search;
	} cases[] = {
		{-ENOENT, {0}, "/nonexistent", NULL},
		{-ENOENT, {0}, "", NULL},
		{-ENOENT, {.search = true}, "", NULL},
		{-ENOENT, {0}, "tool", NULL},
		{-ENOENT, {0}, "./lost", NULL},
		{-ENOENT, {.search = true}, "nonexistent-at-all", "first:second"},
		{-ENOENT, {.directory = "/nonexistent"}, PROBE, NULL},
		{-ENOTDIR, {.directory = "plain"}, PROBE, NULL},
		{-ENOTDIR, {0}, "plain/probe", NULL},
		{-EACCES, {0}, "./plain", NULL},
		{-EACCES, {0}, "./folder", NULL},
		{-EACCES, {.search = true}, "only", "first:second:/nonexistent"},
		{-ENOEXEC, {0}, "./script", NULL},
		{-ENOEXEC, {0}, "./empty", NULL},
		{-ENOEXEC, {.search = true}, "script", ""},
		{-ELOOP, {0}, "./loop", NULL},
		{-E2BIG, {0}, PROBE, long_argument},
		{-EBADF, {.stdin_fd = closed}, PROBE, NULL},
		{-EBADF, {.stderr_fd = closed}, PROBE, NULL},
		{5, {.search = true}, "tool", "first:second"},
		{5, {.search = true}, "tool", "nowhere::plain:second:"},
		{5, {.directory = "second"}, "./tool", NULL},
		{5, {.directory = "second", .search = true}, "tool", ""},
		{5, {.directory = "first", .search = true}, "tool", "../second"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct brood_program program = cases[i].program;
		const char *argv[] = {cases[i].name, cases[i].expected == -E2BIG ? cases[i].search : NULL, NULL};
		if (RUNNING_ON_VALGRIND && (cases[i].expected == -E2BIG || !strcmp(cases[i].name, "./lost")))
			continue;
		program.size = sizeof program;
		program.argv = argv;
		if (program.search && cases[i].search)
			setenv("PATH", cases[i].search, 1);
		int result = run(way, program, text, sizeof text);
		ck_assert_msg(result == cases[i].expected, "case %zu (%s): %d, not %d", i, cases[i].name, result, cases[i].expected);
	}
	unsetenv("PATH");
	const char *argv[] = {"sh", "-c", "exit 6", NULL};
	ck_assert_int_eq(run(way, *BROOD_PROGRAM(.argv = argv, .search = true), text, sizeof text), 6);
	setenv("PATH", "/usr/bin:/bin", 1);
	leave_place(place);
}
END_TEST

START_TEST(arguments_are_checked)
{
	const char *argv[] = {PROBE, NULL}, *none[] = {NULL};
	brood_process *process = (brood_process *)argv;
	const struct brood_program wrong[] = {
		{.argv = argv},
		{.size = sizeof(struct brood_program) - 1, .argv = argv},
		{.size = sizeof(struct brood_program)},
		{.size = sizeof(struct brood_program), .argv = none},
		{.size = sizeof(struct brood_program), .argv = none, .path = PROBE},
		{.size = sizeof(struct brood_program), .argv = argv, .flags = 4},
		{.size = sizeof(struct brood_program), .argv = argv, .stdin_fd = -2},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		ck_assert_int_eq(brood_spawn(&process, &wrong[i]), -EINVAL);
		ck_assert_int_eq(brood_exec(&wrong[i]), -EINVAL);
	}
	ck_assert_int_eq(brood_spawn(NULL, BROOD_PROGRAM(.argv = argv)), -EINVAL);
	ck_assert_int_eq(brood_spawn(&process, NULL), -EINVAL);
	ck_assert_int_eq(brood_exec(NULL), -EINVAL);
	ck_assert_ptr_eq(process, argv);
	ck_assert_int_eq(brood_process_wait(NULL, 0, NULL), -EINVAL);
	ck_assert_int_eq(brood_process_kill(NULL, 0), -EINVAL);
	ck_assert_int_eq(brood_process_fd(NULL), -1);
	ck_assert_int_eq(brood_process_pid(NULL), 0);
	brood_process_free(NULL);
}
END_TEST

START_TEST(exit_127_is_the_programs_own)
{
	char text[8];
	const char *exits[] = {PROBE, "exit", "127", NULL}, *kills[] = {PROBE, "raise", "9", NULL};
	ck_assert_int_eq(run((enum way)_i, *BROOD_PROGRAM(.argv = exits), text, sizeof text), 127);
	ck_assert_int_eq(run((enum way)_i, *BROOD_PROGRAM(.argv = kills), text, sizeof text), -1009);
}
END_TEST

START_TEST(kill_and_wait)
{
	const char *shell[] = {"sh", "-c", "trap '' TERM; sleep 1000 & echo $!; wait; wait", NULL};
	brood_process *process;
	struct brood_status status;
	int tube[2], grandchild;
	ck_assert_int_eq(pipe2(tube, O_CLOEXEC), 0);
	ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = shell, .search = true, .stdout_fd = tube[1],
							      .flags = _i ? BROOD_DIRECT : 0)), 0);
	close(tube[1]);
	FILE *file = fdopen(tube[0], "re");
	ck_assert_int_eq(fscanf(file, "%d", &grandchild), 1);
	fclose(file);
	ck_assert_int_eq(getpgid(grandchild), brood_process_pid(process));
	ck_assert_int_eq(brood_process_kill(process, -1), -EINVAL);
	ck_assert_int_eq(brood_process_kill(process, NSIG), -EINVAL);
	ck_assert_int_eq(brood_process_kill(process, 0), 0);
	ck_assert_int_eq(brood_process_kill(process, SIGTERM), 0);
	ck_assert_int_eq(brood_process_wait(process, 0.05, &status), -ETIMEDOUT);
	ck_assert_int_eq(brood_process_kill(process, SIGKILL), 0);
	ck_assert_int_eq(brood_process_wait(process, support_scale(10), &status), 0);
	ck_assert(status.signal == SIGKILL && !status.exit_code);
	ck_assert(support_process_gone(grandchild, 1));
	ck_assert_int_eq(brood_process_kill(process, 0), -ESRCH);
	brood_process_free(process);
	collect_all();
}
END_TEST

START_TEST(who_leaves_its_group_is_killed)
{
	const char *leaves[] = {PROBE, "leave", NULL};
	brood_process *process;
	struct brood_status status;
	int tube[2], left = -1;
	ck_assert_int_eq(pipe2(tube, O_CLOEXEC), 0);
	ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = leaves, .stdout_fd = tube[1], .flags = _i ? BROOD_DIRECT : 0)), 0);
	close(tube[1]);
	FILE *file = fdopen(tube[0], "re");
	ck_assert_int_eq(fscanf(file, "%d", &left), 1);
	fclose(file);
	ck_assert_int_eq(left, 0);
	ck_assert_int_ne(getpgid(brood_process_pid(process)), brood_process_pid(process));
	ck_assert_int_eq(brood_process_kill(process, 0), 0);
	ck_assert_int_eq(brood_process_kill(process, SIGTERM), 0);
	ck_assert_int_eq(brood_process_wait(process, support_scale(10), &status), 0);
	ck_assert_int_eq(status.signal, SIGTERM);
	brood_process_free(process);
	collect_all();
}
END_TEST

/* Until a direct child's status has been collected, its group is its own. */
START_TEST(what_a_direct_child_leaves_is_killed)
{
	const char *shell[] = {"sh", "-c", "sleep 1000 & echo $!", NULL};
	brood_process *process;
	int tube[2], grandchild;
	if (RUNNING_ON_VALGRIND)
		support_skip("under valgrind there are no direct children");
	ck_assert_int_eq(pipe2(tube, O_CLOEXEC), 0);
	ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = shell, .search = true, .stdout_fd = tube[1],
							      .flags = BROOD_DIRECT)), 0);
	close(tube[1]);
	FILE *file = fdopen(tube[0], "re");
	ck_assert_int_eq(fscanf(file, "%d", &grandchild), 1);
	fclose(file);
	struct pollfd ended = {.fd = brood_process_fd(process), .events = POLLIN};
	ck_assert_int_eq(poll(&ended, 1, (int)(support_scale(10) * 1000)), 1);
	ck_assert_int_eq(brood_process_kill(process, SIGKILL), 0);
	ck_assert(support_process_gone(grandchild, 1));
	ck_assert_int_eq(brood_process_wait(process, 0, NULL), 0);
	ck_assert_int_eq(brood_process_kill(process, SIGKILL), -ESRCH);
	brood_process_free(process);
	collect_all();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("program");
	TCase *programs = support_case(suite, "programs", 30);
	tcase_add_loop_test(programs, forms_of_exec, 0, WAYS);
	tcase_add_loop_test(programs, what_cannot_be_started, 0, WAYS);
	tcase_add_test(programs, arguments_are_checked);
	tcase_add_loop_test(programs, exit_127_is_the_programs_own, 0, WAYS);
	tcase_add_loop_test(programs, kill_and_wait, 0, 2);
	tcase_add_loop_test(programs, who_leaves_its_group_is_killed, 0, 2);
	tcase_add_test(programs, what_a_direct_child_leaves_is_killed);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
