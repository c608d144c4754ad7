/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_OOM_H
#define BROOD_BASE_OOM_H

#include "base/cgroup.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What the kernel's out-of-memory killer did. It tells nobody whom it killed, and raises counts before it kills: that of the
 * victim's group, in version 1 of cgroups as in version 2, and that of the whole system, which serves where the group's
 * cannot be read. So one kill of a process that is known to have died by SIGKILL stands for one rise of the count.
 *
 * Nothing is allocated, and no descriptor is kept. root is as for cgroup_find.
 */
struct oom_watch {
	char path[CGROUP_PATH]; /* of the file with the count, or empty */
	uint64_t begin, claimed;
};

/* Remembers the count of kills so far. */
void oom_watch_begin(struct oom_watch *, const char *root);

/* Forgets the kills so far, of a watch that has begun. */
void oom_watch_again(struct oom_watch *);

/* Whether there has been a kill since then that has not been claimed: it now has been. */
bool oom_watch_claim(struct oom_watch *);

/* The smallest memory limit of the groups that this process is in, in bytes; 0: there is none. */
uint64_t oom_limit(const char *root);

#endif
