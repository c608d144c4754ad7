/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_WITNESS_H
#define BROOD_POOL_WITNESS_H

#include "pool/worker.h"

/* In a worker: the traceback of where the function with this frame was called, valid until the next call; "" where there is none.
   It takes some 50 ms the first time, in which a coroner is made for the worker, and less than 1 ms later. */
const char *witness_calls(const struct worker *, const void *frame);

#endif
