/* SPDX-License-Identifier: MIT */
#include "timeout_group.h"

#include "text.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* So many processes are described, and so many calls of the kernel's stack, innermost first. */
enum { DESCRIBED = 20, FRAMES = 4 };

struct member {
	pid_t pid, parent, group;
	char state;
	long threads, pages;
	unsigned long ticks;
	char name[64];
};

/* What a process can wait in for long. file: the first argument is a descriptor. */
static const struct {
	long number;
	const char *name;
	bool file;
} calls[] = {
	{SYS_read, "read", true}, {SYS_write, "write", true}, {SYS_readv, "readv", true}, {SYS_writev, "writev", true},
	{SYS_pread64, "pread", true}, {SYS_pwrite64, "pwrite", true}, {SYS_recvfrom, "recvfrom", true},
	{SYS_recvmsg, "recvmsg", true}, {SYS_sendto, "sendto", true}, {SYS_sendmsg, "sendmsg", true},
	{SYS_accept, "accept", true}, {SYS_accept4, "accept4", true}, {SYS_connect, "connect", true},
	{SYS_flock, "flock", true}, {SYS_fcntl, "fcntl", true}, {SYS_fsync, "fsync", true}, {SYS_fdatasync, "fdatasync", true},
	{SYS_ioctl, "ioctl", true}, {SYS_splice, "splice", true}, {SYS_epoll_pwait, "epoll_wait", true},
	{SYS_futex, "futex", false}, {SYS_clock_nanosleep, "clock_nanosleep", false}, {SYS_nanosleep, "nanosleep", false},
	{SYS_wait4, "wait4", false}, {SYS_waitid, "waitid", false}, {SYS_ppoll, "ppoll", false}, {SYS_pselect6, "pselect", false},
	{SYS_rt_sigsuspend, "sigsuspend", false}, {SYS_rt_sigtimedwait, "sigtimedwait", false}, {SYS_openat, "openat", false},
	{SYS_semop, "semop", false}, {SYS_semtimedop, "semtimedop", false}, {SYS_msgrcv, "msgrcv", false},
	{SYS_msgsnd, "msgsnd", false},
#ifdef SYS_poll
	{SYS_poll, "poll", false}, {SYS_select, "select", false}, {SYS_pause, "pause", false}, {SYS_open, "open", false},
	{SYS_epoll_wait, "epoll_wait", true},
#endif
};

/* --- reading /proc ------------------------------------------------------------------------------------------------- */

/* The beginning of a file of a process, as a string; false where it cannot be read or is empty. */
static bool read_file(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	const ssize_t got = read(fd, out, size - 1);
	close(fd);
	out[got > 0 ? got : 0] = 0;
	return got > 0;
}

static bool read_member(pid_t pid, struct member *member)
{
	char text[1024];
	unsigned long user, system;
	*member = (struct member){.pid = pid};
	if (!read_file(pid, "stat", text, sizeof text))
		return false;
	/* The name may have anything in it, but no more than what follows has a parenthesis. */
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	static const char format[] = " %c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld %*d %*u %*u %ld";
	if (!open || !close || sscanf(close + 1, format, &member->state, &member->parent, &member->group, &user, &system,
			&member->threads, &member->pages) != 7)
		return false;
	*close = 0;
	snprintf(member->name, sizeof member->name, "%s", open + 1);
	member->ticks = user + system;
	return true;
}

/* All processes that can be seen; the caller frees them. */
static struct member *list(size_t *count)
{
	struct member *members = NULL;
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	*count = 0;
	while (directory && (entry = readdir(directory))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		if ((*count & (*count - 1)) == 0)
			members = need_more(members, (*count ? *count * 2 : 1) * sizeof *members);
		*count += read_member((pid_t)atoi(entry->d_name), &members[*count]);
	}
	if (directory)
		closedir(directory);
	return members;
}

static bool has_ended(const struct member *member)
{
	return member->state == 'Z' || member->state == 'X';
}

bool timeout_group_lives(pid_t group)
{
	size_t count, living = 0;
	struct member *members = list(&count);
	for (size_t i = 0; i < count; i++)
		living += members[i].group == group && !has_ended(&members[i]);
	free(members);
	return living;
}

