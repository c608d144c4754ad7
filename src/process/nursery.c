/* SPDX-License-Identifier: MIT */
#include "process/nursery.h"

#include "base/lineage.h"
#include "base/signals.h"
#include "process/fork.h"
#include "process/keeper.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* As many reports as go into one message. */
enum { BUNDLE = 32, ORDER_START = 1, ORDER_SIGNAL, ORDER_LEAVE };

struct order {
	int32_t kind, number, signal;
};

struct worker_entry {
	pid_t pid;
	int number;
};

struct nursery {
	pid_t pid;
	int socket;    /* the host's end; the nursery's in the nursery */
	int bell;      /* the end to read in the host, the end to ring elsewhere */
	ino_t bell_id; /* of the pipe */
	nursery_work_fn *work;
	void *context;
	struct fork_host host;
	/* In the host: reports that came in one message. */
	struct nursery_report bundle[BUNDLE];
	int next, count;
	/* In the nursery: reports that the host has not taken yet, since the nursery waits for nobody. */
	struct nursery_report *pending;
	size_t pending_count, pending_capacity;
	struct worker_entry *workers;
	size_t living, capacity;
	int signals;
	bool leaving;
};

/* --- in the nursery --- */

/* As many reports as the socket takes; all, where it is to wait. */
static void flush_reports(struct nursery *nursery, int flags)
{
	size_t sent = 0;
	while (sent < nursery->pending_count) {
		size_t count = nursery->pending_count - sent < BUNDLE ? nursery->pending_count - sent : BUNDLE;
		ssize_t size = send(nursery->socket, nursery->pending + sent, count * sizeof *nursery->pending, MSG_NOSIGNAL | flags);
		if (size >= 0)
			sent += count;
		else if (errno != EINTR)
			break;
	}
	nursery->pending_count -= sent;
	memmove(nursery->pending, nursery->pending + sent, nursery->pending_count * sizeof *nursery->pending);
}

static void report(struct nursery *nursery, const struct nursery_report *what)
{
	if (nursery->pending_count == nursery->pending_capacity) {
		size_t capacity = 2 * nursery->pending_capacity;
		struct nursery_report *pending = realloc(nursery->pending, capacity * sizeof *pending);
		if (pending) {
			nursery->pending = pending;
			nursery->pending_capacity = capacity;
		} else {
			flush_reports(nursery, 0);
		}
	}
	nursery->pending[nursery->pending_count++] = *what;
}

static void run_worker(struct nursery *nursery, pid_t parent, int number)
{
	close(nursery->signals);
	free(nursery->workers);
	free(nursery->pending);
	fork_settle(&nursery->host, parent, &nursery->bell, 1);
	fork_leave(nursery->work(nursery, nursery->context, number));
}

static int make_room(struct nursery *nursery)
{
	if (nursery->living < nursery->capacity)
		return 0;
	size_t capacity = nursery->capacity ? 2 * nursery->capacity : 16;
	struct worker_entry *workers = realloc(nursery->workers, capacity * sizeof *workers);
	if (!workers)
		return -ENOMEM;
	nursery->workers = workers;
	nursery->capacity = capacity;
	return 0;
}

static void start_worker(struct nursery *nursery, int number)
{
	struct nursery_report what = {.kind = NURSERY_STARTED, .number = number};
	pid_t self = getpid();
	what.error = make_room(nursery);
	if (!what.error) {
		pid_t pid = fork();
		if (!pid)
			run_worker(nursery, self, number);
		if (pid < 0) {
			what.error = -errno;
		} else {
			/* Both sides do it, so that it is done before either goes on. */
			setpgid(pid, pid);
			nursery->workers[nursery->living++] = (struct worker_entry){pid, number};
			what.status.pid = pid;
		}
	}
	report(nursery, &what);
}

static struct worker_entry *find_worker(struct nursery *nursery, pid_t pid, int number)
{
	for (size_t i = 0; i < nursery->living; i++)
		if (nursery->workers[i].pid == pid || nursery->workers[i].number == number)
			return &nursery->workers[i];
	return NULL;
}

static void end_all(struct nursery *nursery)
{
	for (size_t i = 0; i < nursery->living; i++)
		kill(-nursery->workers[i].pid, SIGKILL);
	/* Also after a nursery that has gone there are no zombies. */
	while (wait(NULL) > 0 || errno == EINTR)
		;
	_exit(0);
}

