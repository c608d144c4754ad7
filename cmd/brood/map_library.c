/* SPDX-License-Identifier: MIT */
#include "map_library.h"

#include "say.h"
#include "text.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* --- names that are like the one that is missing ------------------------------------------------------------------- */

/* So many names at most, with so many letters in common. */
enum { SUGGESTED = 3, COMMON_LEAST = 2 };

/* How many letters two names have in common at their begin; all where one is within the other. */
static size_t likeness(const char *one, const char *other)
{
	size_t same = 0;
	if (strcasestr(one, other) || strcasestr(other, one))
		return strlen(one) < strlen(other) ? strlen(one) : strlen(other);
	while (one[same] && !strncasecmp(one, other, same + 1))
		same++;
	return same;
}

/* Of the table of names no size is told; the hash table has each name of a function that can be found. */
static size_t count_symbols(const uint32_t *hash)
{
	const uint32_t buckets = hash[0], first = hash[1], words = hash[2] * (uint32_t)(sizeof(ElfW(Addr)) / sizeof *hash);
	const uint32_t *bucket = hash + 4 + words, *chain = bucket + buckets;
	uint32_t last = 0;
	for (uint32_t i = 0; i < buckets; i++)
		if (bucket[i] > last)
			last = bucket[i];
	if (last < first)
		return 0;
	while (!(chain[last - first] & 1))
		last++;
	return last + 1;
}

static void add_similar(struct brood_buffer *text, void *library, const char *wanted)
{
	struct link_map *map;
	const ElfW(Sym) *symbols = NULL;
	const char *names = NULL, *best[SUGGESTED] = {NULL};
	const uint32_t *hash = NULL;
	size_t likely[SUGGESTED] = {0};
	if (dlinfo(library, RTLD_DI_LINKMAP, &map))
		return;
	for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++)
		if (entry->d_tag == DT_SYMTAB)
			symbols = (const void *)entry->d_un.d_ptr;
		else if (entry->d_tag == DT_STRTAB)
			names = (const void *)entry->d_un.d_ptr;
		else if (entry->d_tag == DT_GNU_HASH)
			hash = (const void *)entry->d_un.d_ptr;
	if (!symbols || !names || !hash)
		return;
	for (size_t i = 0, count = count_symbols(hash); i < count; i++) {
		const char *name = names + symbols[i].st_name;
		if (symbols[i].st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbols[i].st_info) != STT_FUNC || *name == '_')
			continue;
		const size_t like = likeness(name, wanted);
		for (size_t k = 0; k < SUGGESTED && like >= COMMON_LEAST; k++)
			if (like > likely[k]) {
				memmove(best + k + 1, best + k, (SUGGESTED - 1 - k) * sizeof *best);
				memmove(likely + k + 1, likely + k, (SUGGESTED - 1 - k) * sizeof *likely);
				best[k] = name;
				likely[k] = like;
				break;
			}
	}
	for (size_t k = 0; k < SUGGESTED && best[k]; k++)
		text_add_format(text, "%s %s", k ? " and" : "; there is", best[k]);
}

/* --- loading ------------------------------------------------------------------------------------------------------- */

static void *open_library(const char *path)
{
	struct brood_buffer local = {0};
	/* As for a program without a slash only the system's directories would be looked into. */
	if (!strchr(path, '/') && !access(path, F_OK)) {
		text_add_format(&local, "./%s", path);
		path = text_string(&local);
	} else if (strchr(path, '/') && access(path, F_OK)) {
		die("there is no file %s", path);
	}
	/* What it needs of libbrood, linked with it or not, it finds in the command's own. */
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		die("the library cannot be loaded: %s", dlerror());
	brood_buffer_free(&local);
	return library;
}

brood_work_fn *map_library_load(const char *name)
{
	const char *colon = strrchr(name, ':');
	brood_work_fn *function;
	if (!colon || colon == name || !colon[1] || strchr(colon, '/'))
		die("'%s' is not LIBRARY:FUNCTION, such as ./work.so:work", name);
	char *path = need_copy(name, (size_t)(colon - name));
	void *library = open_library(path), *symbol = dlsym(library, colon + 1);
	if (!symbol) {
		struct brood_buffer similar = {0};
		add_similar(&similar, library, colon + 1);
		die("%s has no function %s%s", path, colon + 1, text_string(&similar));
	}
	free(path);
	memcpy(&function, &symbol, sizeof function);
	return function;
}
