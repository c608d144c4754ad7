/* SPDX-License-Identifier: MIT */
#include "process/plain.h"
#include "process/path.h"

#include <dlfcn.h>
#include <link.h>

/* The same file at the same place; a name is not compared, since the program's own is whatever it was started by. */
static bool is_here(const struct module *module, const Dl_info *info)
{
	return (uintptr_t)info->dli_fbase == module->low;
}

void plain_write(struct page *page, const struct modules *modules, const struct call *call)
{
	uint64_t inside = call->exact ? call->address : call->address - 1;
	const struct module *module = modules_find(modules, inside);
	if (!module) {
		page_address(page, call->address);
		return;
	}
	const char *base = path_base(module_path(module->name));
	struct link_map *map = NULL;
	Dl_info info;
	if (!dladdr1((void *)(uintptr_t)inside, &info, (void **)&map, RTLD_DL_LINKMAP) || !map || !is_here(module, &info)) {
		page_symbol(page, NULL, 0, base, call->address - module->low + module->offset);
		return;
	}
	uint64_t further = info.dli_sname ? call->address - (uintptr_t)info.dli_saddr : 0;
	page_symbol(page, info.dli_sname, further, base, call->address - map->l_addr);
}
