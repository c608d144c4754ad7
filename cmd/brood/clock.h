/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_CLOCK_H
#define BROOD_COMMAND_CLOCK_H

/* Seconds: on the monotonic clock, as the library has them; and since the epoch. */
double clock_now(void);
double clock_wall(void);

#endif
