/* SPDX-License-Identifier: MIT */
#include "process/debug.h"
#include "process/libdw.h"
#include "process/path.h"
#include "process/scope.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* libdw knows threads by numbers above 0; there is one at a time. */
enum { THREAD = 1 };

struct debug {
	const struct libdw *dw;
	Dwfl *dwfl;
	Elf *machine;
	struct thread *thread;
	struct trail *trail;
};

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64, NUMBERED = 17 };
#elif defined(__aarch64__)
enum { MACHINE = EM_AARCH64, NUMBERED = 32 };
#else
enum { MACHINE = EM_NONE, NUMBERED = 0 };
#endif

/* Says to libdw what machine the threads are of; it would take a module's file for that, which may go away. */
static char header[sizeof(Elf64_Ehdr)] __attribute__((__aligned__(__alignof__(Elf64_Ehdr))));

static Elf *open_machine(const struct libdw *dw)
{
	const Elf64_Ehdr made = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC, .e_machine = MACHINE, .e_version = EV_CURRENT, .e_ehsize = sizeof made,
	};
	memcpy(header, &made, sizeof made);
	return dw->elf_memory(header, sizeof header);
}

/* What it would be in a file is in memory, as every process has it. */
static Elf *open_vdso(const struct libdw *dw)
{
	Elf64_Ehdr head;
	const char *image = (const char *)(uintptr_t)module_vdso();
	memcpy(&head, image, sizeof head);
	char *copy = (char *)(uintptr_t)image;
	return dw->elf_memory(copy, head.e_shoff + (size_t)head.e_shnum * head.e_shentsize);
}

/* Nothing that a process may have mapped but is no file on a disk is read; opening it must not wait. */
static int open_file(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || (!fstat(fd, &status) && S_ISREG(status.st_mode)))
		return fd;
	close(fd);
	return -1;
}

static int find_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, char **file, Elf **elf)
{
	const char *path = module_path(name);
	(void)module, (void)data, (void)base;
	if (module_is_vdso(path)) {
		*elf = open_vdso(libdw_open());
		return -1;
	}
	int fd = open_file(path);
	if (fd >= 0)
		*file = strdup(path);
	return fd;
}

/* Like the standard one, and never from the network: see libdw_open. */
static int find_debuginfo(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, const char *file,
			  const char *link, GElf_Word checksum, char **found)
{
	if (!file)
		return -1;
	return libdw_open()->dwfl_standard_find_debuginfo(module, data, name, base, file, link, checksum, found);
}

static const Dwfl_Callbacks callbacks = {.find_elf = find_elf, .find_debuginfo = find_debuginfo};

static pid_t next_thread(Dwfl *dwfl, void *argument, void **thread)
{
	(void)dwfl;
	if (*thread)
		return 0;
	*thread = argument;
	return THREAD;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *value, void *argument)
{
	struct debug *debug = argument;
	(void)dwfl;
	return thread_read(debug->thread, address, value);
}

static bool set_registers(Dwfl_Thread *thread, void *argument)
{
	struct debug *debug = argument;
	const uint64_t *registers = debug->thread->registers;
	debug->dw->dwfl_thread_state_register_pc(thread, registers[SNAPSHOT_PC]);
	return debug->dw->dwfl_thread_state_registers(thread, 0, NUMBERED, registers);
}

static const Dwfl_Thread_Callbacks threads = {
	.next_thread = next_thread, .memory_read = read_memory, .set_initial_registers = set_registers,
};

struct debug *debug_new(void)
{
	const struct libdw *dw = libdw_open();
	struct debug *debug = dw ? calloc(1, sizeof *debug) : NULL;
	if (!debug)
		return NULL;
	debug->dw = dw;
	debug->machine = open_machine(dw);
	debug->dwfl = dw->dwfl_begin(&callbacks);
	if (debug->dwfl && dw->dwfl_attach_state(debug->dwfl, debug->machine, THREAD, &threads, debug))
		return debug;
	debug_free(debug);
	return NULL;
}

void debug_free(struct debug *debug)
{
	if (!debug)
		return;
	if (debug->dwfl)
		debug->dw->dwfl_end(debug->dwfl);
	debug->dw->elf_end(debug->machine);
	free(debug);
}

void debug_report(struct debug *debug, const struct modules *modules)
{
	debug->dw->dwfl_report_begin(debug->dwfl);
	for (size_t i = 0; i < modules->count; i++) {
		const struct module *module = &modules->list[i];
		debug->dw->dwfl_report_module(debug->dwfl, module->name, module->low, module->high);
	}
	debug->dw->dwfl_report_end(debug->dwfl, NULL, NULL);
}

static int add_frame(Dwfl_Frame *frame, void *argument)
{
	struct debug *debug = argument;
	struct thread *thread = debug->thread;
	Dwarf_Addr address;
	bool exact;
	/* What was asked for so far was found, or there would be no such frame. */
	thread->met_bottom = thread->met_end = false;
	if (!debug->dw->dwfl_frame_pc(frame, &address, &exact))
		return DWARF_CB_ABORT;
	if (!debug->trail->count && thread->called) {
		address++;
		exact = false;
	}
	return trail_add(debug->trail, address, exact) ? DWARF_CB_OK : DWARF_CB_ABORT;
}

void debug_follow(struct debug *debug, struct thread *thread, struct trail *trail)
{
	debug->thread = thread;
	debug->trail = trail;
	debug->dw->dwfl_getthread_frames(debug->dwfl, THREAD, add_frame, debug);
}

void debug_write(struct debug *debug, struct page *page, const struct modules *modules, const struct call *call)
{
	const struct libdw *dw = debug->dw;
	uint64_t inside = call->exact ? call->address : call->address - 1;
	const struct module *module = modules_find(modules, inside);
	Dwfl_Module *known = module ? dw->dwfl_addrmodule(debug->dwfl, inside) : NULL;
	if (!known) {
		page_address(page, call->address);
		return;
	}
	GElf_Off further = 0;
	GElf_Sym symbol;
	GElf_Addr bias;
	if (scope_write(dw, page, known, inside))
		return;
	const char *name = dw->dwfl_module_addrinfo(known, inside, &further, &symbol, NULL, NULL, NULL);
	uint64_t offset = call->address - module->low + module->offset;
	if (dw->dwfl_module_getelf(known, &bias))
		offset = call->address - bias;
	page_symbol(page, name, further + !call->exact, path_base(module_path(module->name)), offset);
}
