/* SPDX-License-Identifier: MIT */
#include "process/unwinder.h"
#include "process/debug.h"
#include "process/plain.h"
#include "process/seizure.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct unwinder {
	bool ready; /* libdw has been looked for */
	struct debug *debug;
	struct modules modules;
	struct snapshot copy;
};

int unwinder_new(struct unwinder **out)
{
	*out = calloc(1, sizeof **out);
	return *out ? 0 : -ENOMEM;
}

int unwinder_new_plain(struct unwinder **out)
{
	int error = unwinder_new(out);
	if (!error)
		(*out)->ready = true;
	return error;
}

void unwinder_free(struct unwinder *unwinder)
{
	if (!unwinder)
		return;
	debug_free(unwinder->debug);
	modules_free(&unwinder->modules);
	free(unwinder);
}

/* Takes the modules as they are now. */
static void adopt(struct unwinder *unwinder, struct modules *modules)
{
	bool first = !unwinder->ready;
	if (first) {
		unwinder->debug = debug_new();
		unwinder->ready = true;
	}
	if (!first && modules_equal(&unwinder->modules, modules)) {
		modules_free(modules);
		return;
	}
	modules_free(&unwinder->modules);
	unwinder->modules = *modules;
	if (unwinder->debug)
		debug_report(unwinder->debug, &unwinder->modules);
}

static void write_call(struct unwinder *unwinder, struct page *page, const struct call *call)
{
	if (unwinder->debug)
		debug_write(unwinder->debug, page, &unwinder->modules, call);
	else
		plain_write(page, &unwinder->modules, call);
}

static void write_hint(const struct unwinder *unwinder, struct page *page)
{
	if (!unwinder->debug && page->used)
		page_note(page, "(install libdw for files and lines)");
}

static void follow(struct unwinder *unwinder, struct thread *thread, struct trail *trail)
{
	const uint64_t *registers = thread->registers;
	/* Another thread's stack may lie anywhere. */
	if (registers[SNAPSHOT_SP] >= thread->bottom)
		thread->bottom = 0;
	/* Whoever called what is no function is still known. */
	uint64_t address = registers[SNAPSHOT_PC];
	if (!modules_is_code(&unwinder->modules, address) && thread_return(thread, &unwinder->modules))
		trail_add(trail, address, true);
	size_t before = trail->count;
	if (unwinder->debug)
		debug_follow(unwinder->debug, thread, trail);
	if (trail->count == before)
		trail_follow(trail, thread);
	/* What could not be left for want of what lies behind the bottom is brood's. */
	if (thread->met_bottom && trail->count > 1)
		trail->count--;
}

static void write_thread(struct unwinder *unwinder, struct page *page, struct thread *thread)
{
	struct trail trail = {0};
	follow(unwinder, thread, &trail);
	page->number = 0;
	for (size_t i = 0; i < trail.count; i++) {
		const struct call *call = &trail.calls[i];
		write_call(unwinder, page, call);
		if (call->again)
			page_note(page, "… %zu more of #%zu", call->again, page->number - 1);
		page->number += call->again;
	}
	if (trail.more)
		page_note(page, "… more");
	else if (thread->met_end)
		page_note(page, "… more, further up than the %d KiB of stack that are kept", SNAPSHOT_STACK / 1024);
}

/* --- a snapshot ---------------------------------------------------------------------------------------------------- */

static bool read_stack(void *memory, uint64_t address, uint64_t *value)
{
	const struct snapshot *snapshot = memory;
	uint64_t offset = address - snapshot->stack_from;
	if (address < snapshot->stack_from || snapshot->stack_size < sizeof *value ||
	    offset > snapshot->stack_size - sizeof *value)
		return false;
	memcpy(value, snapshot->stack + offset, sizeof *value);
	return true;
}

static uint32_t read_size(const uint32_t *size, uint32_t most)
{
	uint32_t value = *(const volatile uint32_t *)size;
	return value < most ? value : most;
}

