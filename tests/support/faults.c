/* SPDX-License-Identifier: MIT */
#include "faults.h"
#include "support.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NAMES = 256 };

/* Shared with every process that the library makes. Written only while no call is armed, but for the atomics. */
struct page {
	atomic_uint seen;
	atomic_bool armed;
	unsigned target;
	bool from;
	int error;
	size_t most;
	char only[NAMES], except[NAMES];
	_Atomic(const char *) failed;
	_Atomic(void *) site;
};

static struct page *page;

__attribute__((__constructor__)) static void make_page(void)
{
	void *memory = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory != MAP_FAILED)
		page = memory;
}

static bool has_name(const char *names, const char *name)
{
	size_t size = strlen(name);
	for (const char *at = names; (at = strstr(at, name)); at += size)
		if ((at == names || at[-1] == ' ') && (!at[size] || at[size] == ' '))
			return true;
	return false;
}

/* Counts the call, and says whether it is to fail, with errno set. */
static bool hit(const char *name, int usual, void *site)
{
	if (!page || !atomic_load(&page->armed))
		return false;
	if ((*page->only && !has_name(page->only, name)) || has_name(page->except, name))
		return false;
	unsigned number = atomic_fetch_add(&page->seen, 1) + 1;
	if (!page->target || number < page->target || (number > page->target && !page->from))
		return false;
	atomic_store(&page->failed, name);
	atomic_store(&page->site, site);
	errno = page->error ? page->error : usual;
	return true;
}

#define SITE __builtin_return_address(0)

