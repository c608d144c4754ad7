/* SPDX-License-Identifier: MIT */
/*
 * spawn MECHANISM AT-A-TIME MEBIBYTES
 *
 * Runs /bin/true again and again, so many at a time, waiting for their ends by an epoll loop, in a host with that much
 * memory of its own touched. Nanoseconds for each.
 */
#include "measure.h"

#include <brood.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 64 };

extern char **environ;

static const char *const arguments[] = {"/bin/true", NULL};

struct job {
	int fd;
	brood_process *process;
};

struct mechanism {
	const char *name;
	void (*start)(struct job *);
	void (*wait)(struct job *);
};

static void start_with(struct job *job, unsigned flags)
{
	must(brood_spawn(&job->process, BROOD_PROGRAM(.argv = arguments, .flags = flags)), "brood_spawn");
	job->fd = brood_process_fd(job->process);
}

static void start_kept(struct job *job)
{
	start_with(job, 0);
}

static void start_direct(struct job *job)
{
	start_with(job, BROOD_DIRECT);
}

static void wait_brood(struct job *job)
{
	must(brood_process_wait(job->process, -1, NULL), "brood_process_wait");
	brood_process_free(job->process);
}

static int become_true(void *context)
{
	(void)context;
	execve(arguments[0], (char *const *)(uintptr_t)arguments, environ);
	_exit(127);
}

static void start_clone(struct job *job)
{
	static char stack[65536] __attribute__((__aligned__(16)));
	must(clone(become_true, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, NULL, &job->fd), "clone");
}

static void start_posix(struct job *job)
{
	pid_t pid;
	must(-posix_spawn(&pid, arguments[0], NULL, NULL, (char *const *)(uintptr_t)arguments, environ), "posix_spawn");
	job->fd = must((int)syscall(SYS_pidfd_open, pid, 0), "pidfd_open");
}

static void wait_pidfd(struct job *job)
{
	siginfo_t info;
	must(waitid(P_PIDFD, (id_t)job->fd, &info, WEXITED), "waitid");
	close(job->fd);
}

static const struct mechanism mechanisms[] = {
	{"kept", start_kept, wait_brood},
	{"direct", start_direct, wait_brood},
	{"clone", start_clone, wait_pidfd},
	{"posix_spawn", start_posix, wait_pidfd},
};

struct loop {
	const struct mechanism *mechanism;
	int epoll;
	size_t width;
};

static void begin(const struct loop *loop, struct job *job)
{
	loop->mechanism->start(job);
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = job};
	must(epoll_ctl(loop->epoll, EPOLL_CTL_ADD, job->fd, &event), "epoll_ctl");
}

static void run_all(void *context, uint64_t count)
{
	const struct loop *loop = context;
	struct job jobs[MOST];
	uint64_t started = 0, ended = 0;
	while (started < loop->width && started < count)
		begin(loop, &jobs[started++]);
	while (ended < count) {
		struct epoll_event events[MOST];
		int found = must(epoll_wait(loop->epoll, events, MOST, -1), "epoll_wait");
		for (int i = 0; i < found; i++) {
			struct job *job = events[i].data.ptr;
			/* A program that is only just becoming one may still have a copy of the descriptor, which would keep it here. */
			must(epoll_ctl(loop->epoll, EPOLL_CTL_DEL, job->fd, NULL), "epoll_ctl");
			loop->mechanism->wait(job);
			ended++;
			if (started < count) {
				begin(loop, job);
				started++;
			}
		}
	}
}

int main(int argc, char **argv)
{
	struct loop loop = {.width = argc == 4 ? strtoul(argv[2], NULL, 10) : 0};
	if (!loop.width || loop.width > MOST) {
		fprintf(stderr, "usage: spawn kept|direct|clone|posix_spawn AT-A-TIME MEBIBYTES\n");
		return 2;
	}
	touched(strtoul(argv[3], NULL, 10) << 20, true);
	loop.epoll = must(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++) {
		loop.mechanism = &mechanisms[i];
		if (strcmp(argv[1], loop.mechanism->name) != 0)
			continue;
		print_nanoseconds(measure(run_all, &loop));
		brood_reap();
		return 0;
	}
	errno = EINVAL;
	fail(argv[1]);
}
