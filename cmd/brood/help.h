/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_HELP_H
#define BROOD_COMMAND_HELP_H

void help_brood(void);
void help_run(void);
void help_map(void);
void help_timeout(void);
void help_version(void);

#endif
