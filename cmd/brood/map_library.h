/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_MAP_LIBRARY_H
#define BROOD_COMMAND_MAP_LIBRARY_H

#include <brood.h>

/* Loads what LIBRARY:FUNCTION names; ends the command with a message where that cannot be done. */
brood_work_fn *map_library_load(const char *name);

#endif
