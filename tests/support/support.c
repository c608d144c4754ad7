/* SPDX-License-Identifier: MIT */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Starts the message of a test that ended by support_skip; Check knows no third outcome. */
#define SKIP_MARK "\001skip "

enum { TARGET = 96, COMMAND = 32 };

#define PATIENCE 2.0 /* seconds */

#ifdef HAVE_VALGRIND
#include <valgrind/memcheck.h>
/* Looked at here and not at each process's end: a child that leaves by _exit from deep within has lost nothing. */
static bool has_leaked(void)
{
	unsigned long lost = 0, dubious = 0, reachable = 0, suppressed = 0;
	if (!RUNNING_ON_VALGRIND)
		return false;
	VALGRIND_DO_ADDED_LEAK_CHECK;
	VALGRIND_COUNT_LEAKS(lost, dubious, reachable, suppressed);
	(void)dubious, (void)reachable, (void)suppressed;
	return lost;
}
#else
static bool has_leaked(void)
{
	return false;
}
#endif

struct entry {
	long number;
	char state;
	char text[TARGET];
};

struct list {
	struct entry *entries;
	size_t count, capacity;
};

struct snapshot {
	struct list descriptors, children, orphans, threads, mappings;
	struct rlimit files;
};

static pid_t keeper, runner;
static int report_fd = -1;
static struct snapshot baseline;
static bool watches_mappings;
static double patience = PATIENCE;
static void (*final_hook)(void);

static void list_add(struct list *list, long number, char state, const char *text)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 64;
		struct entry *entries = realloc(list->entries, capacity * sizeof *entries);
		if (!entries)
			ck_abort_msg("the guards have no memory");
		list->entries = entries;
		list->capacity = capacity;
	}
	struct entry *entry = &list->entries[list->count++];
	entry->number = number;
	entry->state = state;
	snprintf(entry->text, sizeof entry->text, "%s", text);
}

static void snapshot_clear(struct snapshot *shot)
{
	free(shot->descriptors.entries);
	free(shot->children.entries);
	free(shot->orphans.entries);
	free(shot->threads.entries);
	free(shot->mappings.entries);
	*shot = (struct snapshot){0};
}

/* A whole small file of /proc as a string; its length, or -1. Plain calls, so that it works without any stdio. */
static ssize_t slurp(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size_t have = 0;
	while (have < size - 1) {
		ssize_t count = read(fd, text + have, size - 1 - have);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			break;
		have += (size_t)count;
	}
	close(fd);
	text[have] = 0;
	return have ? (ssize_t)have : -1;
}

/* The command's name may hold spaces and parentheses: what follows it starts behind the last of them. */
static char read_stat(long pid, pid_t *parent, char command[COMMAND])
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	if (slurp(path, text, sizeof text) < 0)
		return 0;
	char *open_at = strchr(text, '('), *close_at = strrchr(text, ')');
	char state;
	int ppid;
	if (!open_at || !close_at || close_at < open_at || sscanf(close_at + 1, " %c %d", &state, &ppid) != 2)
		return 0;
	if (parent)
		*parent = ppid;
	if (command)
		snprintf(command, COMMAND, "%.*s", (int)(close_at - open_at - 1), open_at + 1);
	return state;
}

static DIR *open_directory(const char *path)
{
	DIR *directory = opendir(path);
	if (!directory)
		ck_abort_msg("the guards cannot read %s: %s", path, strerror(errno));
	return directory;
}

static long number_of(const char *name)
{
	char *end;
	long number = strtol(name, &end, 10);
	return *name && !*end ? number : -1;
}

static void list_descriptors(struct list *list)
{
	DIR *directory = open_directory("/proc/self/fd");
	for (struct dirent *item; (item = readdir(directory));) {
		long fd = number_of(item->d_name);
		if (fd < 0 || fd == dirfd(directory))
			continue;
		char target[TARGET];
		ssize_t size = readlinkat(dirfd(directory), item->d_name, target, sizeof target - 1);
		target[size < 0 ? 0 : size] = 0;
		list_add(list, fd, 0, target);
	}
	closedir(directory);
}

