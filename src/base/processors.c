/* SPDX-License-Identifier: MIT */
#include "base/processors.h"

#include <brood.h>

#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static FILE *open_at(const char *root, const char *mount, const char *group, const char *file)
{
	char path[PATH_MAX];
	int size = snprintf(path, sizeof path, "%s%s%s/%s", root, mount, group, file);
	return size > 0 && (size_t)size < sizeof path ? fopen(path, "re") : NULL;
}

/* Processors that one group's quota leaves, as a fraction; 0 for none. */
static double group_quota(const char *root, const char *mount, const char *group, bool unified)
{
	double quota = 0, period = 0;
	if (unified) {
		FILE *file = open_at(root, mount, group, "cpu.max");
		if (!file)
			return 0;
		if (fscanf(file, "%lf %lf", &quota, &period) != 2)
			quota = 0;
		fclose(file);
	} else {
		FILE *file = open_at(root, mount, group, "cpu.cfs_quota_us");
		if (!file)
			return 0;
		if (fscanf(file, "%lf", &quota) != 1)
			quota = 0;
		fclose(file);
		file = open_at(root, mount, group, "cpu.cfs_period_us");
		if (!file)
			return 0;
		if (fscanf(file, "%lf", &period) != 1)
			period = 0;
		fclose(file);
	}
	return quota > 0 && period > 0 ? quota / period : 0;
}

/* A parent's quota binds its children, so the smallest on the way up counts. */
static double path_quota(const char *root, const char *mount, char *group, bool unified)
{
	double smallest = 0;
	for (;;) {
		double quota = group_quota(root, mount, group, unified);
		if (quota > 0 && (smallest <= 0 || quota < smallest))
			smallest = quota;
		char *slash = strrchr(group, '/');
		if (!slash)
			return smallest;
		*slash = '\0';
	}
}

static bool has_option(const char *options, const char *name)
{
	size_t size = strlen(name);
	for (const char *at = options; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, size) && (!at[size] || at[size] == ',' || at[size] == '\n'))
			return true;
	}
	return false;
}

/* mountinfo writes spaces and their like as \040, in octal. */
static void decode(char *path)
{
	char *to = path;
	for (const char *at = path; *at; to++) {
		int digits = 0;
		while (*at == '\\' && digits < 3 && at[1 + digits] >= '0' && at[1 + digits] <= '7')
			digits++;
		if (digits == 3) {
			*to = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
			at += 4;
		} else {
			*to = *at++;
		}
	}
	*to = '\0';
}

/*
 * Finds where the hierarchy is mounted, and cuts from the group's path what the mount already stands for: within a
 * container the mount shows a subtree, whose root mountinfo names. A mount that shows the group goes before one that shows
 * another subtree.
 */
static bool find_mount(const char *mounts, bool unified, char *mount, char *group)
{
	FILE *file = fopen(mounts, "re");
	if (!file)
		return false;
	char *line = NULL;
	size_t capacity = 0;
	bool found = false, shows_group = false;
	while (!shows_group && getline(&line, &capacity, file) > 0) {
		char shown[PATH_MAX], point[PATH_MAX], type[64];
		const char *tail = strstr(line, " - ");
		if (!tail || sscanf(line, "%*s %*s %*s %4095s %4095s", shown, point) != 2 || sscanf(tail, " - %63s", type) != 1)
			continue;
		const char *options = strrchr(tail, ' ');
		if (unified ? strcmp(type, "cgroup2") != 0 : strcmp(type, "cgroup") != 0 || !options || !has_option(options + 1, "cpu"))
			continue;
		decode(shown);
		decode(point);
		size_t size = strcmp(shown, "/") ? strlen(shown) : 0;
		shows_group = !strncmp(group, shown, size) && (!group[size] || group[size] == '/');
		if (shows_group)
			memmove(group, group + size, strlen(group + size) + 1);
		if (shows_group || !found)
			strcpy(mount, point);
		found = true;
	}
	free(line);
	fclose(file);
	return found;
}

int processors_quota(const char *membership, const char *mounts, const char *root)
{
	FILE *file = fopen(membership, "re");
	if (!file)
		return 0;
	char *line = NULL;
	size_t capacity = 0;
	double smallest = 0;
	while (getline(&line, &capacity, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		char *controllers = strchr(line, ':');
		char *group = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!group || strlen(group) >= PATH_MAX)
			continue;
		*group++ = '\0';
		controllers++;
		bool unified = !*controllers;
		if (!unified && !has_option(controllers, "cpu"))
			continue;
		char mount[PATH_MAX];
		if (!find_mount(mounts, unified, mount, group))
			continue;
		if (!strcmp(group, "/"))
			*group = '\0';
		double quota = path_quota(root, mount, group, unified);
		if (quota > 0 && (smallest <= 0 || quota < smallest))
			smallest = quota;
	}
	free(line);
	fclose(file);
	return smallest > 0 && smallest < INT_MAX ? (int)ceil(smallest) : 0;
}

BROOD_API int brood_processors(void)
{
	int count = processors_affinity();
	int quota = processors_quota("/proc/self/cgroup", "/proc/self/mountinfo", "");
	return quota > 0 && quota < count ? quota : count;
}
