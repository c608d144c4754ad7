/* SPDX-License-Identifier: MIT */
#include "sqlite.h"

#include "clock.h"
#include "say.h"

#ifdef HAVE_SQLITE

#include "key.h"
#include "outcome.h"
#include "text.h"

#include <dlfcn.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- the library --------------------------------------------------------------------------------------------------- */

#define FUNCTIONS(_) \
	_(sqlite3_open_v2) _(sqlite3_close) _(sqlite3_busy_timeout) _(sqlite3_exec) _(sqlite3_prepare_v2) \
	_(sqlite3_bind_null) _(sqlite3_bind_int64) _(sqlite3_bind_double) _(sqlite3_bind_text) \
	_(sqlite3_bind_blob) _(sqlite3_step) _(sqlite3_reset) _(sqlite3_finalize) _(sqlite3_column_text) \
	_(sqlite3_last_insert_rowid) _(sqlite3_errmsg)

#define MEMBER(name) __typeof__(name) *name;
static struct {
	FUNCTIONS(MEMBER)
} library;
#undef MEMBER

static void load(void)
{
	static const char *const names[] = {
#define NAME(name) #name,
		FUNCTIONS(NAME)
#undef NAME
	};
	_Static_assert(sizeof library == sizeof names, "the table holds nothing but the functions");
	void *handle = dlopen("libsqlite3.so.0", RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		die("--sqlite needs libsqlite3.so.0, which is not installed; on Debian it is in the package libsqlite3-0");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		void *function = dlsym(handle, names[i]);
		if (!function)
			die("--sqlite needs a newer libsqlite3.so.0: this one has no %s", names[i]);
		memcpy((char *)&library + i * sizeof function, &function, sizeof function);
	}
}

/* --- the tables ---------------------------------------------------------------------------------------------------- */

enum { BUSY_MILLISECONDS = 10000 };

static const char tables[] =
	"CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL, host TEXT, directory, "
	"command, slots INTEGER, version TEXT);"
	"CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs (id), seq INTEGER, "
	"slot INTEGER, command, hash TEXT, host TEXT, start REAL, seconds REAL, attempts INTEGER, exit INTEGER, signal TEXT, "
	"core INTEGER, outcome TEXT, failure TEXT, user REAL, system REAL, peak INTEGER, stdout_bytes INTEGER, "
	"stderr_bytes INTEGER, stdout, stderr);"
	"CREATE TABLE IF NOT EXISTS args (job INTEGER NOT NULL REFERENCES jobs (id), position INTEGER NOT NULL, value, "
	"PRIMARY KEY (job, position)) WITHOUT ROWID;";

static const char insert_run[] =
	"INSERT INTO runs (started, host, directory, command, slots, version) VALUES (?, ?, ?, ?, ?, ?)";
static const char insert_job[] =
	"INSERT INTO jobs (run, seq, slot, command, hash, host, start, seconds, attempts, exit, signal, core, outcome, "
	"failure, user, system, peak, stdout_bytes, stderr_bytes, stdout, stderr) "
	"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
static const char insert_value[] = "INSERT INTO args (job, position, value) VALUES (?, ?, ?)";
static const char end_run[] = "UPDATE runs SET ended = ? WHERE id = ?";

enum statement { BEGIN, COMMIT, ROLLBACK, ADD_JOB, ADD_VALUE, STATEMENTS };

struct sqlite {
	sqlite3 *database;
	sqlite3_stmt *statements[STATEMENTS];
	sqlite3_int64 run;
	bool restore; /* the mode of its journal was another one before */
	char message[512];
};

/* What is bound to a statement, in order; the first error stays. */
struct binder {
	sqlite3_stmt *statement;
	int position, error;
};

static void bound(struct binder *binder, int error)
{
	if (!binder->error)
		binder->error = error;
}

static void bind_null(struct binder *binder)
{
	bound(binder, library.sqlite3_bind_null(binder->statement, ++binder->position));
}

static void bind_count(struct binder *binder, uint64_t count)
{
	bound(binder, library.sqlite3_bind_int64(binder->statement, ++binder->position, (sqlite3_int64)count));
}

static void bind_number(struct binder *binder, double number)
{
	bound(binder, library.sqlite3_bind_double(binder->statement, ++binder->position, number));
}

