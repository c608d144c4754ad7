/* SPDX-License-Identifier: MIT */
#include "process/path.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is(const char *part, size_t size, const char *name)
{
	return size == strlen(name) && !memcmp(part, name, size);
}

/* Where the last part of the name begins. */
static size_t last_part(const char *out, size_t used)
{
	while (used && out[used - 1] != '/')
		used--;
	return used;
}

static size_t add(char *out, size_t used, const char *part, size_t size)
{
	if (!size || is(part, size, "."))
		return used;
	size_t last = last_part(out, used);
	if (is(part, size, "..")) {
		if (used == 1 && *out == '/')
			return used;
		if (used && !is(out + last, used - last, ".."))
			return last > 1 ? last - 1 : last;
	}
	if (used + 1 + size >= PATH_SIZE)
		return used;
	if (used && out[used - 1] != '/')
		out[used++] = '/';
	memcpy(out + used, part, size);
	return used + size;
}

static size_t add_all(char *out, size_t used, const char *path)
{
	while (*path) {
		size_t size = strcspn(path, "/");
		used = add(out, used, path, size);
		path += size;
		path += strspn(path, "/");
	}
	return used;
}

void path_fold(char out[PATH_SIZE], const char *folder, const char *file)
{
	size_t used = 0;
	/* A folder that is relative itself is in the file's name already. */
	if (*file == '/' || (folder && *folder != '/'))
		folder = NULL;
	if (*(folder ? folder : file) == '/')
		out[used++] = '/';
	if (folder)
		used = add_all(out, used, folder);
	used = add_all(out, used, file);
	out[used] = 0;
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}
