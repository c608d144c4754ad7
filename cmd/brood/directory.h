/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_DIRECTORY_H
#define BROOD_COMMAND_DIRECTORY_H

/* Makes the directories that a path leads through, where they are not there; what is behind its last slash is not made.
   0 or -errno. The path is as it was afterwards. */
int directory_make_above(char *path);

/* Where files for a while are made: there, or where TMPDIR says, or in /tmp. */
const char *directory_temporary(const char *wanted);

#endif
