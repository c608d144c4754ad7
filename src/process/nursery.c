/* SPDX-License-Identifier: MIT */
#include "process/nursery.h"

#include "base/lineage.h"
#include "base/signals.h"
#include "process/fork.h"
#include "process/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* As many reports as go into one message. */
enum { BUNDLE = 32, PENDING = 4096, ORDER_START = 1, ORDER_SIGNAL, ORDER_LEAVE };

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
	struct nursery_plan plan;
	struct fork_host host;
	/* In the host: reports that came in one message. */
	struct nursery_report bundle[BUNDLE];
	int next, count;
	struct ward *ward; /* in the nursery */
};

/*
 * What changes in the nursery from one fork to the next. It is not passed on: each worker would keep a copy, of the
 * moment of its own fork, of every page of it.
 */
struct ward {
	struct worker_entry workers[NURSERY_LIMIT];
	size_t living;
	/* Reports that the host has not taken yet, since the nursery waits for nobody. */
	struct nursery_report pending[PENDING];
	size_t pending_count;
	int signals;
	bool leaving, news; /* news: there is a report that is worth to wake the host for */
};

/* --- in the nursery --- */

/* As many reports as the socket takes; all, where it is to wait. */
static void flush_reports(struct nursery *nursery, int flags)
{
	struct ward *ward = nursery->ward;
	size_t sent = 0;
	while (sent < ward->pending_count) {
		size_t count = ward->pending_count - sent < BUNDLE ? ward->pending_count - sent : BUNDLE;
		ssize_t size = send(nursery->socket, ward->pending + sent, count * sizeof *ward->pending, MSG_NOSIGNAL | flags);
		if (size >= 0)
			sent += count;
		else if (errno != EINTR)
			break;
	}
	ward->pending_count -= sent;
	memmove(ward->pending, ward->pending + sent, ward->pending_count * sizeof *ward->pending);
}

static void report(struct nursery *nursery, const struct nursery_report *what)
{
	struct ward *ward = nursery->ward;
	if (ward->pending_count == PENDING)
		flush_reports(nursery, 0);
	/* Nothing could be sent only where the host has gone. */
	if (ward->pending_count < PENDING)
		ward->pending[ward->pending_count++] = *what;
	ward->news |= !nursery->plan.brief || what->kind != NURSERY_STARTED || what->error;
}

static void start_worker(struct nursery *nursery, int number)
{
	struct nursery_report what = {.kind = NURSERY_STARTED, .number = number};
	struct ward *ward = nursery->ward;
	const pid_t self = getpid();
	const int signals = ward->signals;
	pid_t pid = -1;
	errno = EAGAIN;
	if (ward->living < NURSERY_LIMIT)
		pid = fork();
	if (!pid) {
		close(signals);
		fork_settle(&nursery->host, self, &nursery->bell, 1);
		fork_leave(nursery->plan.work(nursery, nursery->plan.context, number));
	}
	if (pid < 0) {
		what.error = -errno;
	} else {
		/* Both sides do it, so that it is done before either goes on. */
		setpgid(pid, pid);
		ward->workers[ward->living++] = (struct worker_entry){pid, number};
		what.status.pid = pid;
	}
	report(nursery, &what);
}

static struct worker_entry *find_worker(struct ward *ward, pid_t pid, int number)
{
	for (size_t i = 0; i < ward->living; i++)
		if (ward->workers[i].pid == pid || ward->workers[i].number == number)
			return &ward->workers[i];
	return NULL;
}

