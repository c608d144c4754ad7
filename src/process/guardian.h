/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_GUARDIAN_H
#define BROOD_PROCESS_GUARDIAN_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Programs that are the host's direct children have no keeper of their own. One guardian for the host kills their groups
 * when the host has gone: a process that shares the host's memory, and so sees the table of groups without a message.
 * It is there while there are such programs; callers hold the lock of the registry of children.
 */

/* Sees that there is a guardian, and gives a slot of the table, to be filled with the group by the program itself before
   its exec; -errno when there is no guardian to be had. */
int guardian_slot(_Atomic(pid_t) **out);

void guardian_return(_Atomic(pid_t) *slot);

/* Frees the slot of a group whose leader has been waited for. */
void guardian_forget(pid_t group);

/* The signals that this process ignores or handles, from the lowest bit on; all bits where the kernel does not say. For a
   holder of a slot, who needs no lock. */
uint64_t guardian_changed_signals(void);

/* Ends the guardian if no slot is in use. */
void guardian_dismiss(void);

#endif
