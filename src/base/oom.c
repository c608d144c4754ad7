/* SPDX-License-Identifier: MIT */
#include "base/oom.h"

#include "base/lines.h"

#include <stdio.h>

/* Where both are mounted, only one of them has the controller, and with it the files. Version 1 first: that it has not is seen
   at once, and where there is none, that costs least. */
static const struct version {
	const char *controller, *kills, *limit;
} versions[] = {{"memory", "memory.oom_control", "memory.limit_in_bytes"}, {NULL, "memory.events", "memory.max"}};

enum { VERSIONS = sizeof versions / sizeof *versions };

static bool read_kills(const struct oom_watch *watch, uint64_t *out)
{
	return watch->path[0] && lines_number(watch->path, "oom_kill", out);
}

void oom_watch_begin(struct oom_watch *watch, const char *root)
{
	struct cgroup group;
	watch->claimed = 0;
	for (int i = 0; i < VERSIONS; i++)
		if (cgroup_find(&group, root, versions[i].controller) && cgroup_file(&group, versions[i].kills, watch->path)
		    && read_kills(watch, &watch->begin))
			return;
	int size = snprintf(watch->path, sizeof watch->path, "%s/proc/vmstat", root);
	if (size < 0 || (size_t)size >= sizeof watch->path)
		watch->path[0] = '\0';
	oom_watch_again(watch);
}

void oom_watch_again(struct oom_watch *watch)
{
	watch->claimed = 0;
	if (!read_kills(watch, &watch->begin))
		watch->path[0] = '\0';
}

bool oom_watch_claim(struct oom_watch *watch)
{
	uint64_t kills;
	if (!read_kills(watch, &kills))
		return false;
	if (kills < watch->begin) {
		/* Another group has come to be under the same name. */
		watch->begin = kills;
		watch->claimed = 0;
	}
	if (kills - watch->begin <= watch->claimed)
		return false;
	watch->claimed++;
	return true;
}

/* Version 1 writes the largest number of pages that there may be where there is no limit. */
static const uint64_t no_limit = UINT64_C(1) << 60;

uint64_t oom_limit(const char *root)
{
	struct cgroup group;
	char path[CGROUP_PATH];
	uint64_t smallest = no_limit, limit;
	for (int i = 0; i < VERSIONS; i++) {
		bool more = cgroup_find(&group, root, versions[i].controller);
		for (; more; more = cgroup_climb(&group))
			if (cgroup_file(&group, versions[i].limit, path) && lines_number(path, "", &limit) && limit < smallest)
				smallest = limit;
	}
	return smallest < no_limit ? smallest : 0;
}
