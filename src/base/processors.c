/* SPDX-License-Identifier: MIT */
#include "base/processors.h"

#include "base/cgroup.h"

#include <brood.h>

#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

int processors_affinity(void)
{
	/* A machine may have more processors than a cpu_set_t has bits; the kernel refuses a set that is too small. */
	for (int bits = CPU_SETSIZE; bits <= 1 << 20; bits *= 2) {
		cpu_set_t *set = CPU_ALLOC((size_t)bits);
		if (!set)
			break;
		size_t size = CPU_ALLOC_SIZE((size_t)bits);
		CPU_ZERO_S(size, set);
		int count = sched_getaffinity(0, size, set) ? 0 : CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (count > 0)
			return count;
	}
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 && online < INT_MAX ? (int)online : 1;
}

/* So many numbers as there are at the beginning of a file of the group's. */
static int read_numbers(const struct cgroup *group, const char *name, double *first, double *second)
{
	char path[CGROUP_PATH];
	FILE *file = cgroup_file(group, name, path) ? fopen(path, "re") : NULL;
	if (!file)
		return 0;
	int count = fscanf(file, "%lf %lf", first, second);
	fclose(file);
	return count;
}

/* Processors that one group's quota leaves, as a fraction; 0 for none. */
static double group_quota(const struct cgroup *group, bool unified)
{
	double quota = 0, period = 0, other;
	bool known = unified ? read_numbers(group, "cpu.max", &quota, &period) == 2
			     : read_numbers(group, "cpu.cfs_quota_us", &quota, &other) > 0
				       && read_numbers(group, "cpu.cfs_period_us", &period, &other) > 0;
	return known && quota > 0 && period > 0 ? quota / period : 0;
}

/* A parent's quota binds its children, so the smallest on the way up counts. */
static double path_quota(const char *root, const char *controller)
{
	struct cgroup group;
	double smallest = 0;
	if (!cgroup_find(&group, root, controller))
		return 0;
	do {
		double quota = group_quota(&group, !controller);
		if (quota > 0 && (smallest <= 0 || quota < smallest))
			smallest = quota;
	} while (cgroup_climb(&group));
	return smallest;
}

int processors_quota(const char *root)
{
	double one = path_quota(root, NULL), other = path_quota(root, "cpu");
	double smallest = one > 0 && (other <= 0 || one < other) ? one : other;
	return smallest > 0 && smallest < INT_MAX ? (int)ceil(smallest) : 0;
}

BROOD_API int brood_processors(void)
{
	int count = processors_affinity();
	int quota = processors_quota("");
	return quota > 0 && quota < count ? quota : count;
}
