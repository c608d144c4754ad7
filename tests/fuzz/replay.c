/* SPDX-License-Identifier: MIT */
/* Feeds files, and all files of folders, to a fuzz target, without a fuzzer: what was found once stays fixed. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	struct brood_buffer all = {0};
	int c;
	while ((c = getc(file)) != EOF) {
		/* Grown byte by byte, so that what lies behind the last one is out of bounds for a sanitizer. */
		unsigned char *data = realloc(all.data, all.size + 1);
		MUST(data);
		data[all.size++] = (unsigned char)c;
		all.data = data;
	}
	int error = ferror(file);
	fclose(file);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(all.data, all.size);
	free(all.data);
	return error;
}

int main(int argc, char **argv)
{
	int failed = 0, count = 0;
	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		if (!folder) {
			failed |= replay_file(argv[i]);
			count++;
			continue;
		}
		for (struct dirent *entry; (entry = readdir(folder));) {
			char path[PATH_MAX];
			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
			failed |= replay_file(path);
			count++;
		}
		closedir(folder);
	}
	/* A folder that has been moved away must not look like success. */
	return failed || !count;
}
