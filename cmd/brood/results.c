/* SPDX-License-Identifier: MIT */
#include "results.h"

#include "directory.h"
#include "key.h"
#include "say.h"
#include "template.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind { KIND_DIRECTORY, KIND_TEMPLATE, KIND_CSV, KIND_TSV, KIND_JSON };

struct results {
	const struct options *options;
	const struct record *names;
	enum kind kind;
	struct template template;
	size_t *order; /* of the names, as directories stand in each other */
	FILE *table;
	bool begun;
};

static bool ends_with(const char *text, const char *end)
{
	const size_t size = strlen(text), end_size = strlen(end);
	return size >= end_size && !strcmp(text + size - end_size, end);
}

static void sort_names(struct results *results)
{
	const struct record *names = results->names;
	results->order = need(names->count * sizeof *results->order);
	for (size_t i = 0; i < names->count; i++) {
		size_t at = i;
		for (; at && strcmp(names->values[results->order[at - 1]].data, names->values[i].data) > 0; at--)
			results->order[at] = results->order[at - 1];
		results->order[at] = i;
	}
}

struct results *results_open(const struct options *options, const struct record *names)
{
	static const struct {
		const char *end;
		enum kind kind;
	} tables[] = {{".csv", KIND_CSV}, {".tsv", KIND_TSV}, {".json", KIND_JSON}};
	struct results *results = need(sizeof *results);
	*results = (struct results){.options = options, .names = names};
	if (names)
		sort_names(results);
	template_read(&results->template, options->results, options->replacement, names);
	bool places = false;
	for (size_t i = 0; i < results->template.count; i++)
		places |= results->template.pieces[i].kind > PIECE_SPACE;
	if (places)
		results->kind = KIND_TEMPLATE;
	for (size_t i = 0; i < sizeof tables / sizeof *tables && !places; i++)
		if (ends_with(options->results, tables[i].end)) {
			results->kind = tables[i].kind;
			results->table = *options->results == '-' && options->results + 1 == strrchr(options->results, '.')
					 ? stdout : fopen(options->results, options->resume ? "ae" : "we");
			if (!results->table)
				die("the results %s cannot be written: %s", options->results, strerror(errno));
		}
	return results;
}

/* --- files --------------------------------------------------------------------------------------------------------- */

/* A value as the name of a directory: never one that leads elsewhere, or is the same as another value's. */
static void add_name(struct brood_buffer *path, struct brood_bytes value)
{
	const char *text = value.data;
	const size_t start = path->size;
	if (!value.size)
		text_add_string(path, "\\e");
	else if (!strcmp(text, ".") || !strcmp(text, ".."))
		text_add_char(path, '\\');
	for (size_t i = 0; i < value.size; i++) {
		static const char special[] = "\\/\t\n", written[] = "\\_tn";
		const char *found = strchr(special, text[i]);
		if (found)
			text_add_char(path, '\\');
		text_add_char(path, found ? written[found - special] : text[i]);
	}
	if (path->size - start <= NAME_MAX)
		return;
	/* Too long for a name: its beginning, and what tells it from others that begin so. */
	const uint64_t hash = key_of_bytes((struct brood_bytes){path->data + start, path->size - start});
	path->size = start + NAME_MAX - 20;
	text_add_format(path, "\\%016llx", (unsigned long long)hash);
}

/* A directory for a column and one in it for the value: columns by number, or by the order of their names. */
static void add_level(const struct results *results, const struct record *record, size_t column, struct brood_buffer *path)
{
	const bool named = results->names && column < results->names->count;
	const size_t at = named && results->order[column] < record->count ? results->order[column] : column;
	text_add_char(path, '/');
	if (named)
		add_name(path, results->names->values[at]);
	else
		text_add_format(path, "%zu", at + 1);
	text_add_char(path, '/');
	add_name(path, record->values[at]);
}

