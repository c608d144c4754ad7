/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { MOST_DESCRIPTORS = 65536 };

_Noreturn void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

void must_not(int result, const char *what)
{
	if (result != -1 || !errno)
		errno = -result;
	fail(what);
}

uint64_t nanoseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double sample_nanoseconds(void)
{
	const char *milliseconds = getenv("BENCH_MILLISECONDS");
	return (milliseconds ? atof(milliseconds) : 60) * 1e6;
}

static double timed(measured *work, void *context, uint64_t count)
{
	uint64_t begin = nanoseconds();
	work(context, count);
	return (double)(nanoseconds() - begin);
}

double measure(measured *work, void *context)
{
	const double sample = sample_nanoseconds();
	uint64_t count = 1;
	/* A twelfth of the sample: what slows down a hundredfold half way does not hold up the run for long. */
	while (timed(work, context, count) < sample / 12)
		count *= 2;
	double spent = 0, done = 0;
	while (spent < sample) {
		spent += timed(work, context, count);
		done += (double)count;
	}
	return spent / done;
}

double measure_each(timed_once *once, void *context)
{
	enum { MOST = 10000 };
	static double times[MOST];
	const double sample = sample_nanoseconds();
	size_t count = 0;
	double spent = 0;
	times[0] = once(context);
	if (times[0] > 4 * sample)
		spent = times[count++];
	while (spent < sample && count < MOST)
		spent += times[count++] = once(context);
	return median(times, count);
}

void print_nanoseconds(double value)
{
	printf("{\"ns\": %.2f}\n", value);
}

enum placement placement_named(const char *name)
{
	if (!strcmp(name, "across"))
		return ACROSS;
	if (!strcmp(name, "same"))
		return SAME;
	if (!strcmp(name, "free"))
		return FREE;
	errno = EINVAL;
	fail(name);
}

void settle_on(enum placement placement, int side)
{
	/* Asked once, before the first pin narrows it. */
	static cpu_set_t all;
	static bool asked;
	if (placement == FREE)
		return;
	if (!asked)
		must(sched_getaffinity(0, sizeof all, &all), "sched_getaffinity");
	asked = true;
	int skip = placement == ACROSS ? side : 0;
	for (size_t processor = 0; processor < CPU_SETSIZE; processor++) {
		if (!CPU_ISSET(processor, &all) || skip--)
			continue;
		cpu_set_t one;
		CPU_ZERO(&one);
		CPU_SET(processor, &one);
		must(sched_setaffinity(0, sizeof one, &one), "sched_setaffinity");
		return;
	}
	errno = ENODEV;
	fail("a second processor");
}

void *touched(size_t size, bool small)
{
	if (!size)
		return NULL;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	if (small)
		madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 1, size);
	return memory;
}

void write_whole(int fd, const void *data, size_t size)
{
	const char *at = data;
	while (size) {
		ssize_t done = write(fd, at, size);
		if (done < 0 && errno != EINTR)
			fail("write");
		if (done > 0) {
			at += done;
			size -= (size_t)done;
		}
	}
}

bool read_whole(int fd, void *data, size_t size)
{
	char *at = data;
	while (size) {
		ssize_t done = read(fd, at, size);
		if (!done)
			return false;
		if (done < 0 && errno != EINTR)
			fail("read");
		if (done > 0) {
			at += done;
			size -= (size_t)done;
		}
	}
	return true;
}

FILE *open_of(pid_t pid, const char *file)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	FILE *stream = fopen(path, "re");
	if (!stream)
		fail(path);
	return stream;
}

double memory_of(pid_t pid)
{
	FILE *stream = open_of(pid, "smaps_rollup");
	char line[256];
	double kibibytes = -1;
	while (kibibytes < 0 && fgets(line, sizeof line, stream))
		if (!strncmp(line, "Pss:", 4))
			kibibytes = atof(line + 4);
	fclose(stream);
	errno = EPROTO;
	if (kibibytes < 0)
		fail("smaps_rollup");
	return kibibytes * 1024;
}

static int compare(const void *one, const void *other)
{
	const double a = *(const double *)one, b = *(const double *)other;
	return (a > b) - (a < b);
}

double median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, compare);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

size_t raise_descriptor_limit(void)
{
	struct rlimit limit;
	must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
	/* More than the hard limit is for the privileged. */
	const struct rlimit more = {MOST_DESCRIPTORS, MOST_DESCRIPTORS};
	if (limit.rlim_max >= MOST_DESCRIPTORS || !setrlimit(RLIMIT_NOFILE, &more))
		limit = more;
	limit.rlim_cur = limit.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
	return limit.rlim_cur;
}