static void copy(struct snapshot *own, const struct snapshot *shared)
{
	memcpy(own->registers, shared->registers, sizeof own->registers);
	own->stack_from = shared->stack_from;
	own->bottom = shared->bottom;
	own->stack_size = read_size(&shared->stack_size, SNAPSHOT_STACK);
	own->maps_size = read_size(&shared->maps_size, SNAPSHOT_MAPS);
	memcpy(own->stack, shared->stack, own->stack_size);
	memcpy(own->maps, shared->maps, own->maps_size);
}

size_t unwinder_snapshot(struct unwinder *unwinder, const struct snapshot *snapshot, char *text, size_t size)
{
	struct snapshot *own = &unwinder->copy;
	struct modules modules = {0};
	struct page page;
	page_begin(&page, text, size);
	copy(own, snapshot);
	int error = own->maps_size ? modules_parse(&modules, own->maps, own->maps_size) : modules_read(&modules, 0);
	if (SNAPSHOT_REGISTERS == 1 || error)
		return 0;
	adopt(unwinder, &modules);
	struct thread thread = {.bottom = own->bottom, .read = read_stack, .memory = own,
				.end = own->stack_size == SNAPSHOT_STACK ? own->stack_from + own->stack_size : 0};
	memcpy(thread.registers, own->registers, sizeof thread.registers);
	write_thread(unwinder, &page, &thread);
	write_hint(unwinder, &page);
	return page.used;
}

/* --- a process ----------------------------------------------------------------------------------------------------- */

struct visit {
	struct unwinder *unwinder;
	struct page page;
	uint64_t bottom;
	struct seizure seizure;
};

static void visit_thread(struct visit *visit, struct seized *seized)
{
	struct thread thread;
	if (visit->seizure.count > 1)
		page_note(&visit->page, "thread %d \"%s\":", (int)seized->tid, seized->name);
	if (!seizure_look(seized, &thread)) {
		page_note(&visit->page, "(not stopped)");
		return;
	}
	thread.bottom = seized->tid == visit->seizure.pid ? visit->bottom : 0;
	write_thread(visit->unwinder, &visit->page, &thread);
}

/* A first thread that has ended has no memory, and so no maps, any more. */
static int read_modules(const struct seizure *seizure, struct modules *modules)
{
	for (size_t i = 0; i < seizure->count; i++)
		if (seizure->threads[i].stopped)
			return modules_read(modules, seizure->threads[i].tid);
	return 0;
}

static void *visit_process(void *argument)
{
	struct visit *visit = argument;
	struct seizure *seizure = &visit->seizure;
	struct modules modules = {0};
	if (!seizure_begin(seizure, seizure->pid))
		return NULL;
	if (!read_modules(seizure, &modules)) {
		adopt(visit->unwinder, &modules);
		for (size_t i = 0; i < seizure->count; i++)
			if (!seizure->threads[i].gone)
				visit_thread(visit, &seizure->threads[i]);
		if (seizure->more)
			page_note(&visit->page, "… more");
		write_hint(visit->unwinder, &visit->page);
	}
	seizure_end(seizure);
	return NULL;
}

size_t unwinder_process(struct unwinder *unwinder, pid_t pid, uint64_t bottom, char *text, size_t size)
{
	struct visit visit = {.unwinder = unwinder, .bottom = bottom, .seizure = {.pid = pid}};
	pthread_t thread;
	page_begin(&visit.page, text, size);
	/* In a thread of its own: see seizure.h. */
	if (SNAPSHOT_REGISTERS == 1 || pthread_create(&thread, NULL, visit_process, &visit))
		return 0;
	pthread_join(thread, NULL);
	return visit.page.used;
}

/* --- this process -------------------------------------------------------------------------------------------------- */

size_t unwinder_calls(struct unwinder *unwinder, const void *const *calls, size_t count, char *text, size_t size)
{
	struct modules modules = {0};
	struct page page;
	page_begin(&page, text, size);
	if (SNAPSHOT_REGISTERS == 1 || modules_read(&modules, 0))
		return 0;
	adopt(unwinder, &modules);
	for (size_t i = 0; i < count && !page.full; i++)
		write_call(unwinder, &page, &(struct call){(uintptr_t)calls[i], false, 0});
	write_hint(unwinder, &page);
	return page.used;
}