/* The path that the names of a job's files begin with. */
static struct brood_buffer job_path(const struct results *results, const struct job *job)
{
	struct brood_buffer path = {0};
	if (results->kind == KIND_TEMPLATE) {
		const struct filling filling = {.records = job->records, .count = job->record_count, .number = job->number,
			.slot = job->slot};
		template_fill_raw(&results->template, &filling, &path);
		return path;
	}
	text_add_string(&path, results->options->results);
	size_t count = 0;
	for (size_t r = 0; r < job->record_count; r++)
		for (size_t i = 0; i < job->records[r]->count; i++, count++)
			add_level(results, job->records[r], i, &path);
	/* Blocks of --pipe have no values to tell them apart. */
	if (!count)
		text_add_format(&path, "/%zu", job->number);
	text_add_char(&path, '/');
	return path;
}

enum file { FILE_STDOUT, FILE_STDERR, FILE_NUMBER };

static char *file_path(const struct brood_buffer *base, enum file file)
{
	static const char *const inside[] = {"stdout", "stderr", "seq"}, *const beside[] = {"", ".err", ".seq"};
	struct brood_buffer path = {0};
	text_add(&path, base->data, base->size);
	const bool directory = base->size && base->data[base->size - 1] == '/';
	text_add_string(&path, directory ? inside[file] : beside[file]);
	return text_string(&path);
}

bool results_has(const struct results *results, const struct job *job)
{
	if (results->table)
		return false;
	struct brood_buffer base = job_path(results, job);
	char *path = file_path(&base, FILE_NUMBER);
	struct stat status;
	/* One that is empty has been begun, and not been written. */
	const bool has = !stat(path, &status) && status.st_size > 0;
	free(path);
	brood_buffer_free(&base);
	return has;
}

int results_prepare(struct results *results, struct job *job)
{
	if (results->table)
		return 0;
	struct brood_buffer base = job_path(results, job);
	int error = 0;
	for (int i = 0; i < 2 && !error; i++) {
		job->paths[i] = file_path(&base, (enum file)i);
		error = directory_make_above(job->paths[i]);
		if (!error && !(job->files[i] = fopen(job->paths[i], "we")))
			error = -errno;
	}
	brood_buffer_free(&base);
	return error;
}

bool results_keep(struct results *results, struct job *job, int output, const void *data, size_t size, int *error)
{
	*error = 0;
	if (results->table || !job->files[output])
		return false;
	if (fwrite(data, 1, size, job->files[output]) < size)
		*error = -errno;
	return true;
}

/* The number's file says that the job is done: it is the last to be written. */
static int finish_files(const struct results *results, struct job *job)
{
	int error = 0;
	for (int i = 0; i < 2; i++) {
		if (job->files[i] && fclose(job->files[i]) && !error)
			error = -errno;
		job->files[i] = NULL;
	}
	struct brood_buffer base = job_path(results, job);
	char *path = file_path(&base, FILE_NUMBER);
	const bool whole = !error && !job->unkept;
	FILE *file = whole ? fopen(path, "we") : NULL;
	if (whole && (!file || fprintf(file, "%zu", job->number) < 0))
		error = -errno;
	if (file && fclose(file) && !error)
		error = -errno;
	if (error || !whole)
		unlink(path);
	free(path);
	brood_buffer_free(&base);
	return error;
}

/* --- tables -------------------------------------------------------------------------------------------------------- */

static void write_json(FILE *table, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const unsigned char c = (unsigned char)data[i];
		if (c == '"' || c == '\\')
			fprintf(table, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			fprintf(table, "\\u%04x", c);
		else
			putc(c, table);
	}
}

static void write_cell(const struct results *results, const char *data, size_t size)
{
	FILE *table = results->table;
	if (results->kind == KIND_JSON) {
		write_json(table, data, size);
		return;
	}
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '"')
			putc('"', table);
		putc(data[i], table);
	}
}

static bool is_bare(const struct results *results, const char *data, size_t size)
{
	const char separator = results->kind == KIND_TSV ? '\t' : ',';
	for (size_t i = 0; i < size; i++)
		if (data[i] == separator || strchr("\"\n\r ", data[i]))
			return false;
	return true;
}

static void write_value(const struct results *results, const void *data, size_t size)
{
	const bool bare = results->kind != KIND_JSON && is_bare(results, data, size);
	if (!bare)
		putc('"', results->table);
	write_cell(results, data, size);
	if (!bare)
		putc('"', results->table);
}

