/* SPDX-License-Identifier: MIT */
#include "directory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int directory_make_above(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		const bool failed = mkdir(path, 0777) && errno != EEXIST;
		*slash = '/';
		if (failed)
			return -errno;
	}
	return 0;
}

const char *directory_temporary(const char *wanted)
{
	const char *where = wanted ? wanted : getenv("TMPDIR");
	return where && *where ? where : "/tmp";
}
