/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_TIMEOUT_H
#define BROOD_COMMAND_TIMEOUT_H

/* The command brood timeout, from its options on; what it exits with. */
int timeout_main(char **arguments);

#endif