/* Children of this process in any state, and orphans that are alive: those the keeper has not reaped yet are over. */
static void list_processes(struct list *children, struct list *orphans)
{
	DIR *directory = open_directory("/proc");
	for (struct dirent *item; (item = readdir(directory));) {
		long pid = number_of(item->d_name);
		pid_t parent;
		char command[COMMAND];
		char state = pid > 0 ? read_stat(pid, &parent, command) : 0;
		if (!state || pid == getpid())
			continue;
		if (parent == getpid())
			list_add(children, pid, state, command);
		else if (keeper && parent == keeper && pid != runner && state != 'Z' && state != 'X')
			list_add(orphans, pid, state, command);
	}
	closedir(directory);
}

static void list_threads(struct list *list)
{
	DIR *directory = open_directory("/proc/self/task");
	for (struct dirent *item; (item = readdir(directory));) {
		long tid = number_of(item->d_name);
		char path[64], command[COMMAND] = "";
		if (tid < 0)
			continue;
		snprintf(path, sizeof path, "/proc/self/task/%ld/comm", tid);
		if (slurp(path, command, sizeof command) > 0)
			command[strcspn(command, "\n")] = 0;
		list_add(list, tid, 0, command);
	}
	closedir(directory);
}

static void list_mappings(struct list *list)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	if (!maps)
		ck_abort_msg("the guards cannot read /proc/self/maps: %s", strerror(errno));
	char line[512];
	while (fgets(line, sizeof line, maps)) {
		unsigned long start;
		char permissions[8];
		if (sscanf(line, "%lx-%*x %7s", &start, permissions) != 2 || permissions[3] != 's')
			continue;
		line[strcspn(line, "\n")] = 0;
		list_add(list, (long)start, 0, line);
	}
	fclose(maps);
}

static void snapshot_take(struct snapshot *shot)
{
	snapshot_clear(shot);
	getrlimit(RLIMIT_NOFILE, &shot->files);
	list_descriptors(&shot->descriptors);
	list_processes(&shot->children, &shot->orphans);
	list_threads(&shot->threads);
	if (watches_mappings)
		list_mappings(&shot->mappings);
}

static const struct entry *list_find(const struct list *list, const struct entry *like, bool by_text)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].number == like->number && (!by_text || !strcmp(list->entries[i].text, like->text)))
			return &list->entries[i];
	return NULL;
}

__attribute__((__format__(__printf__, 3, 4))) static void append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text + used, size - used, format, arguments);
	va_end(arguments);
}

static void compare(const struct list *before, const struct list *after, const char *what, bool by_text, char *text,
		    size_t size)
{
	for (size_t i = 0; i < after->count; i++) {
		const struct entry *entry = &after->entries[i];
		if (list_find(before, entry, by_text))
			continue;
		append(text, size, "%sleft over: %s ", *text ? "; " : "", what);
		if (entry->state)
			append(text, size, "%ld (%s, state %c)", entry->number, entry->text, entry->state);
		else
			append(text, size, "%ld (%s)", entry->number, entry->text);
	}
	for (size_t i = 0; i < before->count; i++) {
		const struct entry *entry = &before->entries[i];
		if (!list_find(after, entry, by_text))
			append(text, size, "%smissing: %s %ld (%s)", *text ? "; " : "", what, entry->number, entry->text);
	}
}

void support_baseline(void)
{
	snapshot_take(&baseline);
}

