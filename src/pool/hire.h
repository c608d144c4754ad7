/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_HIRE_H
#define BROOD_POOL_HIRE_H

#include "pool/pool.h"

/* Forks a nursery with as many workers as there should be, in the first lines, which expect them or are empty: 0 or -errno. */
int hire_nursery(brood_pool *);

#endif
