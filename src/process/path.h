/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_PATH_H
#define BROOD_PROCESS_PATH_H

enum { PATH_SIZE = 4096 };

/* The file's name, in the folder if only that is absolute, without "//", "." and, as far as there is something to go back from,
   "..". Nobody looks at the disk for it. What is too long is cut. */
void path_fold(char out[PATH_SIZE], const char *folder, const char *file);

/* Behind the last slash. */
const char *path_base(const char *path);

#endif