const char *support_difference(double wait)
{
	static char text[4096];
	struct snapshot now = {0};
	struct rlimit files;

	/* A test that has used up its descriptors on purpose must not blind the guards. */
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < baseline.files.rlim_cur) {
		files.rlim_cur = baseline.files.rlim_cur < files.rlim_max ? baseline.files.rlim_cur : files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	for (double limit = support_now() + wait;;) {
		snapshot_take(&now);
		text[0] = 0;
		compare(&baseline.descriptors, &now.descriptors, "descriptor", true, text, sizeof text);
		compare(&baseline.children, &now.children, "child", false, text, sizeof text);
		/* One way only: orphans of before may well end meanwhile. */
		for (size_t i = 0; i < now.orphans.count; i++) {
			const struct entry *orphan = &now.orphans.entries[i];
			if (!list_find(&baseline.orphans, orphan, false))
				append(text, sizeof text, "%sleft over: orphan %ld (%s, state %c)", *text ? "; " : "",
				       orphan->number, orphan->text, orphan->state);
		}
		compare(&baseline.threads, &now.threads, "thread", false, text, sizeof text);
		if (watches_mappings)
			compare(&baseline.mappings, &now.mappings, "shared mapping", false, text, sizeof text);
		if (!*text || support_now() >= limit)
			break;
		support_sleep(0.005);
	}
	snapshot_clear(&now);
	return *text ? text : NULL;
}

/* Kills what the baseline does not have, again and again, since a killed process hands its own children on. */
static void kill_new(const struct snapshot *before)
{
	for (double limit = support_now() + PATIENCE; support_now() < limit;) {
		struct snapshot now = {0};
		bool any = false;
		list_processes(&now.children, &now.orphans);
		const struct list *lists[] = {&now.children, &now.orphans};
		const struct list *befores[] = {&before->children, &before->orphans};
		for (int which = 0; which < 2; which++)
			for (size_t i = 0; i < lists[which]->count; i++) {
				const struct entry *entry = &lists[which]->entries[i];
				if (entry->state == 'Z' || list_find(befores[which], entry, false))
					continue;
				kill((pid_t)entry->number, SIGKILL);
				any = true;
			}
		snapshot_clear(&now);
		if (!any)
			return;
		support_sleep(0.002);
	}
}

void support_finally(void (*hook)(void))
{
	final_hook = hook;
}

void support_patience(double seconds)
{
	patience = seconds;
}

void support_watch_mappings(void)
{
	watches_mappings = true;
	baseline.mappings.count = 0;
	list_mappings(&baseline.mappings);
}

void support_close_standard(void)
{
	struct list *list = &baseline.descriptors;
	size_t kept = 0;
	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].number > 2)
			list->entries[kept++] = list->entries[i];
	list->count = kept;
	for (int fd = 0; fd < 3; fd++)
		close(fd);
}

static void guard_before(void)
{
	static const struct snapshot nothing;

	/* The runner's own handlers, which kill the test's group: what a test forks would inherit them. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	/* What an earlier test left when it failed is not this one's fault. */
	kill_new(&nothing);
	if (report_fd >= 0) {
		close(report_fd);
		report_fd = -1;
	}
	/* Check's own descriptors are inherited by exec; a program that a test starts should see the test's alone. */
	snapshot_take(&baseline);
	for (size_t i = 0; i < baseline.descriptors.count; i++)
		if (baseline.descriptors.entries[i].number > 2)
			fcntl((int)baseline.descriptors.entries[i].number, F_SETFD, FD_CLOEXEC);
	watches_mappings = false;
	patience = PATIENCE;
	final_hook = NULL;
}

static void guard_after(void)
{
	support_storm_stop();
	if (final_hook)
		final_hook();
	const char *difference = support_difference(support_scale(patience));
	if (difference) {
		kill_new(&baseline);
		ck_abort_msg("%s", difference);
	}
	ck_assert_msg(!has_leaked(), "memory is lost");
	snapshot_clear(&baseline);
}

TCase *support_case(Suite *suite, const char *name, double timeout)
{
	TCase *test_case = tcase_create(name);
	tcase_add_checked_fixture(test_case, guard_before, guard_after);
	tcase_set_timeout(test_case, timeout);
	suite_add_tcase(suite, test_case);
	return test_case;
}

