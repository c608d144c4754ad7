/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_MAP_STATUS_H
#define BROOD_COMMAND_MAP_STATUS_H

#include "map_options.h"

/* How the work goes on, on stderr: one of the library's reporters, or NULL, for the pool. There is one in the command. */
const struct brood_reporter *map_status_open(const struct map_options *);

/* Behind the pool's end. */
void map_status_close(void);

/* Time has passed without a call with the pool. */
void map_status_tick(int workers);

#endif
