/* SPDX-License-Identifier: MIT */
#include "process/libdw.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define LIBDW_NAME(name) #name,
	LIBDW_FUNCTIONS(LIBDW_NAME)
#undef LIBDW_NAME
};

enum { COUNT = sizeof names / sizeof *names };
_Static_assert(sizeof(struct libdw) == COUNT * sizeof(void *), "the table holds nothing but the functions");

static bool find_all(void *library, struct libdw *table)
{
	for (size_t i = 0; i < COUNT; i++) {
		void *function = dlsym(library, names[i]);
		if (!function)
			return false;
		memcpy((char *)table + i * sizeof function, &function, sizeof function);
	}
	return true;
}

const struct libdw *libdw_open(void)
{
	static struct libdw table;
	static bool tried, found;
	if (tried)
		return found ? &table : NULL;
	tried = true;
	/* Before it is loaded: its constructor may look at it. */
	unsetenv("DEBUGINFOD_URLS");
	void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return NULL;
	found = find_all(library, &table) && table.elf_version(EV_CURRENT) != EV_NONE;
	if (!found)
		dlclose(library);
	return found ? &table : NULL;
}
