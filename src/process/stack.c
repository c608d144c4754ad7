/* SPDX-License-Identifier: MIT */
#include "process/stack.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

enum { GUARD = 4096, EACH = 16384, WHOLE = GUARD + 2 * EACH, SPARE = 16 };

static _Atomic(void *) spare[SPARE];

void *stack_new(void)
{
	for (int i = 0; i < SPARE; i++) {
		void *stack = atomic_exchange(&spare[i], NULL);
		if (stack)
			return stack;
	}
	void *stack = mmap(NULL, WHOLE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return NULL;
	if (mprotect(stack, GUARD, PROT_NONE)) {
		munmap(stack, WHOLE);
		return NULL;
	}
	return stack;
}

void stack_free(void *stack)
{
	if (!stack)
		return;
	for (int i = 0; i < SPARE; i++) {
		void *none = NULL;
		if (atomic_compare_exchange_strong(&spare[i], &none, stack))
			return;
	}
	munmap(stack, WHOLE);
}

void *stack_of_keeper(void *stack)
{
	return (char *)stack + WHOLE;
}

void *stack_of_program(void *stack)
{
	return (char *)stack + GUARD + EACH;
}
