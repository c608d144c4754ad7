/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_MAP_FEED_H
#define BROOD_COMMAND_MAP_FEED_H

#include <brood.h>

/* Items, from arguments or the lines of files one behind another. It never waits: results come out while an input is quiet. */
struct map_feed {
	char **arguments; /* or NULL */
	const char *const *paths;
	int *fds;
	size_t count, next; /* of paths */
	char delimiter;
	struct brood_buffer read;
	size_t at, searched; /* in what has been read */
	bool ended;          /* the file that is being read */
	bool failed;         /* what comes was cut off by an error, which has been said */
};

/* No longer than what a pool takes. */
enum { ITEM_MOST = 48 << 20 };

enum fed { FED_NOTHING_YET, FED_ITEM, FED_END };

/* Opens all files, so that one that is missing is known before anything is begun. */
void map_feed_open(struct map_feed *, char **arguments, const char *const *paths, size_t count, char delimiter);
void map_feed_close(struct map_feed *);

/* The item is valid until the next call. */
enum fed map_feed_next(struct map_feed *, struct brood_bytes *item);

/* What to poll where there was nothing yet. */
int map_feed_fd(const struct map_feed *);

#endif
