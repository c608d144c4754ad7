/* SPDX-License-Identifier: MIT */
#ifndef BROOD_TESTS_STACKS_H
#define BROOD_TESTS_STACKS_H

#include <sys/types.h>

/* Prints what a traced process is doing: its state, its system call and its stack. It is
   stopped then, and stays so. */
void stacks_print(pid_t, const char *role);

#endif
