/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_UNWINDER_H
#define BROOD_PROCESS_UNWINDER_H

#include "process/snapshot.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * Says which calls a thread was in, with functions, files and lines, by libdw, which is opened when it is first needed; without
 * it by the frame pointers and the dynamic linker's symbols, and a last line says what to install.
 *
 * It runs in a process of its own, that nobody misses: libdw reads whatever the program's files hold, and may take long, or
 * crash. What it has read of them is kept for the next time.
 *
 * A traceback is a line for each call, innermost first, an inlined call too:
 *
 *     #0 divide at /home/me/work.c:12
 *     #1 work at /home/me/work.c:30
 *     #2 qsort+0x1f5 (libc.so.6+0x409f5)
 *     #3 ?? (stripped+0x1170)
 *
 * Of a thread there are at most 64 calls, and then a line says that there are more.
 */
struct unwinder;

int unwinder_new(struct unwinder **out);
void unwinder_free(struct unwinder *);

/* One that behaves as if there were no libdw, for the tests. */
int unwinder_new_plain(struct unwinder **out);

/* Each writes a traceback as far as it fits, cut at a line's end, and a 0 after it: its size, without the 0. */

/* Of what was kept of a thread. */
size_t unwinder_snapshot(struct unwinder *, const struct snapshot *, char *text, size_t size);

/* Of all threads of a process, the first one first, each after a line that names it where there are several. They are stopped
   for that, by ptrace, and then go on as before; one that does not stop in time is only named. Frames of the first thread from
   bottom on are left out. 0: it may not. It makes a thread for that, since only with a thread's end the kernel lets everything
   go that it had stopped. */
size_t unwinder_process(struct unwinder *, pid_t, uint64_t bottom, char *text, size_t size);

/* Of return addresses in this very process, as backtrace() gives them. */
size_t unwinder_calls(struct unwinder *, const void *const *calls, size_t count, char *text, size_t size);

#endif
