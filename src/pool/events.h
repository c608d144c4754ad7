/* SPDX-License-Identifier: MIT */
#ifndef BROOD_POOL_EVENTS_H
#define BROOD_POOL_EVENTS_H

#include "pool/pool.h"

/* Calls back, if there is somebody to call. children, total and time are filled in; time only where it is 0. */
void events_fire(brood_pool *, brood_report_fn *, struct brood_event);

/* Tells the reporter that time has passed, where enough has. When that is to be done next; infinite: nobody wants to know. */
double events_tick(brood_pool *, double now);

/* Gives the reporter what workers have written to stderr, as far as it has come. */
void events_output(brood_pool *);

#endif