_Noreturn void support_skip(const char *format, ...)
{
	char reason[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reason, sizeof reason, format, arguments);
	va_end(arguments);
	guard_after();
	ck_abort_msg(SKIP_MARK "%s", reason);
	abort();
}

/* Without the directories in front of the test's file, which are those of the build. */
static const char *without_path(const char *name)
{
	const char *start = name;
	for (const char *at = name; *at && *at != ':'; at++)
		if (*at == '/')
			start = at + 1;
	return start;
}

/*
 * Check's TAP, with our skips in TAP's own form. What does not carry the next number is a further line of some message,
 * whatever it looks like.
 */
static bool print_report(FILE *report, FILE *out)
{
	char *line = NULL;
	size_t capacity = 0;
	int seen = 0;
	bool ended = false, failed = false;
	while (getline(&line, &capacity, report) > 0) {
		line[strcspn(line, "\n")] = 0;
		int number, end = 0;
		bool bad = !strncmp(line, "not ", 4);
		char *mark = strstr(line, SKIP_MARK);
		if (sscanf(line + (bad ? 4 : 0), "ok %d - %n", &number, &end) == 1 && end && number == seen + 1) {
			seen++;
			const char *name = without_path(line + end + (bad ? 4 : 0));
			if (bad && mark) {
				mark[mark > name + 1 ? -2 : 0] = 0;
				fprintf(out, "ok %d - %s # SKIP %s\n", number, name, mark + strlen(SKIP_MARK));
				continue;
			}
			failed = failed || bad;
			fprintf(out, "%sok %d - %s\n", bad ? "not " : "", number, name);
		} else if (sscanf(line, "1..%d%n", &number, &end) == 1 && !line[end] && number == seen) {
			ended = true;
			fprintf(out, "%s\n", line);
		} else {
			fprintf(out, "# %s\n", line);
		}
	}
	free(line);
	return ended && !failed;
}

static int run(Suite *(*make)(void), const char *report)
{
	SRunner *suites = srunner_create(make());
	srunner_set_tap(suites, report);
	srunner_run_all(suites, CK_SILENT);
	srunner_free(suites);
	return 0;
}

/* Reaps whatever comes to this process until the runner has ended: its wait status. */
static int keep(pid_t pid)
{
	for (int status;;) {
		pid_t ended = waitpid(-1, &status, __WALL);
		if (ended == pid)
			return status;
		if (ended < 0 && errno != EINTR)
			return -1;
	}
}

static void sweep(void)
{
	static const struct snapshot nothing;
	kill_new(&nothing);
	while (waitpid(-1, NULL, __WALL | WNOHANG) > 0)
		;
}

int support_main(Suite *(*make)(void))
{
	/* A test may take these for granted, wherever this program was started from. */
	for (int fd = open("/dev/null", O_RDWR); fd >= 0; fd = open("/dev/null", O_RDWR))
		if (fd > 2) {
			close(fd);
			break;
		}
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);

	int tap = memfd_create("tap", MFD_CLOEXEC);
	report_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (tap < 0 || report_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
		perror("support_main");
		return 1;
	}
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", tap);

	pid_t self = getpid();
	fflush(NULL);
	pid_t child = fork();
	if (child < 0) {
		perror("fork");
		return 1;
	}
	if (!child) {
		/* Check answers SIGTERM by killing the running test's group. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != self)
			_exit(1);
		keeper = self;
		runner = getpid();
		dup2(STDERR_FILENO, STDOUT_FILENO);
		int code = run(make, path);
		fflush(NULL);
		exit(code);
	}
	int status = keep(child);
	sweep();

	FILE *report = fdopen(tap, "r"), *out = fdopen(report_fd, "w");
	if (!report || !out)
		return 1;
	rewind(report);
	bool good = print_report(report, out);
	if (status) {
		good = false;
		fprintf(out, "Bail out! the runner ended with wait status 0x%x\n", (unsigned)status);
	}
	fclose(report);
	fclose(out);
	return good ? 0 : 1;
}

double support_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double support_scale(double seconds)
{
	const char *text = getenv("CK_TIMEOUT_MULTIPLIER");
	double factor = text ? strtod(text, NULL) : 1;
	return factor > 1 ? seconds * factor : seconds;
}

void support_sleep(double seconds)
{
	struct timespec rest = {.tv_sec = (time_t)seconds};
	rest.tv_nsec = (long)((seconds - (double)rest.tv_sec) * 1e9);
	while (nanosleep(&rest, &rest) < 0 && errno == EINTR)
		;
}

bool support_wait_until(bool (*predicate)(void *context), void *context, double timeout)
{
	double limit = support_now() + support_scale(timeout);
	for (;;) {
		if (predicate(context))
			return true;
		if (support_now() >= limit)
			return false;
		support_sleep(0.001);
	}
}

/* An interval timer would be in the way of tests that set one; this kind is not inherited and needs no handler. */
void support_deadline(double seconds)
{
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	double scaled = support_scale(seconds);
	struct itimerspec when = {.it_value.tv_sec = (time_t)scaled};
	when.it_value.tv_nsec = (long)((scaled - (double)when.it_value.tv_sec) * 1e9);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &when, NULL) < 0)
		ck_abort_msg("no deadline: %s", strerror(errno));
}

