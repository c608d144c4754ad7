/* SPDX-License-Identifier: MIT */
#include "history.h"

#include "key.h"
#include "lines.h"
#include "say.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INSTANCE_MOST = 1 << 30 };

/* Where the record is in the file, and in the two lowest bits what is known of it. */
enum { DONE = 1, TAKEN = 2, PLACE_SHIFT = 2 };

struct entry {
	uint64_t key, place;
	uint32_t instance;
	uint32_t passed; /* in the first of those with one key that are done or are not: so many from here on are taken */
};

struct history {
	struct lines lines;
	struct brood_buffer value;
	struct entry *entries;
	size_t count, capacity;
};

/* --- one record ---------------------------------------------------------------------------------------------------- */

struct told {
	struct brood_bytes command, outcome;
	uint64_t key, version, instance;
};

static bool is(struct brood_bytes bytes, const char *text)
{
	return bytes.size == strlen(text) && !memcmp(bytes.data, text, bytes.size);
}

static int read_member(struct brood_bytes *rest, struct brood_bytes name, struct told *out, unsigned *seen)
{
	struct brood_bytes text;
	int error;
	if (is(name, "version")) {
		*seen |= 1;
		return brood_unpack_uint(rest, &out->version);
	}
	if (is(name, "command")) {
		*seen |= 2;
		return brood_unpack_str(rest, &out->command);
	}
	if (is(name, "hash")) {
		*seen |= 4;
		error = brood_unpack_str(rest, &text);
		return !error && !key_read(text, &out->key) ? -EBADMSG : error;
	}
	if (is(name, "instance")) {
		*seen |= 8;
		return brood_unpack_uint(rest, &out->instance);
	}
	if (is(name, "outcome")) {
		*seen |= 16;
		return brood_unpack_str(rest, &out->outcome);
	}
	return brood_unpack_skip(rest);
}

/* Whether a line is a record. What it tells points into the history's value. */
static bool read_record(struct history *history, struct brood_bytes line, struct told *out)
{
	history->value.size = 0;
	const int error = brood_value_from_json(line, &history->value);
	if (error == -ENOMEM)
		die("no memory is left");
	struct brood_bytes rest = {history->value.data, history->value.size};
	size_t members;
	unsigned seen = 0;
	if (error || brood_unpack_map(&rest, &members))
		return false;
	while (members--) {
		struct brood_bytes name;
		if (brood_unpack_str(&rest, &name) || read_member(&rest, name, out, &seen))
			return false;
	}
	return seen == 31 && out->version == 1 && out->instance < INSTANCE_MOST;
}

/* Whether the record that an entry stands for is of the command. A file that somebody has changed meanwhile says no. */
static bool is_of(struct history *history, const struct entry *entry, struct brood_bytes command)
{
	struct brood_bytes line;
	struct told told;
	lines_seek(&history->lines, entry->place >> PLACE_SHIFT);
	return lines_next(&history->lines, &line, NULL) > 0 && read_record(history, line, &told) && told.key == entry->key &&
	       told.command.size == command.size && !memcmp(told.command.data, command.data, command.size);
}

/* --- reading it all ------------------------------------------------------------------------------------------------ */

