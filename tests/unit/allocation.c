/* SPDX-License-Identifier: MIT */
#include "allocation.h"

#include <errno.h>
#include <stdatomic.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *old);

static atomic_ulong countdown;
static atomic_int failed;
static atomic_long live;
static atomic_size_t largest;

void allocation_fail(unsigned long nth)
{
	failed = 0;
	countdown = nth;
}

int allocation_failed(void)
{
	countdown = 0;
	return failed;
}

long allocation_count(void)
{
	return live;
}

size_t allocation_largest(void)
{
	return atomic_exchange(&largest, 0);
}

static int fails(size_t size)
{
	if (size > largest)
		largest = size;
	if (!countdown || --countdown)
		return 0;
	failed = 1;
	errno = ENOMEM;
	return 1;
}

static void *counted(void *made)
{
	if (made)
		live++;
	return made;
}

void *__wrap_malloc(size_t size)
{
	return fails(size) ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails(size) ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	if (fails(size))
		return NULL;
	void *made = __real_realloc(old, size);
	return old ? made : counted(made);
}

void __wrap_free(void *old)
{
	if (old)
		live--;
	__real_free(old);
}