static volatile sig_atomic_t storming;
static volatile unsigned long storm_count;
static struct sigaction storm_before;

static double storm_interval;

/*
 * Each signal sets the time of the next. A fork that takes longer than the interval is begun again by the kernel at each
 * signal, for ever if they come evenly: so that every 64th rest is a hundred times as long.
 */
static void storm_next(void)
{
	double rest = storm_count % 64 == 63 ? 100 * storm_interval : storm_interval;
	struct itimerval when = {.it_value.tv_sec = (time_t)rest};
	when.it_value.tv_usec = (suseconds_t)((rest - (double)when.it_value.tv_sec) * 1e6) + 1;
	setitimer(ITIMER_REAL, &when, NULL);
}

static void storm_hit(int signal)
{
	(void)signal;
	int saved = errno;
	storm_count++;
	storm_next();
	errno = saved;
}

void support_storm_start(double interval)
{
	struct sigaction action = {.sa_handler = storm_hit};
	storm_count = 0;
	storm_interval = support_scale(interval);
	sigaction(SIGALRM, &action, &storm_before);
	storming = 1;
	storm_next();
}

void support_storm_stop(void)
{
	if (!storming)
		return;
	sigset_t alarm, before;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, &before);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	/* One that is pending would come to the handler of before, which may be none. Ignoring it takes it away. */
	signal(SIGALRM, SIG_IGN);
	sigaction(SIGALRM, &storm_before, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	storming = 0;
}

unsigned long support_storm_count(void)
{
	return storm_count;
}

static int count_and_clear(struct list *list)
{
	int count = (int)list->count;
	free(list->entries);
	return count;
}

int support_descriptors(void)
{
	struct list list = {0};
	list_descriptors(&list);
	return count_and_clear(&list);
}

int support_threads(void)
{
	struct list list = {0};
	list_threads(&list);
	return count_and_clear(&list);
}

pid_t support_child_named(const char *name)
{
	pid_t found = 0;
	DIR *directory = opendir("/proc");
	for (struct dirent *item; directory && (item = readdir(directory));) {
		char path[300], text[300] = "", command[64] = "";
		int parent = 0;
		snprintf(path, sizeof path, "/proc/%s/stat", item->d_name);
		FILE *file = atoi(item->d_name) > 0 ? fopen(path, "re") : NULL;
		if (!file)
			continue;
		if (fgets(text, sizeof text, file) && sscanf(text, "%*d (%63[^)]) %*c %d", command, &parent) == 2 &&
		    parent == getpid() && !strcmp(command, name))
			found = atoi(item->d_name);
		fclose(file);
	}
	if (directory)
		closedir(directory);
	return found;
}