/* type, name, what it gives on failure, usual errno, parameters, arguments */
#define WRAP(type, name, bad, usual, parameters, arguments) \
	type __wrap_##name parameters; \
	type __wrap_##name parameters \
	{ \
		if (hit(#name, usual, SITE)) \
			return bad; \
		return name arguments; \
	}

WRAP(void *, malloc, NULL, ENOMEM, (size_t size), (size))
WRAP(void *, calloc, NULL, ENOMEM, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, NULL, ENOMEM, (void *data, size_t size), (data, size))
WRAP(void *, reallocarray, NULL, ENOMEM, (void *data, size_t count, size_t size), (data, count, size))
WRAP(void *, aligned_alloc, NULL, ENOMEM, (size_t align, size_t size), (align, size))
WRAP(int, posix_memalign, errno, ENOMEM, (void **out, size_t align, size_t size), (out, align, size))
WRAP(char *, strdup, NULL, ENOMEM, (const char *text), (text))
WRAP(char *, strndup, NULL, ENOMEM, (const char *text, size_t size), (text, size))
WRAP(FILE *, fdopen, NULL, ENOMEM, (int fd, const char *mode), (fd, mode))
WRAP(FILE *, open_memstream, NULL, ENOMEM, (char **data, size_t *size), (data, size))
WRAP(DIR *, opendir, NULL, EMFILE, (const char *path), (path))
WRAP(DIR *, fdopendir, NULL, ENOMEM, (int fd), (fd))

/* A formatter must not be called through a changeable format without the checker's leave. */
__attribute__((__format__(__printf__, 2, 0))) int __wrap_vasprintf(char **out, const char *format, va_list arguments);
int __wrap_vasprintf(char **out, const char *format, va_list arguments)
{
	return hit("vasprintf", ENOMEM, SITE) ? -1 : vasprintf(out, format, arguments);
}

__attribute__((__format__(__printf__, 2, 3))) int __wrap_asprintf(char **out, const char *format, ...);
int __wrap_asprintf(char **out, const char *format, ...)
{
	if (hit("asprintf", ENOMEM, SITE))
		return -1;
	va_list arguments;
	va_start(arguments, format);
	int size = vasprintf(out, format, arguments);
	va_end(arguments);
	return size;
}

/* Calls with a large-file name of their own, which a 64-bit program that defines _FILE_OFFSET_BITS uses. */
#define WRAP_BOTH(type, name, bad, usual, parameters, arguments) \
	WRAP(type, name, bad, usual, parameters, arguments) \
	type __wrap_##name##64 parameters; \
	type __wrap_##name##64 parameters \
	{ \
		if (hit(#name, usual, SITE)) \
			return bad; \
		return name arguments; \
	}

WRAP_BOTH(void *, mmap, MAP_FAILED, ENOMEM, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
	  (at, size, protection, flags, fd, offset))
WRAP_BOTH(FILE *, fopen, NULL, EMFILE, (const char *path, const char *mode), (path, mode))
WRAP_BOTH(int, ftruncate, -1, ENOSPC, (int fd, off_t size), (fd, size))
WRAP_BOTH(int, fallocate, -1, ENOSPC, (int fd, int mode, off_t offset, off_t size), (fd, mode, offset, size))
WRAP_BOTH(int, posix_fallocate, errno, ENOSPC, (int fd, off_t offset, off_t size), (fd, offset, size))
WRAP_BOTH(off_t, lseek, -1, ESPIPE, (int fd, off_t offset, int whence), (fd, offset, whence))
WRAP_BOTH(int, fstat, -1, ENOMEM, (int fd, struct stat *out), (fd, out))
WRAP_BOTH(int, stat, -1, ENOENT, (const char *path, struct stat *out), (path, out))

WRAP(int, mprotect, -1, ENOMEM, (void *at, size_t size, int protection), (at, size, protection))
WRAP(int, madvise, -1, ENOMEM, (void *at, size_t size, int advice), (at, size, advice))
WRAP(int, memfd_create, -1, EMFILE, (const char *name, unsigned flags), (name, flags))
WRAP(int, socketpair, -1, EMFILE, (int domain, int type, int protocol, int pair[2]), (domain, type, protocol, pair))
WRAP(int, socket, -1, EMFILE, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, pipe, -1, EMFILE, (int pair[2]), (pair))
WRAP(int, pipe2, -1, EMFILE, (int pair[2], int flags), (pair, flags))
WRAP(int, dup, -1, EMFILE, (int fd), (fd))
WRAP(int, dup2, -1, EBUSY, (int fd, int other), (fd, other))
WRAP(int, dup3, -1, EBUSY, (int fd, int other, int flags), (fd, other, flags))
WRAP(int, epoll_create1, -1, EMFILE, (int flags), (flags))
WRAP(int, epoll_ctl, -1, ENOSPC, (int fd, int operation, int other, struct epoll_event *event),
     (fd, operation, other, event))
WRAP(int, epoll_wait, -1, EINTR, (int fd, struct epoll_event *events, int max, int limit), (fd, events, max, limit))
WRAP(int, epoll_pwait, -1, EINTR,
     (int fd, struct epoll_event *events, int max, int limit, const sigset_t *mask), (fd, events, max, limit, mask))
WRAP(int, epoll_pwait2, -1, EINTR,
     (int fd, struct epoll_event *events, int max, const struct timespec *limit, const sigset_t *mask),
     (fd, events, max, limit, mask))
WRAP(int, poll, -1, EINTR, (struct pollfd *items, nfds_t count, int limit), (items, count, limit))
WRAP(int, ppoll, -1, EINTR,
     (struct pollfd *items, nfds_t count, const struct timespec *limit, const sigset_t *mask),
     (items, count, limit, mask))
WRAP(int, signalfd, -1, EMFILE, (int fd, const sigset_t *mask, int flags), (fd, mask, flags))
WRAP(int, eventfd, -1, EMFILE, (unsigned value, int flags), (value, flags))
WRAP(int, timerfd_create, -1, EMFILE, (int clock, int flags), (clock, flags))
WRAP(int, timerfd_settime, -1, EINVAL,
     (int fd, int flags, const struct itimerspec *when, struct itimerspec *before), (fd, flags, when, before))
WRAP(int, close_range, -1, ENOSYS, (unsigned first, unsigned last, int flags), (first, last, flags))
WRAP(int, setsockopt, -1, ENOBUFS, (int fd, int level, int name, const void *value, socklen_t size),
     (fd, level, name, value, size))
WRAP(int, getsockopt, -1, ENOBUFS, (int fd, int level, int name, void *value, socklen_t *size),
     (fd, level, name, value, size))
WRAP(int, shutdown, -1, ENOTCONN, (int fd, int how), (fd, how))

WRAP(pid_t, fork, -1, EAGAIN, (void), ())
WRAP(int, setpgid, -1, EPERM, (pid_t pid, pid_t group), (pid, group))
WRAP(pid_t, setsid, -1, EPERM, (void), ())
WRAP(pid_t, waitpid, -1, EINTR, (pid_t pid, int *status, int flags), (pid, status, flags))
WRAP(pid_t, wait4, -1, EINTR, (pid_t pid, int *status, int flags, struct rusage *usage), (pid, status, flags, usage))
WRAP(int, waitid, -1, EINTR, (idtype_t type, id_t id, siginfo_t *info, int flags), (type, id, info, flags))
WRAP(int, execve, -1, ENOMEM, (const char *path, char *const *argv, char *const *env), (path, argv, env))
WRAP(int, execvpe, -1, ENOMEM, (const char *path, char *const *argv, char *const *env), (path, argv, env))
WRAP(int, execveat, -1, ENOMEM, (int fd, const char *path, char *const *argv, char *const *env, int flags),
     (fd, path, argv, env, flags))
WRAP(int, fexecve, -1, ENOMEM, (int fd, char *const *argv, char *const *env), (fd, argv, env))
WRAP(int, posix_spawn, errno, EAGAIN,
     (pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
      char *const *argv, char *const *env), (pid, path, actions, attributes, argv, env))
WRAP(int, chdir, -1, ENOENT, (const char *path), (path))
WRAP(int, fchdir, -1, ENOENT, (int fd), (fd))
WRAP(int, access, -1, EACCES, (const char *path, int mode), (path, mode))
WRAP(int, getrlimit, -1, EPERM, (__rlimit_resource_t which, struct rlimit *out), (which, out))
WRAP(int, setrlimit, -1, EPERM, (__rlimit_resource_t which, const struct rlimit *limit), (which, limit))
WRAP(int, sched_getaffinity, -1, EINVAL, (pid_t pid, size_t size, cpu_set_t *set), (pid, size, set))
WRAP(int, sigaction, -1, EINVAL, (int number, const struct sigaction *action, struct sigaction *before),
     (number, action, before))
WRAP(int, sigaltstack, -1, ENOMEM, (const stack_t *stack, stack_t *before), (stack, before))
WRAP(int, pthread_sigmask, errno, EINVAL, (int how, const sigset_t *set, sigset_t *before), (how, set, before))
WRAP(int, sigprocmask, -1, EINVAL, (int how, const sigset_t *set, sigset_t *before), (how, set, before))
WRAP(int, pthread_create, errno, EAGAIN,
     (pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *context),
     (thread, attributes, function, context))
WRAP(int, pthread_atfork, errno, ENOMEM, (void (*prepare)(void), void (*parent)(void), void (*child)(void)),
     (prepare, parent, child))
WRAP(int, nanosleep, -1, EINTR, (const struct timespec *rest, struct timespec *left), (rest, left))
WRAP(int, clock_nanosleep, errno, EINTR,
     (clockid_t clock, int flags, const struct timespec *rest, struct timespec *left), (clock, flags, rest, left))

int __wrap_getrlimit64(__rlimit_resource_t which, struct rlimit *out);
int __wrap_getrlimit64(__rlimit_resource_t which, struct rlimit *out)
{
	return hit("getrlimit", EPERM, SITE) ? -1 : getrlimit(which, out);
}

int __wrap_setrlimit64(__rlimit_resource_t which, const struct rlimit *limit);
int __wrap_setrlimit64(__rlimit_resource_t which, const struct rlimit *limit)
{
	return hit("setrlimit", EPERM, SITE) ? -1 : setrlimit(which, limit);
}

/* Linux lets go of the descriptor whatever close answers. */
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	bool fails = hit("close", EINTR, SITE);
	int error = errno, result = close(fd);
	if (!fails || result < 0)
		return result;
	errno = error;
	return -1;
}

static mode_t mode_of(int flags, va_list arguments)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? (mode_t)va_arg(arguments, unsigned) : 0;
}

#define WRAP_OPEN(name) \
	int __wrap_##name(const char *path, int flags, ...); \
	int __wrap_##name(const char *path, int flags, ...) \
	{ \
		if (hit("open", EMFILE, SITE)) \
			return -1; \
		va_list arguments; \
		va_start(arguments, flags); \
		int fd = open(path, flags, mode_of(flags, arguments)); \
		va_end(arguments); \
		return fd; \
	}
WRAP_OPEN(open)
WRAP_OPEN(open64)

#define WRAP_OPENAT(name) \
	int __wrap_##name(int at, const char *path, int flags, ...); \
	int __wrap_##name(int at, const char *path, int flags, ...) \
	{ \
		if (hit("openat", EMFILE, SITE)) \
			return -1; \
		va_list arguments; \
		va_start(arguments, flags); \
		int fd = openat(at, path, flags, mode_of(flags, arguments)); \
		va_end(arguments); \
		return fd; \
	}
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)

/* Every command's argument fits a long, and is not looked at where there is none. */
#define WRAP_FCNTL(name) \
	int __wrap_##name(int fd, int command, ...); \
	int __wrap_##name(int fd, int command, ...) \
	{ \
		if (hit("fcntl", command == F_DUPFD || command == F_DUPFD_CLOEXEC ? EMFILE : EPERM, SITE)) \
			return -1; \
		va_list arguments; \
		va_start(arguments, command); \
		long argument = va_arg(arguments, long); \
		va_end(arguments); \
		return fcntl(fd, command, argument); \
	}
WRAP_FCNTL(fcntl)
WRAP_FCNTL(fcntl64)

int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
	if (hit("prctl", EPERM, SITE))
		return -1;
	unsigned long with[4];
	va_list arguments;
	va_start(arguments, option);
	for (int i = 0; i < 4; i++)
		with[i] = va_arg(arguments, unsigned long);
	va_end(arguments);
	return prctl(option, with[0], with[1], with[2], with[3]);
}

