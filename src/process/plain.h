/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_PLAIN_H
#define BROOD_PROCESS_PLAIN_H

#include "process/page.h"
#include "process/trail.h"

/* Writes a call by what the dynamic linker knows of this process, as far as the modules lie in it at the same place. */
void plain_write(struct page *, const struct modules *, const struct call *);

#endif
