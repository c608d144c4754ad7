/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_MAP_H
#define BROOD_COMMAND_MAP_H

/* The command brood map, from its options on; what it exits with. */
int map_main(char **arguments);

#endif
