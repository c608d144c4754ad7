/* SPDX-License-Identifier: MIT */
#include "process/launch.h"

#include "base/raw.h"
#include "process/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

/* The files to try: the path itself, or for a name to search, that name in each directory of PATH. One block. */
static char **list_files(const char *path, bool search)
{
	char fallback[256] = "";
	const char *directories = NULL;
	if (search && !strchr(path, '/')) {
		directories = getenv("PATH");
		if (!directories) {
			confstr(_CS_PATH, fallback, sizeof fallback);
			directories = fallback;
		}
	}
	size_t count = 1;
	for (const char *at = directories; at && *at; at++)
		count += *at == ':';
	size_t bytes = (directories ? strlen(directories) : 0) + count * (strlen(path) + 3);
	char **files = malloc((count + 1) * sizeof *files + bytes);
	if (!files)
		return NULL;
	char *text = (char *)(files + count + 1);
	for (size_t i = 0; i < count; i++) {
		files[i] = text;
		if (directories) {
			size_t size = strcspn(directories, ":");
			/* An empty entry is the current directory. */
			memcpy(text, size ? directories : ".", size ? size : 1);
			text += size ? size : 1;
			*text++ = '/';
			directories += size + (directories[size] == ':');
		}
		strcpy(text, path);
		text += strlen(path) + 1;
	}
	files[count] = NULL;
	return files;
}

int launch_prepare(struct launch *out, const struct brood_program *program)
{
	const unsigned known = BROOD_OUTLIVE | BROOD_DIRECT;
	if (!program || program->size < sizeof *program || !program->argv || !program->argv[0] || program->flags & ~known)
		return -EINVAL;
	const int given[3] = {program->stdin_fd, program->stdout_fd, program->stderr_fd};
	for (int i = 0; i < 3; i++)
		if (given[i] < BROOD_NULL)
			return -EINVAL;
	const char *path = program->path ? program->path : program->argv[0];
	if (!*path)
		return -ENOENT;
	char **files = list_files(path, program->search);
	if (!files)
		return -ENOMEM;
	*out = (struct launch){
		.argv = program->argv,
		.env = program->env ? program->env : (const char *const *)environ,
		.directory = program->directory,
		.files = files,
		.changed = UINT64_MAX,
		.report = -1,
	};
	for (int i = 0; i < 3; i++)
		out->sources[i] = given[i] ? given[i] : i;
	return 0;
}

void launch_free(struct launch *launch)
{
	free(launch->files);
}

/* The source of one standard descriptor, moved out of the way of the other two; its own place is fine. */
RAW_FUNCTION static long find_source(int source, int target)
{
	long fd = source;
	if (source == target && raw_call(SYS_fcntl, source, F_GETFD, 0, 0, 0) < 0)
		source = BROOD_NULL; /* the host has closed it, and a program without it may take a file for it */
	if (source == BROOD_NULL)
		fd = raw_call(SYS_openat, AT_FDCWD, (long)"/dev/null", O_RDWR | O_CLOEXEC, 0, 0);
	if (fd < 0 || fd > STDERR_FILENO || fd == target)
		return fd;
	return raw_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1, 0, 0);
}

RAW_FUNCTION static long set_descriptors(const int *wanted)
{
	long sources[3] = {-1, -1, -1};
	long result = 0;
	for (int i = 0; i < 3 && result >= 0; i++)
		result = sources[i] = find_source(wanted[i], i);
	for (int i = 0; i < 3 && result >= 0; i++)
		result = sources[i] == i ? raw_call(SYS_fcntl, i, F_SETFD, 0, 0, 0) : raw_call(SYS_dup3, sources[i], i, 0, 0, 0);
	/* What find_source opened on the way. */
	for (int i = 0; i < 3; i++)
		if (sources[i] > STDERR_FILENO && sources[i] != wanted[i])
			raw_call(SYS_close, sources[i], 0, 0, 0, 0);
	return result < 0 ? result : 0;
}

