/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_LIMIT_H
#define BROOD_COMMAND_LIMIT_H

#include "options.h"

/* --load and --memfree: whether one more job may be started now. Looks at the system at most every half second. */
bool limit_allows(const struct options *, size_t running);

/* How long until it is worth to ask again. */
enum { LIMIT_MILLISECONDS = 500 };
/* Whether it last said no. */
bool limit_holds(void);

/* --memfree: whether so little is left that a job should be ended, and tried again later. */
bool limit_is_short(const struct options *);

#endif