static void add(struct history *history, const struct told *told, uint64_t place, bool done)
{
	if (history->count == history->capacity) {
		history->capacity += history->capacity / 2 + 64;
		history->entries = need_more(history->entries, history->capacity * sizeof *history->entries);
	}
	history->entries[history->count++] = (struct entry){.key = told->key, .place = place << PLACE_SHIFT | (done ? DONE : 0),
		.instance = (uint32_t)told->instance};
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_instance(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;
	int order = compare(one->key, other->key);
	if (!order)
		order = compare(one->instance, other->instance);
	return order ? order : compare(one->place, other->place);
}

/* Those that are done first. */
static int by_state(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;
	int order = compare(one->key, other->key);
	if (!order)
		order = compare(!(one->place & DONE), !(other->place & DONE));
	return order ? order : compare(one->instance, other->instance);
}

/* The command of an entry's record, as a copy; false where it has gone. */
static bool copy_command(struct history *history, const struct entry *entry, struct brood_buffer *out)
{
	struct brood_bytes line;
	struct told told;
	lines_seek(&history->lines, entry->place >> PLACE_SHIFT);
	if (lines_next(&history->lines, &line, NULL) < 1 || !read_record(history, line, &told))
		return false;
	out->size = 0;
	text_add(out, told.command.data, told.command.size);
	return true;
}

/* Leaves of each command's instance the last record only. */
static void drop_superseded(struct history *history)
{
	struct entry *entries = history->entries;
	struct brood_buffer command = {0};
	size_t kept = 0;
	for (size_t i = 0; i < history->count; i++) {
		/* Records with one key and instance stand side by side; only commands whose keys collide make them stay. */
		bool last = true;
		bool read = false;
		for (size_t k = i + 1; last && k < history->count && entries[k].key == entries[i].key &&
				       entries[k].instance == entries[i].instance; k++) {
			if (!read && !(read = copy_command(history, &entries[i], &command)))
				break;
			last = !is_of(history, &entries[k], (struct brood_bytes){command.data, command.size});
		}
		if (last)
			entries[kept++] = entries[i];
	}
	history->count = kept;
	brood_buffer_free(&command);
}

struct history *history_read(const char *path, enum resume resume)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("the journal %s cannot be read: %s", path, strerror(errno));
	struct history *history = need(sizeof *history);
	*history = (struct history){0};
	lines_begin(&history->lines, fd);
	struct brood_bytes line;
	uint64_t place;
	size_t foreign = 0;
	int got;
	while ((got = lines_next(&history->lines, &line, &place)) > 0) {
		struct told told;
		if (read_record(history, line, &told))
			add(history, &told, place, resume == RESUME_UNFINISHED || is(told.outcome, "success"));
		else
			foreign += line.size > 0;
	}
	if (got < 0)
		die("the journal %s cannot be read: %s", path, strerror(-got));
	foreign += history->lines.overlong;
	if (foreign)
		say("in the journal %s %zu %s no whole record; jobs that no other record tells of are run", path, foreign,
		    foreign > 1 ? "lines are" : "line is");
	if (history->count) {
		qsort(history->entries, history->count, sizeof *history->entries, by_instance);
		drop_superseded(history);
		qsort(history->entries, history->count, sizeof *history->entries, by_state);
		history->entries = need_more(history->entries, history->count * sizeof *history->entries);
	}
	return history;
}

void history_free(struct history *history)
{
	if (!history)
		return;
	close(history->lines.fd);
	lines_end(&history->lines);
	brood_buffer_free(&history->value);
	free(history->entries);
	free(history);
}

/* --- taking instances ---------------------------------------------------------------------------------------------- */

static bool is_before(const struct entry *entry, uint64_t key, bool done)
{
	return entry->key != key ? entry->key < key : (entry->place & DONE) && !done;
}

/* The first entry with the key that is done, or is not; where there is none, the one that would follow it. */
static size_t find(const struct history *history, uint64_t key, bool done)
{
	size_t low = 0, high = history->count;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (is_before(&history->entries[middle], key, done))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool belongs(const struct history *history, size_t at, uint64_t key, bool done)
{
	return at < history->count && history->entries[at].key == key && !(history->entries[at].place & DONE) == !done;
}

bool history_take(struct history *history, uint64_t key, struct brood_bytes command, bool done, uint32_t *instance)
{
	struct entry *entries = history->entries;
	const size_t first = find(history, key, done);
	if (!belongs(history, first, key, done))
		return false;
	for (size_t at = first + entries[first].passed; belongs(history, at, key, done); at++) {
		if (entries[at].place & TAKEN || !is_of(history, &entries[at], command))
			continue;
		entries[at].place |= TAKEN;
		*instance = entries[at].instance;
		size_t next = first + entries[first].passed;
		while (belongs(history, next, key, done) && entries[next].place & TAKEN)
			next++;
		entries[first].passed = (uint32_t)(next - first);
		return true;
	}
	return false;
}

uint32_t history_next(const struct history *history, uint64_t key)
{
	uint32_t next = 0;
	for (size_t at = find(history, key, true); at < history->count && history->entries[at].key == key; at++)
		if (history->entries[at].instance >= next)
			next = history->entries[at].instance + 1;
	return next;
}
