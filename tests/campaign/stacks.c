/* SPDX-License-Identifier: MIT */
#include "stacks.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <elf.h>

static void read_line(pid_t pid, const char *name, char *line, size_t size)
{
	char path[60];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	FILE *file = fopen(path, "re");
	if (!file || !fgets(line, (int)size, file))
		snprintf(line, size, "?");
	line[strcspn(line, "\n")] = 0;
	if (file)
		fclose(file);
}

struct place {
	char file[400];
	unsigned long offset;
};

/* The executable file that is mapped there, and where in it. */
static bool find_place(pid_t pid, unsigned long address, struct place *place)
{
	char path[60], line[600];
	unsigned long from, to, offset;
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
	FILE *file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof line, file)) {
		found = sscanf(line, "%lx-%lx %*2sx%*s %lx %*s %*s %399[^\n]", &from, &to, &offset, place->file) == 4 &&
			address >= from && address < to && *place->file == '/';
		place->offset = address - from + offset;
	}
	if (file)
		fclose(file);
	return found;
}

/* By addr2line, where that is installed. */
static void print_place(const struct place *place)
{
	char command[600], function[200] = "";
	snprintf(command, sizeof command, "addr2line -sfe '%s' %#lx 2>/dev/null", place->file, place->offset);
	FILE *tool = popen(command, "re");
	size_t size = tool ? fread(function, 1, sizeof function - 1, tool) : 0;
	function[size] = 0;
	for (char *at = function; (at = strchr(at, '\n')); at++)
		*at = ' ';
	if (tool)
		pclose(tool);
	printf("#     %s %s+%#lx\n", function, place->file, place->offset);
}

/* Whatever on the stack could be a return address into something else than the C library, which has no frame pointers: more
   than the calls that are open, but those are among them. */
static void print_stack(pid_t pid)
{
#if defined(__x86_64__)
	struct user_regs_struct registers;
	struct iovec area = {.iov_base = &registers, .iov_len = sizeof registers};
	struct place place;
	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &area))
		return;
	if (find_place(pid, registers.rip, &place))
		print_place(&place);
	int printed = 0;
	for (unsigned long at = registers.rsp; at < registers.rsp + 4096 && printed < 10; at += sizeof at) {
		errno = 0;
		long word = ptrace(PTRACE_PEEKDATA, pid, at, NULL);
		if (errno)
			break;
		if (find_place(pid, (unsigned long)word - 1, &place) && !strstr(place.file, "/libc.") && !strstr(place.file, "/ld-")) {
			print_place(&place);
			printed++;
		}
	}
#else
	(void)pid;
#endif
}

void stacks_print(pid_t pid, const char *role)
{
	char name[100], stat[600], call[200];
	int status;
	read_line(pid, "comm", name, sizeof name);
	read_line(pid, "stat", stat, sizeof stat);
	read_line(pid, "syscall", call, sizeof call);
	const char *end = strrchr(stat, ')');
	printf("#   %s %d (%s) state %c, call %s\n", role, (int)pid, name, end && end[1] ? end[2] : '?', call);
	/* Where it stops for another reason first, that is as good. */
	if (!ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) && waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		print_stack(pid);
	fflush(stdout);
}