/* What a job wrote may be more than memory: it goes from the spool to the table piece by piece. */
static int write_output(const struct results *results, struct capture *capture)
{
	const void *data;
	ssize_t size = capture_peek(capture, capture->total, &data);
	const bool bare = results->kind != KIND_JSON && size >= 0 && (uint64_t)size == capture->total &&
			  is_bare(results, data, (size_t)size);
	if (!bare)
		putc('"', results->table);
	for (; size > 0; size = capture_peek(capture, capture->total, &data)) {
		write_cell(results, data, (size_t)size);
		capture_take(capture, (size_t)size);
	}
	if (!bare)
		putc('"', results->table);
	return (int)size;
}

static void write_heading(struct results *results, const struct job *job)
{
	const char separator = results->kind == KIND_TSV ? '\t' : ',';
	static const char *const columns[] = {"Seq", "Host", "Starttime", "JobRuntime", "Send", "Receive", "Exitval", "Signal",
		"Command"};
	const size_t count = record_values(job->records, job->record_count);
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		fprintf(results->table, "%s%c", columns[i], separator);
	for (size_t i = 0; i < count; i++) {
		if (results->names && i < results->names->count)
			write_value(results, results->names->values[i].data, results->names->values[i].size);
		else
			fprintf(results->table, "V%zu", i + 1);
		putc(separator, results->table);
	}
	fprintf(results->table, "Stdout%cStderr\n", separator);
}

static int write_row(struct results *results, struct job *job)
{
	const char separator = results->kind == KIND_TSV ? '\t' : ',';
	const size_t count = record_values(job->records, job->record_count);
	FILE *table = results->table;
	if (!results->begun && !(results->options->resume && ftello(table) > 0))
		write_heading(results, job);
	fprintf(table, "%zu%c:%c%.3f%c%.3f%c%zu%c%llu%c%d%c%d%c", job->number, separator, separator, job->wall_started, separator,
		job->seconds, separator, job->sent, separator, (unsigned long long)job->outputs[0].total, separator,
		job_exit_status(job), separator, job->status.signal, separator);
	write_value(results, job->command.data, job->command.size);
	for (size_t i = 0; i < count; i++) {
		const struct brood_bytes value = record_value(job->records, job->record_count, i);
		putc(separator, table);
		write_value(results, value.data, value.size);
	}
	int error = 0;
	for (int i = 0; i < 2 && !error; i++) {
		putc(separator, table);
		error = write_output(results, &job->outputs[i]);
	}
	putc('\n', table);
	return error;
}

static int write_object(struct results *results, struct job *job)
{
	const size_t count = record_values(job->records, job->record_count);
	FILE *table = results->table;
	fprintf(table, "{ \"Seq\": %zu, \"Host\": \":\", \"Starttime\": %.3f, \"JobRuntime\": %.3f, \"Send\": %zu, \"Receive\": %llu, "
		"\"Exitval\": %d, \"Signal\": %d, \"Command\": ", job->number, job->wall_started, job->seconds, job->sent,
		(unsigned long long)job->outputs[0].total, job_exit_status(job), job->status.signal);
	write_value(results, job->command.data, job->command.size);
	fputs(", \"V\": [ ", table);
	for (size_t i = 0; i < count; i++) {
		const struct brood_bytes value = record_value(job->records, job->record_count, i);
		if (i)
			putc(',', table);
		write_value(results, value.data, value.size);
	}
	fputs(" ], \"Stdout\": ", table);
	int error = write_output(results, &job->outputs[0]);
	fputs(", \"Stderr\": ", table);
	if (!error)
		error = write_output(results, &job->outputs[1]);
	fputs(" }\n", table);
	return error;
}

int results_write(struct results *results, struct job *job)
{
	if (!results->table)
		return finish_files(results, job);
	int error = results->kind == KIND_JSON ? write_object(results, job) : write_row(results, job);
	results->begun = true;
	if (fflush(results->table) && !error)
		error = -errno;
	return error;
}

bool results_close(struct results *results)
{
	const bool fine = !results->table || !(results->table == stdout ? fflush(stdout) : fclose(results->table));
	template_free(&results->template);
	free(results->order);
	free(results);
	return fine;
}