static void set_status(struct brood_status *status, pid_t pid, int wait_status, const struct rusage *usage)
{
	status->pid = pid;
	if (WIFSIGNALED(wait_status)) {
		status->signal = WTERMSIG(wait_status);
		status->core_dumped = WCOREDUMP(wait_status);
	} else {
		status->exit_code = WEXITSTATUS(wait_status);
	}
	status->user_seconds = (double)usage->ru_utime.tv_sec + (double)usage->ru_utime.tv_usec * 1e-6;
	status->system_seconds = (double)usage->ru_stime.tv_sec + (double)usage->ru_stime.tv_usec * 1e-6;
	status->peak_bytes = (size_t)usage->ru_maxrss * 1024;
}

/* One worker that has ended: false, there is none. */
static bool collect(struct nursery *nursery)
{
	siginfo_t info = {0};
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
		return false;
	pid_t pid = info.si_pid;
	/* While its leader has not been reaped, the group is certainly the worker's. */
	kill(-pid, SIGKILL);
	int wait_status = 0;
	struct rusage usage = {0};
	while (wait4(pid, &wait_status, 0, &usage) < 0 && errno == EINTR)
		;
	struct worker_entry *worker = find_worker(nursery, pid, -1);
	if (worker) {
		struct nursery_report what = {.kind = NURSERY_ENDED, .number = worker->number};
		set_status(&what.status, pid, wait_status, &usage);
		*worker = nursery->workers[--nursery->living];
		report(nursery, &what);
	}
	return true;
}

static void obey(struct nursery *nursery, const struct order *order)
{
	struct worker_entry *worker;
	switch (order->kind) {
	case ORDER_START:
		start_worker(nursery, order->number);
		break;
	case ORDER_SIGNAL:
		worker = find_worker(nursery, 0, order->number);
		if (worker)
			kill(-worker->pid, order->signal);
		break;
	default:
		nursery->leaving = true;
	}
}

/* All orders that have come; ends the process, and the workers, where after them the host has gone. */
static void take_orders(struct nursery *nursery)
{
	for (bool gone = false;;) {
		struct order order;
		ssize_t size = recv(nursery->socket, &order, sizeof order, MSG_DONTWAIT);
		if (size == (ssize_t)sizeof order)
			obey(nursery, &order);
		else if (size < 0 && (errno == EAGAIN || errno == ENOMEM))
			return;
		else if (size < 0 && errno == EINTR)
			continue;
		else if (gone)
			end_all(nursery);
		/* What came while the kernel was looking is behind the first word of the end; and a reset is told before it. */
		else
			gone = true;
	}
}

static void open_signals(struct nursery *nursery)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	nursery->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

_Noreturn static void run_nursery(struct nursery *nursery, int count)
{
	fork_take_over();
	prctl(PR_SET_NAME, "brood-nursery");
	int keep[] = {nursery->socket, nursery->bell};
	lineage_enter(keep, 2);
	lineage_hold(true);
	open_signals(nursery);
	const pid_t host = getppid();
	for (int i = 0; i < count; i++)
		start_worker(nursery, i);
	for (;;) {
		bool last = nursery->leaving && !nursery->living;
		flush_reports(nursery, last ? 0 : MSG_DONTWAIT);
		if (last)
			_exit(0);
		const short orders = nursery->pending_count ? POLLIN | POLLOUT : POLLIN;
		/* Without a descriptor for signals, which is -1, it looks every 10 ms. */
		struct pollfd items[] = {{.fd = nursery->socket, .events = orders}, {.fd = nursery->signals, .events = POLLIN}};
		poll(items, 2, nursery->signals < 0 ? 10 : -1);
		struct signalfd_siginfo info;
		if (items[1].revents && read(nursery->signals, &info, sizeof info) < 0 && errno != EAGAIN && errno != EINTR)
			end_all(nursery);
		while (collect(nursery))
			;
		/* Told by the parent-death signal, also where somebody holds a copy of the host's end of the socket. */
		if (getppid() != host)
			end_all(nursery);
		if (items[0].revents & ~POLLOUT)
			take_orders(nursery);
	}
}

/* --- in the host --- */

static void close_ends(struct nursery *nursery)
{
	lineage_close(nursery->socket);
	lineage_close(nursery->bell);
}

