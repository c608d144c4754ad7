/* SPDX-License-Identifier: MIT */
#include "sample.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int finish(int fd)
{
	return close(fd) < 0 && errno != EINTR ? -errno : 0;
}

static int read_all(int fd, char *out, size_t size)
{
	size_t have = 0;
	while (have < size) {
		ssize_t count = read(fd, out + have, size - have);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (!count)
			return -EPIPE;
		have += (size_t)count;
	}
	return 0;
}

static int write_all(int fd, const char *text, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t count = write(fd, text + done, size - done);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		done += (size_t)count;
	}
	return 0;
}

int sample_echo(const char *text, char *out, size_t size)
{
	int to[2], from[2], error, status;
	char *copy = malloc(size);
	if (!copy)
		return -ENOMEM;
	if (pipe2(to, O_CLOEXEC) < 0) {
		error = -errno;
		goto free_copy;
	}
	if (pipe2(from, O_CLOEXEC) < 0) {
		error = -errno;
		goto close_to;
	}
	pid_t pid = fork();
	if (pid < 0) {
		error = -errno;
		goto close_from;
	}
	if (!pid) {
		finish(to[1]);
		finish(from[0]);
		signal(SIGPIPE, SIG_IGN);
		error = read_all(to[0], copy, size);
		if (!error)
			error = write_all(from[1], copy, size);
		free(copy);
		_exit(error != 0);
	}
	finish(to[0]);
	finish(from[1]);
	to[0] = from[1] = -1;
	signal(SIGPIPE, SIG_IGN);
	error = write_all(to[1], text, size);
	finish(to[1]);
	to[1] = -1;
	if (!error)
		error = read_all(from[0], copy, size);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!error)
		memcpy(out, copy, size);
close_from:
	finish(from[0]);
	if (from[1] >= 0)
		finish(from[1]);
close_to:
	if (to[0] >= 0)
		finish(to[0]);
	if (to[1] >= 0)
		finish(to[1]);
free_copy:
	free(copy);
	return error;
}

int sample_mistake(enum sample_mistake mistake)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		int error = -errno;
		if (mistake == SAMPLE_CRASHES)
			raise(SIGKILL);
		if (mistake == SAMPLE_HANGS)
			for (;;)
				pause();
		if (mistake == SAMPLE_FORGETS && !fork()) {
			sleep(30);
			_exit(0);
		}
		close(pair[0]);
		if (mistake != SAMPLE_LEAKS)
			close(pair[1]);
		return error;
	}
	munmap(memory, 4096);
	close(pair[0]);
	close(pair[1]);
	return 0;
}

ssize_t sample_read(int fd, void *data, size_t size)
{
	return read(fd, data, size);
}

ssize_t sample_write(int fd, const void *data, size_t size)
{
	return write(fd, data, size);
}

static int on_own_stack(void *context)
{
	*(int *)context = 1;
	_exit(0);
}

bool sample_calls(void)
{
	static char stack[65536] __attribute__((__aligned__(16)));
	struct rlimit limit;
	struct sigaction action;
	char name[16] = "";
	int status, seen = 0;
	struct epoll_event event = {.events = EPOLLIN};
	bool good = true;

	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int other = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	good = good && other >= 100 && fcntl(other, F_GETFD) == FD_CLOEXEC && !fcntl(other, F_SETFD, 0) && !fcntl(other, F_GETFD);
	good = good && dup3(fd, other, O_CLOEXEC) == other;
	close(other);
	close(fd);
	fd = openat(AT_FDCWD, "/proc/self/comm", O_RDONLY | O_CLOEXEC);
	good = good && read(fd, name, sizeof name) > 0;
	close(fd);
	good = good && !prctl(PR_GET_NAME, name) && *name;
	good = good && !getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur;
	good = good && !sigaction(SIGTERM, NULL, &action);
	fd = eventfd(1, EFD_CLOEXEC);
	int set = epoll_create1(EPOLL_CLOEXEC);
	good = good && !epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) && epoll_wait(set, &event, 1, 1000) == 1;
	struct pollfd item = {.fd = fd, .events = POLLIN};
	good = good && poll(&item, 1, 1000) == 1;
	close(set);
	close(fd);
	fd = (int)syscall(SYS_memfd_create, "sample", 1u);
	good = good && fd >= 0 && !ftruncate(fd, 4096);
	int *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	good = good && memory != MAP_FAILED;
	close(fd);
	pid_t pid = clone(on_own_stack, stack + sizeof stack, SIGCHLD, &seen);
	good = good && pid > 0 && waitpid(pid, &status, 0) == pid && !status && !seen;
	pid = clone(on_own_stack, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, memory);
	good = good && pid > 0 && waitpid(pid, &status, 0) == pid && !status && *memory == 1;
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (!pid)
		_exit(7);
	good = good && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7;
	return !munmap(memory, 4096) && good;
}
