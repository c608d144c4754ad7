/* SPDX-License-Identifier: MIT */
#ifndef BROOD_REPORT_DISPLAY_H
#define BROOD_REPORT_DISPLAY_H

#include <brood.h>

/* Whether brood_display_reporter made it; and for such a one, what the calls for all reporters do. */
bool display_is(const struct brood_reporter *);
void display_hide(struct brood_reporter *);
void display_free(struct brood_reporter *);

#endif