/* How many bytes a character of UTF-8 has that begins here; 0: it is none, or NUL, which ends a text for SQL's functions. */
static size_t character_size(const unsigned char *at, size_t left)
{
	/* The second byte's range rules out forms that are too long, surrogates, and what is above 10FFFF. */
	const unsigned char first = *at;
	const size_t size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
	const unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	const unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (!first || !size || size > left || (size > 1 && (at[1] < low || at[1] > high)))
		return 0;
	for (size_t i = 2; i < size; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

static bool is_text(const unsigned char *data, size_t size)
{
	size_t step;
	for (size_t at = 0; at < size; at += step)
		if (!(step = character_size(data + at, size - at)))
			return false;
	return true;
}

static void bind_bytes(struct binder *binder, const void *data, size_t size)
{
	const void *bytes = data ? data : "";
	const int at = ++binder->position;
	bound(binder, size > INT32_MAX ? SQLITE_TOOBIG
		: is_text(bytes, size) ? library.sqlite3_bind_text(binder->statement, at, bytes, (int)size, SQLITE_STATIC)
				       : library.sqlite3_bind_blob(binder->statement, at, bytes, (int)size, SQLITE_STATIC));
}

static void bind_text(struct binder *binder, const char *text)
{
	if (text)
		bind_bytes(binder, text, strlen(text));
	else
		bind_null(binder);
}

/* Runs a statement that gives no rows. */
static int run_statement(struct binder *binder)
{
	int error = binder->error;
	if (!error)
		error = library.sqlite3_step(binder->statement);
	const int again = library.sqlite3_reset(binder->statement);
	return error == SQLITE_DONE ? SQLITE_OK : error == SQLITE_ROW ? again : error;
}

static int run_plain(struct sqlite *sqlite, enum statement which)
{
	return run_statement(&(struct binder){.statement = sqlite->statements[which]});
}

/* --- opening ------------------------------------------------------------------------------------------------------- */

BROOD_NORETURN static void give_up(const struct sqlite *sqlite, const char *path)
{
	const char *why = sqlite->database ? library.sqlite3_errmsg(sqlite->database) : "no memory is left";
	die("the database %s cannot be used: %s", path, why);
}

static void prepare(struct sqlite *sqlite, const char *path, const char *text, sqlite3_stmt **out)
{
	if (library.sqlite3_prepare_v2(sqlite->database, text, -1, out, NULL))
		give_up(sqlite, path);
}

/* With a write-ahead log a transaction for each job costs so little that none has to wait for others, which would hold the
   lock meanwhile, and be lost if the command is killed. */
static void use_log(struct sqlite *sqlite, const char *path)
{
	sqlite3_stmt *statement;
	prepare(sqlite, path, "PRAGMA journal_mode", &statement);
	if (library.sqlite3_step(statement) != SQLITE_ROW)
		give_up(sqlite, path);
	sqlite->restore = strcmp((const char *)library.sqlite3_column_text(statement, 0), "wal") != 0;
	library.sqlite3_finalize(statement);
	if (library.sqlite3_exec(sqlite->database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", NULL, NULL, NULL))
		give_up(sqlite, path);
}

static void add_run(struct sqlite *sqlite, const char *path, const struct options *options)
{
	struct brood_buffer command = {0};
	struct binder binder = {0};
	char *directory = getcwd(NULL, 0);
	for (size_t i = 0; i < options->word_count; i++) {
		text_add(&command, " ", i > 0);
		text_add_string(&command, options->words[i]);
	}
	prepare(sqlite, path, insert_run, &binder.statement);
	bind_number(&binder, clock_wall());
	bind_text(&binder, outcome_host());
	bind_text(&binder, directory);
	bind_bytes(&binder, command.data, command.size);
	bind_count(&binder, (uint64_t)options_jobs(options));
	bind_text(&binder, brood_version());
	if (run_statement(&binder))
		give_up(sqlite, path);
	sqlite->run = library.sqlite3_last_insert_rowid(sqlite->database);
	library.sqlite3_finalize(binder.statement);
	brood_buffer_free(&command);
	free(directory);
}

struct sqlite *sqlite_open(const char *path, const struct options *options)
{
	static const char *const texts[STATEMENTS] = {"BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", insert_job, insert_value};
	struct sqlite *sqlite = need(sizeof *sqlite);
	*sqlite = (struct sqlite){0};
	load();
	if (library.sqlite3_open_v2(path, &sqlite->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL))
		give_up(sqlite, path);
	library.sqlite3_busy_timeout(sqlite->database, BUSY_MILLISECONDS);
	use_log(sqlite, path);
	if (library.sqlite3_exec(sqlite->database, tables, NULL, NULL, NULL))
		give_up(sqlite, path);
	for (int i = 0; i < STATEMENTS; i++)
		prepare(sqlite, path, texts[i], &sqlite->statements[i]);
	add_run(sqlite, path, options);
	return sqlite;
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

static int add_job(struct sqlite *sqlite, const struct job *job)
{
	struct binder binder = {.statement = sqlite->statements[ADD_JOB]};
	struct outcome outcome;
	char hash[KEY_DIGITS + 1];
	key_print(key_of(job), hash);
	outcome_of(job, &outcome);
	bind_count(&binder, (uint64_t)sqlite->run);
	bind_count(&binder, job->number);
	bind_count(&binder, (uint64_t)job->slot);
	bind_bytes(&binder, job->command.data, job->command.size);
	bind_text(&binder, hash);
	bind_text(&binder, outcome_host());
	bind_number(&binder, job->wall_started);
	bind_number(&binder, job->seconds);
	bind_count(&binder, job->attempt);
	if (outcome.exited)
		bind_count(&binder, (uint64_t)outcome.status.exit_code);
	else
		bind_null(&binder);
	bind_text(&binder, *outcome.signal ? outcome.signal : NULL);
	bind_count(&binder, outcome.status.core_dumped);
	bind_text(&binder, outcome.word);
	bind_text(&binder, *outcome.failure ? outcome.failure : NULL);
	bind_number(&binder, outcome.status.user_seconds);
	bind_number(&binder, outcome.status.system_seconds);
	bind_count(&binder, outcome.status.peak_bytes);
	bind_count(&binder, job->outputs[0].total);
	bind_count(&binder, job->outputs[1].total);
	bind_text(&binder, job->paths[0]);
	bind_text(&binder, job->paths[1]);
	return run_statement(&binder);
}

static int add_values(struct sqlite *sqlite, const struct job *job)
{
	const sqlite3_int64 row = library.sqlite3_last_insert_rowid(sqlite->database);
	uint64_t position = 0;
	int error = SQLITE_OK;
	for (size_t i = 0; !error && i < job->record_count; i++)
		for (size_t k = 0; !error && k < job->records[i]->count; k++) {
			struct binder binder = {.statement = sqlite->statements[ADD_VALUE]};
			bind_count(&binder, (uint64_t)row);
			bind_count(&binder, ++position);
			bind_bytes(&binder, job->records[i]->values[k].data, job->records[i]->values[k].size);
			error = run_statement(&binder);
		}
	return error;
}

static int to_errno(int error)
{
	switch (error & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

int sqlite_write(struct sqlite *sqlite, const struct job *job)
{
	int error = run_plain(sqlite, BEGIN);
	if (!error)
		error = add_job(sqlite, job);
	if (!error)
		error = add_values(sqlite, job);
	if (!error)
		error = run_plain(sqlite, COMMIT);
	if (!error)
		return 0;
	snprintf(sqlite->message, sizeof sqlite->message, "%s", library.sqlite3_errmsg(sqlite->database));
	/* It says so itself where nothing was begun. */
	run_plain(sqlite, ROLLBACK);
	return to_errno(error);
}

const char *sqlite_error(const struct sqlite *sqlite)
{
	return sqlite->message;
}

bool sqlite_close(struct sqlite *sqlite)
{
	if (!sqlite)
		return true;
	struct binder binder = {0};
	int error = library.sqlite3_prepare_v2(sqlite->database, end_run, -1, &binder.statement, NULL);
	if (!error) {
		bind_number(&binder, clock_wall());
		bind_count(&binder, (uint64_t)sqlite->run);
		error = run_statement(&binder);
	}
	library.sqlite3_finalize(binder.statement);
	for (int i = 0; i < STATEMENTS; i++)
		library.sqlite3_finalize(sqlite->statements[i]);
	/* While others have the file open the mode cannot be set back, and is not waited for. */
	library.sqlite3_busy_timeout(sqlite->database, 0);
	if (sqlite->restore)
		library.sqlite3_exec(sqlite->database, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	if (library.sqlite3_close(sqlite->database))
		error = SQLITE_BUSY;
	free(sqlite);
	return !error;
}

#else

struct sqlite *sqlite_open(const char *path, const struct options *options)
{
	(void)path;
	(void)options;
	die("--sqlite is not in this build, which found no sqlite3.h; on Debian it is in the package libsqlite3-dev");
}

int sqlite_write(struct sqlite *sqlite, const struct job *job)
{
	(void)sqlite;
	(void)job;
	return 0;
}

const char *sqlite_error(const struct sqlite *sqlite)
{
	(void)sqlite;
	return "";
}

bool sqlite_close(struct sqlite *sqlite)
{
	(void)sqlite;
	return true;
}

#endif
