/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_PROCESSORS_H
#define BROOD_BASE_PROCESSORS_H

/* The processors in this thread's affinity; at least 1. */
int processors_affinity(void);

/* The processors that the CPU quotas of cgroups v1 and v2 leave, rounded up; 0 where there is no quota. root is as for
   cgroup_find. */
int processors_quota(const char *root);

#endif