int support_children(void)
{
	struct list children = {0}, orphans = {0};
	list_processes(&children, &orphans);
	free(orphans.entries);
	return count_and_clear(&children);
}

int support_orphans(void)
{
	struct list children = {0}, orphans = {0};
	list_processes(&children, &orphans);
	free(children.entries);
	return count_and_clear(&orphans);
}

char support_process_state(pid_t pid)
{
	return read_stat(pid, NULL, NULL);
}

bool support_process_alive(pid_t pid)
{
	char state = support_process_state(pid);
	return state && state != 'Z' && state != 'X';
}

static bool is_gone(void *context)
{
	return !support_process_alive(*(pid_t *)context);
}

bool support_process_gone(pid_t pid, double timeout)
{
	return support_wait_until(is_gone, &pid, timeout);
}

static _Noreturn void run_guarded(void (*function)(void *context), void *context, double timeout)
{
	support_deadline(timeout);
	support_baseline();
	function(context);
	support_storm_stop();
	const char *difference = support_difference(support_scale(patience));
	if (difference) {
		kill_new(&baseline);
		ck_abort_msg("in a forked process: %s", difference);
	}
	ck_assert_msg(!has_leaked(), "in a forked process: memory is lost");
	snapshot_clear(&baseline);
	/* Not _exit: a leak checker looks at the end of main. */
	exit(0);
}

pid_t support_fork(void (*function)(void *context), void *context, double timeout)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		ck_abort_msg("fork: %s", strerror(errno));
	if (!pid)
		run_guarded(function, context, timeout);
	return pid;
}

struct join {
	pid_t pid;
	int status;
};

static bool has_joined(void *context)
{
	struct join *join = context;
	pid_t pid = waitpid(join->pid, &join->status, WNOHANG | __WALL);
	if (pid < 0 && errno != EINTR)
		ck_abort_msg("waitpid(%d): %s", join->pid, strerror(errno));
	return pid == join->pid;
}

int support_join(pid_t pid, double timeout)
{
	struct join join = {.pid = pid};
	if (!support_wait_until(has_joined, &join, timeout)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, __WALL);
		ck_abort_msg("process %d was still running after %g s", pid, support_scale(timeout));
	}
	return join.status;
}

void support_join_ok(pid_t pid, double timeout)
{
	int status = support_join(pid, timeout);
	/* Check's message is that of the assertion which ended the process; another one would hide it. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1)
		_exit(1);
	if (WIFSIGNALED(status))
		ck_abort_msg("process %d was ended by signal %d (%s)", pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (status)
		ck_abort_msg("process %d ended with exit code %d", pid, WEXITSTATUS(status));
}

bool support_fails(void (*function)(void *context), void *context, double timeout)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		ck_abort_msg("fork: %s", strerror(errno));
	if (!pid) {
		/* The file by which failures reach Check is one of these, and the runner would take them for the test's. */
		int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
		struct list list = {0};
		list_descriptors(&list);
		for (size_t i = 0; i < list.count; i++)
			if (list.entries[i].number > 2 && list.entries[i].number != nowhere)
				dup3(nowhere, (int)list.entries[i].number, O_CLOEXEC);
		free(list.entries);
		run_guarded(function, context, timeout);
	}
	int status = support_join(pid, timeout + PATIENCE);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#endif

void support_seccomp_deny_list(int error, const int *calls, size_t count)
{
#ifdef MACHINE
	struct sock_filter filter[64];
	size_t used = 0;
	ck_assert(count && 2 * count + 5 <= sizeof filter / sizeof *filter);
	filter[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	filter[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
	filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter[used++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < count; i++) {
		filter[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1);
		filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error);
	}
	filter[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {.len = (unsigned short)used, .filter = filter};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		support_skip("no seccomp filter may be set here: %s", strerror(errno));
#else
	(void)error, (void)calls, (void)count;
	support_skip("the seccomp filter is not written for this machine");
#endif
}