int __wrap_clone(int (*function)(void *), void *stack, int flags, void *context, ...);
int __wrap_clone(int (*function)(void *), void *stack, int flags, void *context, ...)
{
	if (hit("clone", EAGAIN, SITE))
		return -1;
	void *with[3];
	va_list arguments;
	va_start(arguments, context);
	for (int i = 0; i < 3; i++)
		with[i] = va_arg(arguments, void *);
	va_end(arguments);
	return clone(function, stack, flags, context, with[0], with[1], with[2]);
}

/* What cannot fail, or whose failure nobody could answer, passes: ids, ends and the sending of signals. */
static const struct {
	long number;
	const char *name;
	int error;
} calls[] = {
	{SYS_clone, "clone", EAGAIN},
	{SYS_clone3, "clone3", EAGAIN},
	{SYS_pidfd_open, "pidfd_open", EMFILE},
	{SYS_close_range, "close_range", ENOSYS},
	{SYS_memfd_create, "memfd_create", EMFILE},
	{SYS_waitid, "waitid", EINTR},
	{SYS_wait4, "wait4", EINTR},
	{SYS_execve, "execve", ENOMEM},
	{SYS_execveat, "execveat", ENOMEM},
	{SYS_futex, "futex", EINTR},
	{SYS_membarrier, "membarrier", EPERM},
	{SYS_rt_sigprocmask, "sigprocmask", EINVAL},
	{SYS_rt_sigaction, "sigaction", EINVAL},
	{SYS_process_vm_readv, "process_vm_readv", EPERM},
	{SYS_sched_getaffinity, "sched_getaffinity", EINVAL},
};

