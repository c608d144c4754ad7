/* SPDX-License-Identifier: MIT */
/* Hosts with threads: locks are taken by others at the moment of a fork, and threads come and go. */
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { THREADS = 3 };

static atomic_bool stop;
static const char *const seven[] = {PROBE, "exit", "7", NULL};

static void start_threads(pthread_t *threads, void *(*function)(void *))
{
	stop = false;
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, function, NULL), 0);
}

static void stop_threads(pthread_t *threads)
{
	stop = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void *hammer(void *context)
{
	while (!stop) {
		char *text = malloc(100 + (size_t)getpid() % 1000);
		FILE *file = fopen("/dev/null", "we");
		if (!text || !file)
			abort();
		fprintf(file, "%s", "text");
		fprintf(stderr, "%s", "");
		fclose(file);
		free(text);
	}
	return context;
}

static int use_memory_and_streams(brood_channel *channel, void *context)
{
	(void)channel, (void)context;
	for (int i = 0; i < 20; i++) {
		char *text = malloc(5000);
		FILE *file = fopen("/dev/null", "we");
		if (!text || !file)
			return 1;
		fprintf(file, "%s", "text");
		fprintf(stderr, "%s", "");
		fclose(file);
		free(text);
	}
	printf("%s", "");
	return 7;
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

START_TEST(children_of_a_busy_host_do_not_hang)
{
#ifdef SANITIZED
	support_skip("the sanitizer's malloc is not readied for forks");
#endif
	pthread_t threads[THREADS];
	start_threads(threads, hammer);
	for (int round = rounds(300); round; round--) {
		brood_channel *channel;
		brood_process *process;
		struct brood_status status;
		ck_assert_int_eq(brood_start(&channel, use_memory_and_streams, NULL), 0);
		ended(channel, 7, 0);
		ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = seven, .flags = round % 2 ? BROOD_DIRECT : 0)), 0);
		ck_assert_int_eq(brood_process_wait(process, support_scale(10), &status), 0);
		ck_assert_int_eq(status.exit_code, 7);
		brood_process_free(process);
	}
	stop_threads(threads);
	collect_all();
}
END_TEST

static void *make_children(void *context)
{
	for (int round = rounds(100); round; round--) {
		brood_channel *channel;
		brood_process *process;
		struct brood_status status;
		ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = seven, .flags = round % 2 ? BROOD_DIRECT : 0)), 0);
		ck_assert_int_eq(brood_start(&channel, use_memory_and_streams, NULL), 0);
		ck_assert_int_eq(brood_process_wait(process, support_scale(20), &status), 0);
		ck_assert_int_eq(status.exit_code, 7);
		brood_process_free(process);
		ended(channel, 7, 0);
	}
	return context;
}

/* The first call decides in which order the library's locks are readied for forks. */
START_TEST(many_threads_make_children)
{
	if (_i) {
		brood_process *process;
		ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = seven)), 0);
		ck_assert_int_eq(brood_process_wait(process, support_scale(10), NULL), 0);
		brood_process_free(process);
	}
	pthread_t threads[THREADS];
	start_threads(threads, make_children);
	stop_threads(threads);
	collect_all();
}
END_TEST

static void *fork_on(void *context)
{
	while (!stop) {
		pid_t pid = fork();
		if (!pid)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			abort();
	}
	return context;
}

START_TEST(plain_forks_beside_do_not_hang)
{
	brood_process *process;
	pthread_t threads[THREADS];
	ck_assert_int_eq(brood_spawn(&process, BROOD_PROGRAM(.argv = seven)), 0);
	ck_assert_int_eq(brood_process_wait(process, support_scale(10), NULL), 0);
	brood_process_free(process);
	start_threads(threads, fork_on);
	make_children(NULL);
	stop_threads(threads);
	collect_all();
}
END_TEST

/* --- descriptors of children that are being made at the same time -------------------------------------------------- */

/* In a child of brood_start: its channel's is the only socket. */
static int count_sockets(brood_channel *channel, void *context)
{
	int sockets = 0;
	(void)channel, (void)context;
	for (int fd = 0; fd < 200; fd++) {
		struct stat about;
		sockets += !fstat(fd, &about) && S_ISSOCK(about.st_mode);
	}
	return sockets;
}

static void *count_in_children(void *context)
{
	for (int round = rounds(400); round; round--) {
		brood_channel *channel;
		struct brood_status status;
		ck_assert_int_eq(brood_start(&channel, count_sockets, NULL), 0);
		ck_assert_int_eq(brood_wait(channel, support_scale(20), &status), 0);
		ck_assert_int_eq(status.exit_code, 1);
		brood_channel_free(channel);
	}
	return context;
}

START_TEST(no_sibling_gets_what_is_being_made)
{
	pthread_t threads[THREADS];
	for (int fd = 3; fd < 200; fd++) {
		struct stat about;
		ck_assert(fstat(fd, &about) || !S_ISSOCK(about.st_mode));
	}
	start_threads(threads, count_in_children);
	stop_threads(threads);
}
END_TEST

/* --- output -------------------------------------------------------------------------------------------------------- */

static void *print_lines(void *context)
{
	for (int line = 0; !stop; line++)
		printf("%s line %d\n", (const char *)context, line);
	return NULL;
}

