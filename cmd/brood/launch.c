/* SPDX-License-Identifier: MIT */
#include "launch.h"

#include "directory.h"
#include "quote.h"
#include "say.h"
#include "shell.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* --- once for all jobs --------------------------------------------------------------------------------------------- */

static char *join_words(const struct options *options)
{
	struct brood_buffer text = {0};
	for (size_t i = 0; i < options->word_count; i++) {
		if (i)
			text_add_char(&text, ' ');
		text_add_string(&text, options->words[i]);
	}
	return text_string(&text);
}

/* Whether each word of the command can be given to the kernel as it stands. */
static bool is_direct(const struct launcher *launcher)
{
	const struct template *command = &launcher->command;
	if (launcher->options->no_shell)
		return true;
	if (!launcher->options->word_count || command->needs_shell || !command->count)
		return false;
	const struct piece *first = &command->pieces[0];
	const bool alone = command->count == 1 || command->pieces[1].kind == PIECE_SPACE;
	return first->kind == PIECE_TEXT && alone && !strchr(first->text, '=') && !shell_knows(first->text);
}

/* Looks through PATH once in place of once for each job. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH");
	if (strchr(name, '/') || !path)
		return NULL;
	for (;;) {
		struct brood_buffer file = {0};
		struct stat status;
		const size_t size = strcspn(path, ":");
		text_add(&file, size ? path : ".", size ? size : 1);
		text_add_char(&file, '/');
		text_add_string(&file, name);
		if (!stat(text_string(&file), &status) && S_ISREG(status.st_mode) && !access((char *)file.data, X_OK))
			return (char *)file.data;
		brood_buffer_free(&file);
		if (!path[size])
			return NULL;
		path += size + 1;
	}
}

static void make_environment(struct launcher *launcher)
{
	static char pid[48];
	size_t count = 0;
	while (environ[count])
		count++;
	launcher->environment = need((count + 4) * sizeof *launcher->environment);
	count = 0;
	for (char **entry = environ; *entry; entry++)
		if (strncmp(*entry, "PARALLEL_SEQ=", 13) != 0 && strncmp(*entry, "PARALLEL_JOBSLOT=", 17) != 0 &&
		    strncmp(*entry, "PARALLEL_PID=", 13) != 0)
			launcher->environment[count++] = *entry;
	snprintf(pid, sizeof pid, "PARALLEL_PID=%d", (int)getpid());
	launcher->environment[count++] = pid;
	launcher->environment[count++] = launcher->number;
	launcher->environment[count++] = launcher->slot;
	launcher->environment[count] = NULL;
}

void launcher_begin(struct launcher *launcher, const struct options *options, const struct record *names)
{
	*launcher = (struct launcher){.options = options};
	if (options->quote || options->no_shell) {
		template_read_words(&launcher->command, options->words, options->word_count, options->replacement, names);
	} else {
		char *text = join_words(options);
		template_read(&launcher->command, text, options->replacement, names);
		free(text);
	}
	/* Without a command the input is one. */
	if (!launcher->command.has_places && !options->pipe && !options->word_count)
		template_read(&launcher->command, options->replacement, options->replacement, names);
	else if (!launcher->command.has_places && !options->pipe)
		template_append_all(&launcher->command);
	if (options->tag || options->tag_text)
		template_read(&launcher->tag, options->tag_text ? options->tag_text : options->replacement, options->replacement, names);
	if (options->directory)
		template_read(&launcher->directory, options->directory, options->replacement, names);
	/* Where the first word is the input, the input is the command. */
	if (launcher->command.count && launcher->command.pieces[0].kind == PIECE_VALUE && !options->quote && !options->no_shell &&
	    (launcher->command.count == 1 || launcher->command.pieces[1].kind == PIECE_SPACE))
		launcher->command.pieces[0].quoting = QUOTING_RAW;
	launcher->direct = is_direct(launcher);
	if (launcher->direct && launcher->command.pieces[0].kind == PIECE_TEXT)
		launcher->program = find_program(launcher->command.pieces[0].text);
	make_environment(launcher);
}

void launcher_end(struct launcher *launcher)
{
	template_free(&launcher->command);
	template_free(&launcher->tag);
	template_free(&launcher->directory);
	free(launcher->program);
	free(launcher->environment);
}

/* --- for each job -------------------------------------------------------------------------------------------------- */

void launcher_fill(const struct launcher *launcher, struct job *job)
{
	const struct options *options = launcher->options;
	const struct filling filling = {.records = job->records, .count = job->record_count, .number = job->number, .slot = job->slot,
		.repeat_words = options_repeat_words(options),
		.no_values = !options->max_replace || !options->max_arguments};
	template_fill_shell(&launcher->command, &filling, &job->command);
	text_string(&job->command);
	if (launcher->command.has_slot) {
		struct filling first = filling;
		first.slot = 1;
		template_fill_shell(&launcher->command, &first, &job->alias);
	}
	if (launcher->direct)
		job->word_count = template_fill_words(&launcher->command, &filling, &job->words);
	if (launcher->tag.count) {
		template_fill_raw(&launcher->tag, &filling, &job->tag);
		text_add_char(&job->tag, '\t');
	}
}