long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (calls[i].number == number) {
			if (hit(calls[i].name, calls[i].error, SITE))
				return -1;
			break;
		}
	long with[6];
	va_list arguments;
	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		with[i] = va_arg(arguments, long);
	va_end(arguments);
	return syscall(number, with[0], with[1], with[2], with[3], with[4], with[5]);
}

/* How much one call may move. Datagrams and the kernel's counters (eventfd and its like) go whole or not at all. */
static size_t bounded(int fd, size_t size)
{
	if (!page || !page->most || size <= page->most)
		return size;
	int saved = errno, type;
	socklen_t length = sizeof type;
	char path[32], target[32];
	bool whole;
	if (!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length)) {
		whole = type != SOCK_STREAM;
	} else {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t count = readlink(path, target, sizeof target);
		whole = count >= 11 && !memcmp(target, "anon_inode:", 11);
	}
	errno = saved;
	return whole ? size : page->most;
}

#define WRAP_MOVE(name, usual, parameters, arguments) \
	ssize_t __wrap_##name parameters; \
	ssize_t __wrap_##name parameters \
	{ \
		if (hit(#name, usual, SITE)) \
			return -1; \
		size = bounded(fd, size); \
		return name arguments; \
	}

WRAP_MOVE(read, EIO, (int fd, void *data, size_t size), (fd, data, size))
WRAP_MOVE(write, EIO, (int fd, const void *data, size_t size), (fd, data, size))
WRAP_MOVE(send, ENOBUFS, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags))
WRAP_MOVE(recv, ENOMEM, (int fd, void *data, size_t size, int flags), (fd, data, size, flags))
WRAP_MOVE(pread, EIO, (int fd, void *data, size_t size, off_t offset), (fd, data, size, offset))
WRAP_MOVE(pwrite, EIO, (int fd, const void *data, size_t size, off_t offset), (fd, data, size, offset))

ssize_t __wrap_pread64(int fd, void *data, size_t size, off_t offset);
ssize_t __wrap_pread64(int fd, void *data, size_t size, off_t offset)
{
	return hit("pread", EIO, SITE) ? -1 : pread(fd, data, bounded(fd, size), offset);
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t size, off_t offset)
{
	return hit("pwrite", EIO, SITE) ? -1 : pwrite(fd, data, bounded(fd, size), offset);
}

/* The first part that is not empty, cut to the bound: what a vector comes down to. False: it is short enough. */
static bool first_part(int fd, const struct iovec *parts, size_t count, struct iovec *out)
{
	size_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += parts[i].iov_len;
	size_t most = bounded(fd, total);
	if (most == total)
		return false;
	for (size_t i = 0; i < count; i++)
		if (parts[i].iov_len) {
			*out = parts[i];
			if (out->iov_len > most)
				out->iov_len = most;
			return true;
		}
	return false;
}

#define WRAP_VECTOR(name, usual) \
	ssize_t __wrap_##name(int fd, const struct iovec *parts, int count); \
	ssize_t __wrap_##name(int fd, const struct iovec *parts, int count) \
	{ \
		struct iovec part; \
		if (hit(#name, usual, SITE)) \
			return -1; \
		return count > 0 && first_part(fd, parts, (size_t)count, &part) ? name(fd, &part, 1) \
										 : name(fd, parts, count); \
	}
WRAP_VECTOR(readv, EIO)
WRAP_VECTOR(writev, EIO)

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct iovec part;
	struct msghdr cut = *message;
	if (hit("sendmsg", ENOBUFS, SITE))
		return -1;
	if (!first_part(fd, message->msg_iov, message->msg_iovlen, &part))
		return sendmsg(fd, message, flags);
	cut.msg_iov = &part;
	cut.msg_iovlen = 1;
	return sendmsg(fd, &cut, flags);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
	struct iovec part, *parts = message->msg_iov;
	size_t count = message->msg_iovlen;
	if (hit("recvmsg", ENOMEM, SITE))
		return -1;
	if (!first_part(fd, parts, count, &part))
		return recvmsg(fd, message, flags);
	message->msg_iov = &part;
	message->msg_iovlen = 1;
	ssize_t result = recvmsg(fd, message, flags);
	message->msg_iov = parts;
	message->msg_iovlen = count;
	return result;
}

static void arm(unsigned n, int error, bool from)
{
	atomic_store(&page->armed, false);
	atomic_store(&page->seen, 0);
	atomic_store(&page->failed, NULL);
	page->target = n;
	page->error = error;
	page->from = from;
	atomic_store(&page->armed, true);
}

void faults_fail(unsigned n, int error)
{
	arm(n, error, false);
}

void faults_fail_from(unsigned n, int error)
{
	arm(n, error, true);
}

void faults_off(void)
{
	atomic_store(&page->armed, false);
}

unsigned faults_seen(void)
{
	return atomic_load(&page->seen);
}

const char *faults_failed(void)
{
	return atomic_load(&page->failed);
}

static void set_names(char out[NAMES], const char *names)
{
	ck_assert_msg(!names || strlen(names) < NAMES, "too many names of calls");
	strcpy(out, names ? names : "");
}

void faults_only(const char *names)
{
	set_names(page->only, names);
}

void faults_except(const char *names)
{
	set_names(page->except, names);
}

void faults_short(size_t most)
{
	page->most = most;
}

/* Where the failed call was made, in the form that addr2line -e takes for this program. */
static void say_where(unsigned n, const char *what)
{
	Dl_info info = {0};
	const char *failed = atomic_load(&page->failed);
	void *site = atomic_load(&page->site);
	fprintf(stderr, "faults: with call %u failing", n);
	if (failed && site && dladdr(site, &info) && info.dli_fbase)
		fprintf(stderr, " (%s, at %s+0x%lx)", failed, info.dli_fname,
			(unsigned long)((uintptr_t)site - (uintptr_t)info.dli_fbase - 1));
	fprintf(stderr, ": %s\n", what);
}

struct run {
	void (*scenario)(void *context);
	void *context;
	const struct faults_plan *plan;
	unsigned n;
};

static void run_armed(void *context)
{
	struct run *run = context;
	arm(run->n, run->plan->error, run->plan->from);
	run->scenario(run->context);
	faults_off();
}

struct look {
	pid_t pid;
	int status;
};

static bool has_ended(void *context)
{
	struct look *look = context;
	return waitpid(look->pid, &look->status, WNOHANG) == look->pid;
}

static void run_once(struct run *run, double deadline)
{
	/* What the guards wait comes on top. The process's own deadline is the later one, for when this process is gone. */
	enum { GUARDS = 3 };
	deadline += GUARDS;
	struct look look = {.pid = support_fork(run_armed, run, 2 * deadline)};
	bool ended = support_wait_until(has_ended, &look, deadline);
	faults_off();
	if (!ended) {
		say_where(run->n, "still running at the deadline");
		kill(look.pid, SIGKILL);
		waitpid(look.pid, NULL, 0);
		ck_abort_msg("with call %u (%s) failing, the scenario hung", run->n, faults_failed() ? faults_failed() : "-");
	}
	if (!look.status)
		return;
	char text[128];
	if (WIFSIGNALED(look.status))
		snprintf(text, sizeof text, "ended by signal %d (%s)", WTERMSIG(look.status),
			 strsignal(WTERMSIG(look.status)));
	else
		snprintf(text, sizeof text, "ended with exit code %d", WEXITSTATUS(look.status));
	say_where(run->n, text);
	/* An assertion in there has given Check its message, which another one would hide. */
	if (WIFEXITED(look.status) && WEXITSTATUS(look.status) == 1)
		_exit(1);
	ck_abort_msg("with call %u (%s) failing, the scenario %s", run->n, faults_failed() ? faults_failed() : "-", text);
}

unsigned faults_each_plan(void (*scenario)(void *context), void *context, const struct faults_plan *plan)
{
	enum { TOO_MANY = 100000 };
	struct run run = {.scenario = scenario, .context = context, .plan = plan};
	double deadline = plan->deadline > 0 ? plan->deadline : 10;
	faults_only(plan->only);
	faults_except(plan->except);
	if (plan->mappings)
		support_watch_mappings();
	for (run.n = 1; run.n < TOO_MANY; run.n++) {
		run_once(&run, deadline);
		if (faults_seen() < run.n)
			break;
	}
	ck_assert_msg(run.n < TOO_MANY, "the scenario makes ever more calls");
	faults_only(NULL);
	faults_except(NULL);
	return run.n - 1;
}

unsigned faults_each(void (*scenario)(void *context), void *context)
{
	return faults_each_plan(scenario, context, &(const struct faults_plan){0});
}
