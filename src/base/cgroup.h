/* SPDX-License-Identifier: MIT */
#ifndef BROOD_BASE_CGROUP_H
#define BROOD_BASE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

/* Paths that are longer are not found: all of this may be on the stack of any thread, which may be a small one. */
enum { CGROUP_PATH = 1024 };

/* A control group that this process is in, as a directory. The first bytes of the path, top of them, are where its
   hierarchy is mounted. */
struct cgroup {
	char path[CGROUP_PATH];
	size_t top;
};

/*
 * Finds the group that is this process's for a controller of version 1, or, for NULL, in the hierarchy of version 2. false:
 * there is none, or it is not mounted. root is put before all paths, so that a test can provide files of its own. Nothing
 * is allocated.
 */
bool cgroup_find(struct cgroup *out, const char *root, const char *controller);

/* Goes on to its parent: false, it is the topmost that the mount shows. */
bool cgroup_climb(struct cgroup *);

/* The path of a file of the group's: false, it is too long. */
bool cgroup_file(const struct cgroup *, const char *name, char out[CGROUP_PATH]);

#endif