/* Handlers go before the mask does: here they would run in the host's memory. */
RAW_FUNCTION static void set_signals(uint64_t changed)
{
	const struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} action = {0};
	for (int signal = 1; signal < NSIG; signal++)
		if (changed >> (signal - 1) & 1)
			raw_call(SYS_rt_sigaction, signal, (long)&action, 0, sizeof action.mask, 0);
	const unsigned long none = 0;
	raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, sizeof none, 0);
}

/* As a shell does: goes on past places where the file is not, but remembers that one was there and not allowed. */
RAW_FUNCTION static long try_files(const struct launch *launch)
{
	long error = -ENOENT;
	for (char **file = launch->files; *file; file++) {
		long result = raw_call(SYS_execve, (long)*file, (long)launch->argv, (long)launch->env, 0, 0);
		if (result == -EACCES)
			error = result;
		else if (result != -ENOENT && result != -ENOTDIR)
			return result;
		else if (!launch->files[1])
			return result;
	}
	return error;
}

RAW_FUNCTION static long become(const struct launch *launch)
{
	if (launch->fresh) {
		raw_call(SYS_setpgid, 0, 0, 0, 0, 0);
		if (launch->group)
			*launch->group = (pid_t)raw_call(SYS_getpid, 0, 0, 0, 0, 0);
		if (launch->bound && !keeper_bind_child(launch->parent))
			return -ESRCH;
		/*
		 * The host may have been killed since the clone, and the guardian be done already:
		 *
		 *     guardian                       program
		 *     sees that the host has gone
		 *     kills the groups of the table
		 *                                    enters its group
		 *                                    sees that the host has gone
		 */
		if (launch->group && raw_call(SYS_getppid, 0, 0, 0, 0, 0) != launch->parent)
			return -ESRCH;
	}
	long error = set_descriptors(launch->sources);
	if (!error && launch->directory)
		error = raw_call(SYS_chdir, (long)launch->directory, 0, 0, 0, 0);
	if (error)
		return error;
	if (launch->fresh) {
		raw_close_from(STDERR_FILENO + 1, launch->report);
		set_signals(launch->changed);
	}
	return try_files(launch);
}

RAW_FUNCTION int launch_run(void *context)
{
	struct launch *launch = context;
	int error = (int)-become(launch);
	launch->error = error;
	if (launch->report >= 0)
		raw_call(SYS_write, launch->report, (long)&error, sizeof error, 0, 0);
	for (;;)
		raw_call(SYS_exit_group, 127, 0, 0, 0, 0);
}

/* What brood_exec changes before the exec that may fail, to be put back. */
struct before {
	int saved[3], flags[3], directory;
};

static int save(struct before *before, const struct launch *launch)
{
	*before = (struct before){.saved = {-1, -1, -1}, .directory = -1};
	for (int i = 0; i < 3; i++) {
		before->flags[i] = fcntl(i, F_GETFD);
		if (before->flags[i] < 0)
			continue;
		before->saved[i] = fcntl(i, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		/* EINVAL: the limit of descriptors allows none so high. */
		if (before->saved[i] < 0)
			return errno == EINVAL ? -EMFILE : -errno;
	}
	if (launch->directory) {
		before->directory = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (before->directory < 0)
			return -errno;
	}
	return 0;
}

static void restore(const struct before *before)
{
	for (int i = 0; i < 3; i++) {
		if (before->flags[i] < 0)
			close(i);
		if (before->saved[i] < 0)
			continue;
		dup2(before->saved[i], i);
		fcntl(i, F_SETFD, before->flags[i]);
		close(before->saved[i]);
	}
	if (before->directory >= 0) {
		if (fchdir(before->directory))
			errno = 0;
		close(before->directory);
	}
}

BROOD_API int brood_exec(const struct brood_program *program)
{
	struct launch launch;
	int error = launch_prepare(&launch, program);
	if (error)
		return error;
	struct before before;
	error = save(&before, &launch);
	if (!error)
		error = (int)become(&launch);
	restore(&before);
	launch_free(&launch);
	return error;
}
