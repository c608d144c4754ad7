/* SPDX-License-Identifier: MIT */
/*
 * command time|capture|memory INPUTS COMMAND [ARGUMENT…]
 *
 * Runs a command whose stdin are so many lines, the numbers from 1 on. time: nanoseconds from its start to its end for each
 * input, and those of processor time, its own and that of all below it. capture: the same with its output in a file, which
 * has to have a line for each input. memory: the most that the command has had resident itself, without its children.
 */
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a pipe holds without being asked for more, on systems with pages of 4 KiB. */
enum { USUAL = 65536 };

struct command {
	char **argv;
	unsigned long inputs;
	char *lines;
	size_t size;
	int output;
	bool capture;
	uint64_t runs;
};

static void make_lines(struct command *command)
{
	FILE *stream = open_memstream(&command->lines, &command->size);
	if (!stream)
		fail("open_memstream");
	for (unsigned long line = 1; line <= command->inputs; line++)
		fprintf(stream, "%lu\n", line);
	if (fclose(stream))
		fail("open_memstream");
}

/* Not a file, whose position the command and its jobs would share. All is in it beforehand, so nobody has to feed it. */
static int filled(const struct command *command)
{
	int ends[2];
	must(pipe2(ends, O_CLOEXEC), "pipe2");
	if (command->size > USUAL)
		must(fcntl(ends[1], F_SETPIPE_SZ, (int)command->size), "a pipe for the inputs");
	write_whole(ends[1], command->lines, command->size);
	close(ends[1]);
	return ends[0];
}

/* A file on a disk, or what the system has for temporary ones, as a user's own would be. */
static int made(void)
{
	const char *directory = getenv("TMPDIR");
	return must(open(directory ? directory : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "a file for the output");
}

static void count_lines(const struct command *command)
{
	static char part[65536];
	unsigned long lines = 0;
	must((int)lseek(command->output, 0, SEEK_SET), "lseek");
	for (ssize_t size; (size = read(command->output, part, sizeof part));) {
		must((int)size, "read");
		for (const char *at = part; (at = memchr(at, '\n', (size_t)(part + size - at))); at++)
			lines++;
	}
	if (lines == command->inputs)
		return;
	fprintf(stderr, "%s: %lu lines of output for %lu inputs\n", command->argv[0], lines, command->inputs);
	exit(1);
}

static pid_t start(const struct command *command, int input, bool traced)
{
	pid_t child = must(fork(), "fork");
	if (child)
		return child;
	must(dup2(input, STDIN_FILENO), "dup2");
	must(dup2(command->output, STDOUT_FILENO), "dup2");
	if (traced)
		must((int)ptrace(PTRACE_TRACEME, 0, NULL, NULL), "ptrace");
	execvp(command->argv[0], command->argv);
	fail(command->argv[0]);
}

/* Why it failed it has said itself, as its last line. */
static void look_at(int status)
{
	if (WIFSIGNALED(status))
		fprintf(stderr, "killed by signal %d\n", WTERMSIG(status));
	if (status)
		exit(1);
}

static double run(void *context)
{
	struct command *command = context;
	must(command->capture ? ftruncate(command->output, 0) : 0, "ftruncate");
	must(command->capture ? (int)lseek(command->output, 0, SEEK_SET) : 0, "lseek");
	int input = filled(command);
	const uint64_t begin = nanoseconds();
	pid_t child = start(command, input, false);
	int status;
	must(waitpid(child, &status, 0), "waitpid");
	const uint64_t end = nanoseconds();
	close(input);
	look_at(status);
	/* What it has left behind comes here, so that its time counts as well. */
	while (wait(NULL) > 0) {}
	if (command->capture)
		count_lines(command);
	command->runs++;
	return (double)(end - begin);
}

static double processor_nanoseconds(void)
{
	struct rusage usage;
	must(getrusage(RUSAGE_CHILDREN, &usage), "getrusage");
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}

static void print_times(struct command *command)
{
	const double inputs = (double)command->inputs;
	const double spent = measure_each(run, command);
	printf("{\"ns\": %.2f, \"cpu_ns\": %.2f}\n", spent / inputs, processor_nanoseconds() / (double)command->runs / inputs);
}

static double peak_of(pid_t pid)
{
	FILE *stream = open_of(pid, "status");
	char line[256];
	double kibibytes = 0;
	while (fgets(line, sizeof line, stream))
		if (!strncmp(line, "VmHWM:", 6))
			kibibytes = atof(line + 6);
	fclose(stream);
	return kibibytes * 1024;
}

/*
 * ru_maxrss would be that of the greatest of its children too, and of this program's copy that became it. So it is stopped
 * as it ends, with its memory still there.
 */
static void print_memory(const struct command *command)
{
	int input = filled(command);
	pid_t child = start(command, input, true);
	close(input);
	double peak = 0;
	bool known = false;
	int status;
	while (must(waitpid(child, &status, 0), "waitpid") && WIFSTOPPED(status)) {
		int event = status >> 16, signal = event ? 0 : WSTOPSIG(status);
		if (!known) {
			const uintptr_t wanted = PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
			must((int)ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)wanted), "PTRACE_SETOPTIONS");
			known = true;
			signal = 0;
		}
		if (event == PTRACE_EVENT_EXIT)
			peak = peak_of(child);
		must((int)ptrace(PTRACE_CONT, child, NULL, (void *)(uintptr_t)signal), "PTRACE_CONT");
	}
	look_at(status);
	errno = EPROTO;
	if (peak <= 0)
		fail("VmHWM");
	printf("{\"bytes\": %.0f}\n", peak);
}

int main(int argc, char **argv)
{
	struct command command = {.inputs = argc > 3 ? strtoul(argv[2], NULL, 10) : 0};
	if (!command.inputs) {
		fprintf(stderr, "usage: command time|capture|memory INPUTS COMMAND [ARGUMENT…]\n");
		return 2;
	}
	command.argv = argv + 3;
	make_lines(&command);
	command.capture = !strcmp(argv[1], "capture");
	command.output = command.capture ? made() : must(open("/dev/null", O_WRONLY | O_CLOEXEC), "/dev/null");
	must(prctl(PR_SET_CHILD_SUBREAPER, 1), "PR_SET_CHILD_SUBREAPER");
	if (!strcmp(argv[1], "memory"))
		print_memory(&command);
	else
		print_times(&command);
	free(command.lines);
	return 0;
}
