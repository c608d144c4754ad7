/* SPDX-License-Identifier: MIT */
#include "base/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

RAW_FUNCTION long raw_call(long number, long a, long b, long c, long d, long e)
{
#if defined(__x86_64__)
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = 0;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = 0;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
#else
	long result = syscall(number, a, b, c, d, e, 0L);
	return result < 0 ? -errno : result;
#endif
}

/* The names in /proc/self/fd: the older way, which reads only descriptors that are there. Returns 0, or -1 without /proc. */
RAW_FUNCTION static int close_listed(int first, int spare)
{
	struct entry {
		uint64_t inode;
		int64_t offset;
		uint16_t size;
		uint8_t type;
		char name[];
	};
	long directory = raw_call(SYS_openat, AT_FDCWD, (long)"/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0);
	if (directory < 0)
		return -1;
	union {
		struct entry align;
		char bytes[1024];
	} block;
	/* Closing while listing may skip entries, so it lists again until nothing was closed. */
	for (int closed = 1; closed;) {
		closed = 0;
		raw_call(SYS_lseek, directory, 0, SEEK_SET, 0, 0);
		for (;;) {
			long size = raw_call(SYS_getdents64, directory, (long)block.bytes, sizeof block.bytes, 0, 0);
			if (size <= 0)
				break;
			for (long at = 0; at < size;) {
				const struct entry *entry = (const struct entry *)(const void *)(block.bytes + at);
				at += entry->size;
				int fd = 0;
				const char *digit = entry->name;
				if (*digit < '0' || *digit > '9')
					continue;
				for (; *digit; digit++)
					fd = fd * 10 + (*digit - '0');
				if (fd < first || fd == spare || fd == directory)
					continue;
				/* A tool that the program runs under may refuse to have its own closed. */
				if (!raw_call(SYS_close, fd, 0, 0, 0, 0))
					closed = 1;
			}
		}
	}
	raw_call(SYS_close, directory, 0, 0, 0, 0);
	return 0;
}

RAW_FUNCTION static long close_span(long first, long last)
{
	return first > last ? 0 : raw_call(SYS_close_range, first, last, 0, 0, 0);
}

RAW_FUNCTION void raw_close_from(int first, int spare)
{
	const long all = (long)UINT32_MAX;
	if (spare < first) {
		if (!close_span(first, all))
			return;
	} else if (!close_span(first, spare - 1) && !close_span((long)spare + 1, all)) {
		return;
	}
	if (!close_listed(first, spare))
		return;
	struct rlimit limit = {.rlim_cur = 1024};
	raw_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit, 0);
	long end = limit.rlim_cur > 1048576 ? 1048576 : (long)limit.rlim_cur;
	for (long fd = first; fd < end; fd++)
		if (fd != spare)
			raw_call(SYS_close, fd, 0, 0, 0, 0);
}
