/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_RESUME_H
#define BROOD_COMMAND_RESUME_H

#include "options.h"

/* Says with which command the rest can be done, by the job log or the journal; arguments are those the command had. */
void resume_say(const struct options *, char *const *arguments, bool failed);

#endif
