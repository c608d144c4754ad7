/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_SCOPE_H
#define BROOD_PROCESS_SCOPE_H

#include "process/libdw.h"
#include "process/page.h"

/* Writes the function that holds the address, with file and line, each that was inlined there before the one it is in. false:
   nothing was written, for no line is known. */
bool scope_write(const struct libdw *, struct page *, Dwfl_Module *, uint64_t address);

#endif
