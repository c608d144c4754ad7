/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_PROCESSORS_H
#define BROOD_BASE_PROCESSORS_H

/* The processors in this thread's affinity; at least 1. */
int processors_affinity(void);

/*
 * The processors that the CPU quotas of cgroups v1 and v2 leave, rounded up; 0 where there is no quota. membership and
 * mounts are files as /proc/self/cgroup and /proc/self/mountinfo are, so that a test can provide its own; root is put
 * before each mount point.
 */
int processors_quota(const char *membership, const char *mounts, const char *root);

#endif
