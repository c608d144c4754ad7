/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_KEEPER_H
#define BROOD_PROCESS_KEEPER_H

#include "base/raw.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A keeper is a process between the host and one child: the child's parent. It alone waits for the child, says how it
 * ended, signals its group while that group is certainly the child's, and kills it when the host has gone. It and the
 * host talk over a socket that keeps message boundaries; the host's end is closed by the host's death, whatever way.
 */

enum keeper_kind { KEEPER_STARTED = 1, KEEPER_ENDED, KEEPER_SIGNAL, KEEPER_OUTLIVE };

/* From keeper to host. error is of STARTED: why there is no child. */
struct keeper_report {
	int32_t kind, error, pid, wait_status;
	int64_t user_microseconds, system_microseconds, peak_kibibytes;
};

/* From host to keeper. */
struct keeper_order {
	int32_t kind, signal;
};

/*
 * Reports the child, or why there is none where it is -errno, and keeps it to its end; never returns. All signals must be
 * blocked. It makes no call to the C library, so that it may run in a process that shares the host's memory.
 */
_Noreturn void keeper_run(int socket, long child, bool outlive);

/* Returns when the host has gone, or has closed its end. As keeper_run, for a keeper without a child. */
void keeper_await_host(int socket);

/* Before anything else in a keeper: a group of its own, so that a signal to the host's group leaves it to do its work. */
void keeper_prepare(void);

/* In the child: killed when its parent, the keeper, goes. false: the keeper has gone already. */
bool keeper_bind_child(pid_t keeper);

#endif