static void end_all(struct nursery *nursery)
{
	for (size_t i = 0; i < nursery->ward->living; i++)
		kill(-nursery->ward->workers[i].pid, SIGKILL);
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
	int error;
	do
		error = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
	while (error && errno == EINTR);
	if (error || !info.si_pid)
		return false;
	pid_t pid = info.si_pid;
	struct ward *ward = nursery->ward;
	struct worker_entry *worker = find_worker(ward, pid, -1);
	/* First, since somebody may wait for that. */
	if (worker && nursery->plan.ended)
		nursery->plan.ended(nursery->plan.context, worker->number);
	/* While its leader has not been reaped, the group is certainly the worker's. */
	kill(-pid, SIGKILL);
	int wait_status = 0;
	struct rusage usage = {0};
	while (wait4(pid, &wait_status, 0, &usage) < 0 && errno == EINTR)
		;
	if (worker) {
		struct nursery_report what = {.kind = NURSERY_ENDED, .number = worker->number};
		set_status(&what.status, pid, wait_status, &usage);
		*worker = ward->workers[--ward->living];
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
		worker = find_worker(nursery->ward, 0, order->number);
		if (worker)
			kill(-worker->pid, order->signal);
		break;
	default:
		nursery->ward->leaving = true;
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
	nursery->ward->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

_Noreturn static void run_nursery(struct nursery *nursery)
{
	fork_take_over();
	prctl(PR_SET_NAME, "brood-nursery");
	int keep[] = {nursery->socket, nursery->bell};
	lineage_enter(keep, 2);
	lineage_hold(true);
	madvise(nursery->ward, sizeof *nursery->ward, MADV_DONTFORK);
	open_signals(nursery);
	const int signals = nursery->ward->signals;
	const pid_t host = getppid();
	nursery->ward->leaving = nursery->plan.brief;
	for (int i = 0; i < nursery->plan.count; i++)
		start_worker(nursery, i);
	for (;;) {
		struct ward *ward = nursery->ward;
		bool last = ward->leaving && !ward->living;
		if (last || ward->news)
			flush_reports(nursery, last ? 0 : MSG_DONTWAIT);
		if (last)
			_exit(0);
		if (!ward->pending_count)
			ward->news = false;
		const short orders = ward->news ? POLLIN | POLLOUT : POLLIN;
		/* Without a descriptor for signals, which is -1, it looks every 10 ms. */
		struct pollfd items[] = {{.fd = nursery->socket, .events = orders}, {.fd = signals, .events = POLLIN}};
		if (!poll(items, 2, signals < 0 || ward->pending_count ? 10 : -1))
			ward->news = ward->pending_count;
		struct signalfd_siginfo info;
		if (items[1].revents && read(signals, &info, sizeof info) < 0 && errno != EAGAIN && errno != EINTR)
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

int nursery_new(struct nursery **out, const struct nursery_plan *plan)
{
	int pair[2], bell[2];
	struct nursery *nursery = calloc(1, sizeof *nursery);
	struct ward *ward = mmap(NULL, sizeof *ward, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int error = nursery && ward != MAP_FAILED ? lineage_socketpair(SOCK_SEQPACKET, pair) : -ENOMEM;
	if (!error) {
		error = lineage_pipe(bell);
		if (error) {
			lineage_close(pair[0]);
			lineage_close(pair[1]);
		}
	}
	if (error) {
		if (ward != MAP_FAILED)
			munmap(ward, sizeof *ward);
		free(nursery);
		return error;
	}
	struct stat pipe = {0};
	fstat(bell[0], &pipe);
	*nursery = (struct nursery){.socket = pair[1], .bell = bell[1], .bell_id = pipe.st_ino, .plan = *plan};
	nursery->ward = ward;
	fork_ready(&nursery->host);
	pid_t pid = fork_keeper();
	if (!pid)
		run_nursery(nursery);
	error = pid < 0 ? -errno : 0;
	signals_restore(&nursery->host.mask);
	close_ends(nursery);
	munmap(ward, sizeof *ward);
	nursery->ward = NULL;
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
	if (size >= 0)
		return 0;
	/* An order that does not arrive would be waited for: a nursery that cannot be told is as good as gone. */
	shutdown(nursery->socket, SHUT_RDWR);
	return -EPIPE;
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
