/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_MODULES_H
#define BROOD_PROCESS_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The files whose code a process has mapped, by its maps, of which every line may be a lie. */
struct module {
	uint64_t low, high;
	uint64_t offset; /* in the file, of low */
	uint64_t code_low, code_high; /* between which its code lies; 0: it has none */
	const char *name; /* the inode's number and the path, so that a file in another's place is another module */
};

struct modules {
	char *text;
	struct module *list; /* by address, without overlaps */
	size_t count;
};

/* Both: 0 or -errno, and then it is as before; what it held before is freed. */
int modules_parse(struct modules *, const char *maps, size_t size);
int modules_read(struct modules *, pid_t); /* of a process or thread, 0: of this one */

void modules_free(struct modules *);
bool modules_equal(const struct modules *, const struct modules *);

/* The one that holds the address, or NULL. */
const struct module *modules_find(const struct modules *, uint64_t address);

/* Whether there may be code there, and not only a file's data. */
bool modules_is_code(const struct modules *, uint64_t address);

const char *module_path(const char *name);

/* The kernel's own, which lies in no file, and at which address this process has it; 0: nowhere. */
bool module_is_vdso(const char *path);
uint64_t module_vdso(void);

#endif
