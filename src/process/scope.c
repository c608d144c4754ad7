/* SPDX-License-Identifier: MIT */
#include "process/scope.h"

#include <stdlib.h>

struct spot {
	const char *folder, *file;
	int line;
};

struct unit {
	const struct libdw *dw;
	Dwarf_Die *die;
	Dwarf_Addr bias;
	const char *folder;
};

/* Not every compiler writes the table of which unit holds which addresses; then each is asked. */
static bool find_unit(struct unit *unit, Dwfl_Module *module, uint64_t address)
{
	const struct libdw *dw = unit->dw;
	unit->die = dw->dwfl_module_addrdie(module, address, &unit->bias);
	while (!unit->die) {
		Dwarf_Die *next = NULL;
		while ((next = dw->dwfl_module_nextcu(module, next, &unit->bias)))
			if (dw->dwarf_haspc(next, address - unit->bias) > 0)
				break;
		if (!next)
			return false;
		unit->die = next;
	}
	Dwarf_Attribute attribute;
	unit->folder = dw->dwarf_formstring(dw->dwarf_attr(unit->die, DW_AT_comp_dir, &attribute));
	return true;
}

static bool find_line(const struct unit *unit, uint64_t address, struct spot *spot)
{
	const struct libdw *dw = unit->dw;
	Dwarf_Line *line = dw->dwarf_getsrc_die(unit->die, address - unit->bias);
	*spot = (struct spot){.folder = unit->folder};
	if (!line || dw->dwarf_lineno(line, &spot->line))
		return false;
	spot->file = dw->dwarf_linesrc(line, NULL, NULL);
	return spot->file;
}

static Dwarf_Word number_of(const struct libdw *dw, Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value = 0;
	return dw->dwarf_formudata(dw->dwarf_attr(die, name, &attribute), &value) ? 0 : value;
}

/* Where the inlined function was called. */
static void find_caller(const struct unit *unit, Dwarf_Die *inlined, struct spot *spot)
{
	const struct libdw *dw = unit->dw;
	Dwarf_Files *files;
	size_t count;
	Dwarf_Word file = number_of(dw, inlined, DW_AT_call_file);
	if (dw->dwarf_getsrcfiles(unit->die, &files, &count) || file >= count)
		return;
	const char *name = dw->dwarf_filesrc(files, file, NULL, NULL);
	if (!name)
		return;
	spot->file = name;
	spot->line = (int)number_of(dw, inlined, DW_AT_call_line);
}

static void write_spot(struct page *page, const char *name, const struct spot *spot)
{
	page_source(page, name ? name : "??", spot->folder, spot->file, spot->line);
}

/* The scopes as they lie in each other where the code is, and not, for an inlined one, where its function was defined. */
static int find_scopes(const struct unit *unit, uint64_t address, Dwarf_Die **scopes)
{
	const struct libdw *dw = unit->dw;
	Dwarf_Die *innermost = NULL;
	*scopes = NULL;
	int count = dw->dwarf_getscopes(unit->die, address - unit->bias, &innermost);
	if (count > 0)
		count = dw->dwarf_getscopes_die(innermost, scopes);
	free(innermost);
	return count;
}

/* Only where it must be: a large table is read for it. */
static const char *find_symbol(const struct libdw *dw, Dwfl_Module *module, uint64_t address)
{
	GElf_Off further;
	GElf_Sym symbol;
	return dw->dwfl_module_addrinfo(module, address, &further, &symbol, NULL, NULL, NULL);
}

bool scope_write(const struct libdw *dw, struct page *page, Dwfl_Module *module, uint64_t address)
{
	struct unit unit = {.dw = dw};
	struct spot spot;
	if (!find_unit(&unit, module, address) || !find_line(&unit, address, &spot))
		return false;
	Dwarf_Die *scopes;
	const char *function = NULL;
	int count = find_scopes(&unit, address, &scopes);
	for (int i = 0; i < count; i++) {
		int tag = dw->dwarf_tag(&scopes[i]);
		const char *name = dw->dwarf_diename(&scopes[i]);
		if (tag == DW_TAG_inlined_subroutine) {
			write_spot(page, name, &spot);
			find_caller(&unit, &scopes[i], &spot);
		} else if (tag == DW_TAG_subprogram) {
			function = name;
			break;
		}
	}
	write_spot(page, function ? function : find_symbol(dw, module, address), &spot);
	free(scopes);
	return true;
}
