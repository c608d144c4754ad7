/* SPDX-License-Identifier: MIT */
/*
 * The bodies of msgpuck's inline functions, compiled here once: the packaged archive is not position independent
 * everywhere, and its names would be those of the host's own copy.
 */
#define MP_SOURCE 1
#include <msgpuck.h>
