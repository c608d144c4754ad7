/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_BACKLOG_H
#define BROOD_POOL_BACKLOG_H

#include "pool/pool.h"

/* Keeps items to be given from a time on: 0 or -ENOMEM. Where they follow what was added last, with the same time, they join it. */
int backlog_add(struct backlog *, struct board_range, double due);

/* When the first of them is due; INFINITY: there are none. */
double backlog_due(const struct backlog *);

void backlog_clear(struct backlog *);

#endif
