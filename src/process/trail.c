/* SPDX-License-Identifier: MIT */
#include "process/trail.h"

bool thread_read(struct thread *thread, uint64_t address, uint64_t *value)
{
	if (thread->bottom && address > thread->bottom - sizeof *value) {
		thread->met_bottom = true;
		return false;
	}
	if (thread->end && address > thread->end - sizeof *value) {
		thread->met_end = true;
		return false;
	}
	return thread->read(thread->memory, address, value);
}

bool thread_return(struct thread *thread, const struct modules *modules)
{
	uint64_t *registers = thread->registers, address;
#if defined(__x86_64__)
	if (!thread_read(thread, registers[SNAPSHOT_SP], &address))
		return false;
	uint64_t pushed = sizeof address;
#elif defined(__aarch64__)
	address = registers[30];
	uint64_t pushed = 0;
#else
	address = 0;
	uint64_t pushed = 0;
#endif
	if (!modules_is_code(modules, address - 1))
		return false;
	registers[SNAPSHOT_SP] += pushed;
	registers[SNAPSHOT_PC] = address - 1;
	thread->called = true;
	return true;
}

/* It may be a trail that goes in a circle. */
enum { AGAIN_MOST = 1 << 14 };

bool trail_add(struct trail *trail, uint64_t address, bool exact)
{
	struct call *last = trail->count ? &trail->calls[trail->count - 1] : NULL;
	if (last && !last->exact && !exact && last->address == address) {
		trail->more = ++last->again == AGAIN_MOST;
		return !trail->more;
	}
	if (trail->count == TRAIL_MOST) {
		trail->more = true;
		return false;
	}
	trail->calls[trail->count++] = (struct call){address, exact, 0};
	return true;
}

void trail_follow(struct trail *trail, struct thread *thread)
{
	uint64_t frame = thread->registers[SNAPSHOT_FP], next, address;
	if (!trail_add(trail, thread->registers[SNAPSHOT_PC] + thread->called, !thread->called))
		return;
	while (thread_read(thread, frame, &next) && thread_read(thread, frame + sizeof next, &address) && address) {
		if (!trail_add(trail, address, false) || next <= frame)
			return;
		frame = next;
	}
}
