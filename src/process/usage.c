/* SPDX-License-Identifier: MIT */
#include "process/usage.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t microseconds(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

struct usage usage_of(const struct rusage *usage)
{
	return (struct usage){{[USAGE_USER] = microseconds(usage->ru_utime), [USAGE_SYSTEM] = microseconds(usage->ru_stime),
		[USAGE_PEAK] = (uint64_t)usage->ru_maxrss * 1024, [USAGE_MINOR] = (uint64_t)usage->ru_minflt,
		[USAGE_MAJOR] = (uint64_t)usage->ru_majflt, [USAGE_VOLUNTARY] = (uint64_t)usage->ru_nvcsw,
		[USAGE_INVOLUNTARY] = (uint64_t)usage->ru_nivcsw}};
}

struct usage usage_now(void)
{
	struct rusage self = {0}, children = {0};
	getrusage(RUSAGE_SELF, &self);
	getrusage(RUSAGE_CHILDREN, &children);
	struct usage sum = usage_of(&self), more = usage_of(&children);
	for (int i = 0; i < USAGE_WORDS; i++)
		sum.words[i] += i == USAGE_PEAK ? 0 : more.words[i];
	return sum;
}

void usage_reset_peak(void)
{
	/* Not kept open: what an item closes and opens would get the writing. */
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t size = write(fd, "5", 1);
	(void)size;
	close(fd);
}