/* --- what it waits for --------------------------------------------------------------------------------------------- */

/* What goes to a terminal must not work there. */
static void add_plain(struct brood_buffer *out, const char *text)
{
	for (; *text; text++)
		text_add_char(out, iscntrl((unsigned char)*text) ? '?' : *text);
}

static void add_file(struct brood_buffer *out, pid_t pid, unsigned long fd)
{
	char path[64], target[256];
	snprintf(path, sizeof path, "/proc/%d/fd/%lu", pid, fd);
	const ssize_t size = readlink(path, target, sizeof target - 1);
	text_add_format(out, " of descriptor %lu", fd);
	if (size <= 0)
		return;
	target[size] = 0;
	text_add_string(out, " (");
	add_plain(out, target);
	text_add_char(out, ')');
}

static void add_call(struct brood_buffer *out, pid_t pid)
{
	char text[256];
	long number;
	unsigned long first;
	if (!read_file(pid, "syscall", text, sizeof text) || sscanf(text, "%ld %lx", &number, &first) != 2 || number < 0)
		return;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (calls[i].number == number) {
			text_add_format(out, ", in %s", calls[i].name);
			if (calls[i].file)
				add_file(out, pid, first);
			return;
		}
	text_add_format(out, ", in system call %ld", number);
}

/* Where it is in the kernel: the stack, which only root may see, or its last call. */
static void add_kernel(struct brood_buffer *out, pid_t pid)
{
	char text[4096], *rest = text, *line;
	int frames = 0;
	if (read_file(pid, "stack", text, sizeof text))
		while (frames < FRAMES && (line = strsep(&rest, "\n"))) {
			char *name = strchr(line, ' ');
			if (!name)
				continue;
			name[1 + strcspn(name + 1, "+")] = 0;
			text_add_format(out, "%s%s", frames++ ? " < " : ", kernel: ", name + 1);
		}
	if (!frames && read_file(pid, "wchan", text, sizeof text) && strcmp(text, "0") != 0)
		text_add_format(out, ", kernel: %s", text);
}

static const char *state_of(char letter)
{
	switch (letter) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "waiting for a device, which no signal ends";
	case 'T':
		return "stopped";
	case 't':
		return "stopped by a debugger";
	default:
		return "in an unknown state";
	}
}

static void add_command(struct brood_buffer *out, const struct member *member)
{
	char text[80];
	int fd, size = 0;
	snprintf(text, sizeof text, "/proc/%d/cmdline", member->pid);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		size = (int)read(fd, text, sizeof text - 1);
		close(fd);
	}
	text_add_format(out, "  %d ", member->pid);
	add_plain(out, member->name);
	if (size <= 0)
		return;
	for (int i = 0; i < size - 1; i++)
		if (!text[i])
			text[i] = ' ';
	text[size] = 0;
	text_add_string(out, " [");
	add_plain(out, text);
	text_add_string(out, size == sizeof text - 1 ? "…]" : "]");
}

void timeout_group_describe(pid_t group, struct brood_buffer *out)
{
	size_t count, described = 0;
	struct member *members = list(&count);
	const long tick = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
	for (size_t i = 0; i < count; i++) {
		const struct member *member = &members[i];
		size_t children = 0;
		if (member->group != group || has_ended(member) || described++ >= DESCRIBED)
			continue;
		for (size_t k = 0; k < count; k++)
			children += members[k].parent == member->pid && !has_ended(&members[k]);
		add_command(out, member);
		text_add_format(out, ": %s", state_of(member->state));
		if (member->state != 'R')
			add_call(out, member->pid);
		add_kernel(out, member->pid);
		text_add_format(out, "; %.2f s of processor, %.1f MiB", (double)member->ticks / (double)tick,
				(double)member->pages * (double)page / (1 << 20));
		if (member->threads > 1)
			text_add_format(out, ", %ld threads", member->threads);
		if (children)
			text_add_format(out, ", %zu child%s", children, children == 1 ? "" : "ren");
		text_add_char(out, '\n');
	}
	if (described > DESCRIBED)
		text_add_format(out, "  and %zu more processes\n", described - DESCRIBED);
	free(members);
}
