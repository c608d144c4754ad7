/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_LIBDW_H
#define BROOD_PROCESS_LIBDW_H

#include <dwarf.h>
#include <elfutils/libdwfl.h>

/*
 * The functions of libdw, found when they are first needed: the library is not linked with it, and a program that never asks
 * for a traceback never loads it.
 */
#define LIBDW_FUNCTIONS(EACH) \
	EACH(elf_version) EACH(elf_memory) EACH(elf_end) \
	EACH(dwfl_begin) EACH(dwfl_end) EACH(dwfl_report_begin) EACH(dwfl_report_module) EACH(dwfl_report_end) \
	EACH(dwfl_standard_find_debuginfo) \
	EACH(dwfl_attach_state) EACH(dwfl_thread_state_registers) EACH(dwfl_thread_state_register_pc) \
	EACH(dwfl_getthread_frames) EACH(dwfl_frame_pc) \
	EACH(dwfl_addrmodule) EACH(dwfl_module_getelf) EACH(dwfl_module_addrinfo) EACH(dwfl_module_addrdie) \
	EACH(dwfl_module_nextcu) \
	EACH(dwarf_haspc) EACH(dwarf_getscopes) EACH(dwarf_getscopes_die) EACH(dwarf_tag) EACH(dwarf_diename) \
	EACH(dwarf_attr) EACH(dwarf_formudata) EACH(dwarf_formstring) EACH(dwarf_getsrcfiles) EACH(dwarf_filesrc) \
	EACH(dwarf_getsrc_die) EACH(dwarf_lineno) EACH(dwarf_linesrc)

struct libdw {
#define LIBDW_MEMBER(name) __typeof__(name) *name;
	LIBDW_FUNCTIONS(LIBDW_MEMBER)
#undef LIBDW_MEMBER
};

/* NULL: there is none, or one that lacks a function. It takes DEBUGINFOD_URLS out of the environment, so that no server on the
   network is asked for what the machine does not have: only for a process of the unwinder's own. */
const struct libdw *libdw_open(void);

#endif