int nursery_new(struct nursery **out, nursery_work_fn *work, void *context, int count)
{
	int pair[2], bell[2];
	struct nursery *nursery = calloc(1, sizeof *nursery);
	struct nursery_report *pending = malloc(BUNDLE * sizeof *pending);
	int error = nursery && pending ? lineage_socketpair(SOCK_SEQPACKET, pair) : -ENOMEM;
	if (error) {
		free(pending);
		free(nursery);
		return error;
	}
	error = lineage_pipe(bell);
	if (error) {
		lineage_close(pair[0]);
		lineage_close(pair[1]);
		free(pending);
		free(nursery);
		return error;
	}
	struct stat pipe = {0};
	fstat(bell[0], &pipe);
	*nursery = (struct nursery){.socket = pair[1], .bell = bell[1], .bell_id = pipe.st_ino, .work = work, .context = context};
	/* For the nursery, where there is no failing any more. */
	nursery->pending = pending;
	nursery->pending_capacity = BUNDLE;
	fork_ready(&nursery->host);
	pid_t pid = fork_keeper();
	if (!pid)
		run_nursery(nursery, count);
	error = pid < 0 ? -errno : 0;
	signals_restore(&nursery->host.mask);
	close_ends(nursery);
	free(pending);
	nursery->pending = NULL;
	nursery->pid = pid;
	nursery->socket = pair[0];
	nursery->bell = bell[0];
	if (error) {
		close_ends(nursery);
		free(nursery);
		return error;
	}
	*out = nursery;
	return 0;
}

void nursery_free(struct nursery *nursery)
{
	if (!nursery)
		return;
	close_ends(nursery);
	while (waitpid(nursery->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	free(nursery);
}

void nursery_forget(struct nursery *nursery)
{
	free(nursery);
}

static int send_order(struct nursery *nursery, int kind, int number, int signal)
{
	struct order order = {.kind = kind, .number = number, .signal = signal};
	ssize_t size;
	do
		size = send(nursery->socket, &order, sizeof order, MSG_NOSIGNAL);
	while (size < 0 && errno == EINTR);
	return size < 0 ? -EPIPE : 0;
}

int nursery_start(struct nursery *nursery, int number)
{
	return send_order(nursery, ORDER_START, number, 0);
}

int nursery_signal(struct nursery *nursery, int number, int signal)
{
	return send_order(nursery, ORDER_SIGNAL, number, signal);
}

int nursery_leave(struct nursery *nursery)
{
	return send_order(nursery, ORDER_LEAVE, 0, 0);
}

int nursery_fd(const struct nursery *nursery)
{
	return nursery->socket;
}

/* Whatever has come: 1, 0 nothing, -EPIPE. A reset, and the first word of the end, are told before what came last. */
static int receive_bundle(struct nursery *nursery)
{
	for (bool gone = false;;) {
		ssize_t size = recv(nursery->socket, nursery->bundle, sizeof nursery->bundle, MSG_DONTWAIT);
		if (size > 0) {
			nursery->next = 0;
			nursery->count = (int)((size_t)size / sizeof *nursery->bundle);
			return 1;
		}
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && errno != ECONNRESET)
			return 0;
		if (gone)
			return -EPIPE;
		gone = true;
	}
}

int nursery_report(struct nursery *nursery, struct nursery_report *out)
{
	if (nursery->next == nursery->count) {
		int result = receive_bundle(nursery);
		if (result <= 0)
			return result;
	}
	*out = nursery->bundle[nursery->next++];
	return 1;
}

int nursery_bell(const struct nursery *nursery)
{
	return nursery->bell;
}

int nursery_quiet(struct nursery *nursery)
{
	char bytes[4096];
	ssize_t size;
	do
		size = read(nursery->bell, bytes, sizeof bytes);
	while (size == (ssize_t)sizeof bytes || (size < 0 && errno == EINTR));
	return size != 0;
}

void nursery_ring(void *context)
{
	const struct nursery *nursery = context;
	struct stat pipe;
	/* The worker may have closed the descriptor, and opened another by its number. */
	if (fstat(nursery->bell, &pipe) || pipe.st_ino != nursery->bell_id || !S_ISFIFO(pipe.st_mode))
		return;
	int error = errno;
	while (write(nursery->bell, "", 1) < 0 && errno == EINTR)
		;
	errno = error;
}