struct ends {
	int read[2], write[2];
	int input_read, input_write;
};

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int open_ends(const struct job *job, const struct options *options, struct ends *ends)
{
	int pair[2];
	*ends = (struct ends){{-1, -1}, {-1, -1}, -1, -1};
	for (int i = 0; i < 2 && (options->grouping != GROUP_NONE || options->results); i++) {
		if (pipe2(pair, O_CLOEXEC))
			return -errno;
		ends->read[i] = pair[0];
		ends->write[i] = pair[1];
	}
	if (job->input_wanted) {
		if (pipe2(pair, O_CLOEXEC))
			return -errno;
		ends->input_read = pair[0];
		ends->input_write = pair[1];
		/* What the job does not take must not hold up the others. */
		if (fcntl(pair[1], F_SETFL, O_NONBLOCK))
			return -errno;
	}
	return 0;
}

static int spawn(struct launcher *launcher, struct job *job, const struct ends *ends, const char *directory, bool shell)
{
	const char *const by_shell[] = {shell_path(), "-c", (char *)job->command.data, NULL};
	const char **argv = NULL;
	if (!shell) {
		const char *word = (char *)job->words.data;
		argv = need((job->word_count + 1) * sizeof *argv);
		for (size_t i = 0; i < job->word_count; i++, word += strlen(word) + 1)
			argv[i] = word;
		argv[job->word_count] = NULL;
	}
	const int error = brood_spawn(&job->process, BROOD_PROGRAM(
		.argv = shell ? by_shell : argv,
		.path = shell ? NULL : launcher->program,
		.env = launcher->environment,
		.directory = directory,
		.search = true,
		.stdin_fd = ends->input_read < 0 ? BROOD_NULL : ends->input_read,
		.stdout_fd = ends->write[0] < 0 ? 0 : ends->write[0],
		.stderr_fd = ends->write[1] < 0 ? 0 : ends->write[1],
		.flags = BROOD_DIRECT));
	free(argv);
	return error;
}

/* Where the job runs: as --wd says, made where it is not there. ... is a new one for each job. */
static int find_directory(const struct launcher *launcher, struct job *job, struct brood_buffer *path)
{
	const struct options *options = launcher->options;
	const struct filling filling = {.records = job->records, .count = job->record_count, .number = job->number, .slot = job->slot};
	struct stat status;
	int error = 0;
	if (!options->directory)
		return 0;
	if (strcmp(options->directory, "...") != 0) {
		template_fill_raw(&launcher->directory, &filling, path);
		if (!stat(text_string(path), &status))
			return 0;
		text_add_char(path, '/');
		error = directory_make_above(text_string(path));
	} else {
		text_add_format(path, "%s/brood-XXXXXX", directory_temporary(options->temporary));
		error = mkdtemp(text_string(path)) ? 0 : -errno;
		if (!error) {
			free(job->directory);
			job->directory = need_copy((char *)path->data, path->size);
		}
	}
	if (error)
		say("the directory %s cannot be made: %s", (char *)path->data, strerror(-error));
	return error;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	if (remove(path))
		errno = 0;
	return 0;
}

void launcher_tidy(const struct job *job)
{
	if (job->directory)
		nftw(job->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int launcher_start(struct launcher *launcher, struct job *job)
{
	struct ends ends;
	struct brood_buffer directory = {0};
	int error = open_ends(job, launcher->options, &ends);
	snprintf(launcher->number, sizeof launcher->number, "PARALLEL_SEQ=%zu", job->number);
	snprintf(launcher->slot, sizeof launcher->slot, "PARALLEL_JOBSLOT=%d", job->slot);
	if (!error)
		error = find_directory(launcher, job, &directory);
	if (!error) {
		const bool direct = launcher->direct && job->word_count;
		error = spawn(launcher, job, &ends, (char *)directory.data, !direct);
		/* The shell says it better, and its exit status is what scripts know. */
		if (direct && !launcher->options->no_shell && (error == -ENOENT || error == -EACCES || error == -ENOEXEC))
			error = spawn(launcher, job, &ends, (char *)directory.data, true);
	}
	brood_buffer_free(&directory);
	close_all(&ends.input_read, 1);
	if (error) {
		close_all(ends.read, 2);
		close_all(ends.write, 2);
		close_all(&ends.input_write, 1);
		return error;
	}
	for (int i = 0; i < 2; i++) {
		job->fds[i] = ends.read[i];
		job->kept[i] = ends.write[i];
	}
	job->input = ends.input_write;
	job->state = JOB_RUNNING;
	return 0;
}