static void print_and_start(void *context)
{
	pthread_t thread;
	char name[] = "a";
	int code = 0, saved = dup(STDOUT_FILENO);
	dup2(*(int *)context, STDOUT_FILENO);
	setvbuf(stdout, NULL, _IOFBF, 4096);
	ck_assert_int_eq(pthread_create(&thread, NULL, print_lines, name), 0);
	for (int round = rounds(200); round; round--) {
		brood_channel *channel;
		ck_assert_int_eq(brood_start(&channel, return_code, &code), 0);
		ended(channel, 0, 0);
	}
	stop = true;
	pthread_join(thread, NULL);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
}

/* What is buffered in a stream of the host's own is the host's to write. */
START_TEST(host_file_is_written_once)
{
	char name[] = "a", text[256] = "";
	int code = 0;
	pthread_t thread;
	FILE *file = tmpfile();
	ck_assert_ptr_nonnull(file);
	stop = true;
	ck_assert_int_eq(pthread_create(&thread, NULL, print_lines, name), 0);
	pthread_join(thread, NULL);
	fputs("line\n", file);
	for (int round = 0; round < 3; round++) {
		brood_channel *channel;
		ck_assert_int_eq(brood_start(&channel, return_code, &code), 0);
		ended(channel, 0, 0);
	}
	fflush(file);
	rewind(file);
	ck_assert_uint_eq(fread(text, 1, sizeof text - 1, file), 5);
	ck_assert_str_eq(text, "line\n");
	fclose(file);
}
END_TEST

/* What the host's other thread is printing comes out once, whatever it was doing at the forks. */
START_TEST(host_output_is_printed_once)
{
	FILE *file = tmpfile();
	int fd = fileno(file);
	support_join_ok(support_fork(print_and_start, &fd, 30), 30);
	rewind(file);
	int expected = 0, line;
	while (fscanf(file, "a line %d\n", &line) == 1)
		ck_assert_int_eq(line, expected++);
	ck_assert_int_gt(expected, 0);
	ck_assert(feof(file));
	fclose(file);
}
END_TEST

/* --- threads that end ---------------------------------------------------------------------------------------------- */

enum manner { START, SPAWN, DIRECT, MANNERS };

struct made {
	enum manner manner;
	brood_channel *channel;
	brood_process *process;
	pid_t pid;
};

static void *make_and_end(void *context)
{
	struct made *made = context;
	const char *argv[] = {"sleep", "1000", NULL};
	if (made->manner == START) {
		ck_assert_int_eq(brood_start(&made->channel, wait_for_end, NULL), 0);
		made->pid = brood_channel_pid(made->channel);
	} else {
		ck_assert_int_eq(brood_spawn(&made->process, BROOD_PROGRAM(.argv = argv, .search = true,
									    .flags = made->manner == DIRECT ? BROOD_DIRECT : 0)), 0);
		made->pid = brood_process_pid(made->process);
	}
	return NULL;
}

/* The kernel's parent-death signals follow the thread, not the process. */
START_TEST(child_outlives_the_thread_that_made_it)
{
	for (int round = 0; round < 5; round++) {
		struct made made = {.manner = (enum manner)_i};
		pthread_t thread;
		ck_assert_int_eq(pthread_create(&thread, NULL, make_and_end, &made), 0);
		pthread_join(thread, NULL);
		support_sleep(0.03);
		ck_assert(support_process_alive(made.pid));
		if (made.manner == START) {
			ck_assert_int_eq(brood_wait(made.channel, 0, NULL), -ETIMEDOUT);
			brood_close(made.channel);
			ended(made.channel, 0, 0);
			continue;
		}
		struct brood_status status;
		ck_assert_int_eq(brood_process_wait(made.process, 0, NULL), -ETIMEDOUT);
		ck_assert_int_eq(brood_process_kill(made.process, SIGTERM), 0);
		ck_assert_int_eq(brood_process_wait(made.process, support_scale(10), &status), 0);
		ck_assert_int_eq(status.signal, SIGTERM);
		brood_process_free(made.process);
	}
	collect_all();
}
END_TEST

#ifndef SANITIZED
static void *start_and_wait(void *context)
{
	brood_channel *channel;
	(void)context;
	ck_assert_int_eq(brood_start(&channel, return_code, &(int){3}), 0);
	ended(channel, 3, 0);
	return NULL;
}

/* Also as the process's first child, before which most is looked up. */
START_TEST(a_thread_with_the_smallest_stack_makes_a_child)
{
	pthread_attr_t attributes;
	pthread_t thread;
	ck_assert_int_eq(pthread_attr_init(&attributes), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN), 0);
	ck_assert_int_eq(pthread_create(&thread, &attributes, start_and_wait, NULL), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attributes);
}
END_TEST
#endif

static Suite *make_suite(void)
{
	Suite *suite = suite_create("threads");
	TCase *busy = support_case(suite, "busy", 30);
	tcase_add_test(busy, children_of_a_busy_host_do_not_hang);
	tcase_add_loop_test(busy, many_threads_make_children, 0, 2);
	tcase_add_test(busy, plain_forks_beside_do_not_hang);
	tcase_add_test(busy, no_sibling_gets_what_is_being_made);
	tcase_add_test(busy, host_output_is_printed_once);
	tcase_add_test(busy, host_file_is_written_once);
	TCase *ends = support_case(suite, "ends", 20);
#ifndef SANITIZED
	tcase_add_test(ends, a_thread_with_the_smallest_stack_makes_a_child);
#endif
	tcase_add_loop_test(ends, child_outlives_the_thread_that_made_it, 0, MANNERS);
	return suite;
}

int main(void)
{
	return support_main(make_suite);
}
