/* SPDX-License-Identifier: MIT */
#include "report/rows.h"

#include "base/buffer.h"
#include "base/lineage.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/*
 * Between draws the cursor stands at the first column of the first row, and nowhere else is anything remembered of where rows
 * are. So whatever a resize does to them, they are below the cursor, which moves with its line; what somebody else prints
 * comes to stand above the cursor, and stays; and who is killed leaves a terminal as it is wanted.
 */

/* Lines that are to stay are written at once when there are more. */
enum { LINES_MOST = 16 * 1024 };

BROOD_API int brood_rows_new(brood_rows **out, FILE *stream)
{
	if (!out)
		return -EINVAL;
	brood_rows *rows = calloc(1, sizeof *rows);
	if (!rows)
		return -ENOMEM;
	const char *no_color = getenv("NO_COLOR");
	rows->generation = lineage_join();
	rows->styled = !(no_color && *no_color);
	sink_open(&rows->sink, stream ? stream : stderr);
	widths_open(&rows->widths);
	*out = rows;
	return 0;
}

static int check(const brood_rows *rows)
{
	return !rows ? -EINVAL : rows->generation == lineage_generation() ? 0 : -EPERM;
}

static struct row *find(const brood_rows *rows, int64_t id)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].id == id)
			return &rows->rows[i];
	return NULL;
}

static int make_room(brood_rows *rows)
{
	if (rows->count < rows->capacity)
		return 0;
	const size_t capacity = rows->capacity ? 2 * rows->capacity : 16;
	struct row *more = reallocarray(rows->rows, capacity, sizeof *more);
	if (!more)
		return -ENOMEM;
	rows->rows = more;
	rows->capacity = capacity;
	return 0;
}

BROOD_API int brood_rows_set(brood_rows *rows, int64_t id, const char *text)
{
	int error = text ? check(rows) : -EINVAL;
	if (error)
		return error;
	struct row *row = find(rows, id);
	if (row && !strcmp(row->text, text))
		return 0;
	error = row ? 0 : make_room(rows);
	char *copy = error ? NULL : strdup(text);
	if (!copy)
		return -ENOMEM;
	if (row)
		free(row->text);
	else
		row = &rows->rows[rows->count++];
	*row = (struct row){id, copy};
	return 0;
}

BROOD_API int brood_rows_delete(brood_rows *rows, int64_t id)
{
	int error = check(rows);
	if (error)
		return error;
	struct row *row = find(rows, id);
	if (!row)
		return -ENOENT;
	free(row->text);
	const size_t behind = rows->count-- - (size_t)(row - rows->rows) - 1;
	memmove(row, row + 1, behind * sizeof *row);
	return 0;
}

BROOD_API int brood_rows_fit(const brood_rows *rows, int *columns)
{
	int error = check(rows), width, height;
	if (error)
		return error;
	sink_size(&rows->sink, &width, &height);
	if (columns)
		*columns = width - 1;
	return height - 1;
}

static int add(struct brood_buffer *out, const char *text)
{
	return buffer_append(out, text, strlen(text));
}

/*
 * Erases from the cursor on, but first goes to a line of its own, if somebody has left the cursor within one: as many blanks as
 * there are columns end where they began, or, from further on, in the next line. At the margin a terminal waits for one more
 * character before it goes on to the next line, so that nothing scrolls.
 */
static int add_fresh(struct brood_buffer *out, int columns)
{
	int error = buffer_reserve(out, (size_t)columns + 8);
	if (error)
		return error;
	memset(out->data + out->size, ' ', (size_t)columns);
	out->size += (size_t)columns;
	return add(out, "\r\033[J");
}

void rows_flush(brood_rows *rows)
{
	int columns, height;
	const bool bare = rows->plain || sink_is_behind(&rows->sink);
	rows->out.size = 0;
	sink_size(&rows->sink, &columns, &height);
	int error = bare || (!rows->shown && !rows->lines.size) ? 0 : add_fresh(&rows->out, columns);
	if (!error)
		error = buffer_append(&rows->out, rows->lines.data, rows->lines.size);
	if (!error && rows->out.size)
		sink_write(&rows->sink, rows->out.data, rows->out.size);
	rows->lines.size = 0;
	rows->shown = false;
}

int rows_pass(brood_rows *rows, const void *data, size_t size)
{
	if (rows->lines.size && rows->lines.size + size > LINES_MOST)
		rows_flush(rows);
	int error = buffer_append(&rows->lines, data, size);
	if (!error && (rows->plain || rows->lines.size > LINES_MOST))
		rows_flush(rows);
	return error;
}

BROOD_API int brood_rows_print(brood_rows *rows, const char *text)
{
	int error = text ? check(rows) : -EINVAL;
	if (error)
		return error;
	struct brood_buffer line = {0};
	int columns = text_show(&line, &rows->widths, text, strlen(text), INT_MAX, rows->styled ? TEXT_STYLED : TEXT_PLAIN);
	error = columns < 0 ? columns : add(&line, rows->plain ? "\n" : "\r\n");
	if (!error)
		error = rows_pass(rows, line.data, line.size);
	brood_buffer_free(&line);
	return error;
}

static int add_rows(brood_rows *rows, size_t count, int columns)
{
	struct brood_buffer *out = &rows->out;
	int error = 0;
	for (size_t i = 0; i < count && !error; i++) {
		const char *text = rows->rows[i].text;
		error = i ? add(out, "\r\n") : 0;
		if (!error)
			error = text_show(out, &rows->widths, text, strlen(text), columns, rows->styled ? TEXT_STYLED : TEXT_PLAIN);
		error = error < 0 ? error : 0;
	}
	char up[24] = "\r";
	if (count > 1)
		snprintf(up, sizeof up, "\r\033[%zuA", count - 1);
	return error ? error : add(out, up);
}

BROOD_API int brood_rows_draw(brood_rows *rows)
{
	int columns, height, error = check(rows);
	if (error)
		return error;
	if (rows->plain || sink_is_behind(&rows->sink)) {
		rows_flush(rows);
		return 0;
	}
	if (sink_is_stuck(&rows->sink))
		return 0;
	sink_size(&rows->sink, &columns, &height);
	const size_t fit = height > 1 ? (size_t)height - 1 : 0, count = rows->count < fit ? rows->count : fit;
	if (!count) {
		rows_flush(rows);
		return 0;
	}
	rows->out.size = 0;
	error = add_fresh(&rows->out, columns);
	if (!error)
		error = buffer_append(&rows->out, rows->lines.data, rows->lines.size);
	/* One column is left free, so that no terminal goes to the next line by itself. */
	if (!error)
		error = add_rows(rows, count, columns - 1);
	if (error)
		return error;
	sink_write(&rows->sink, rows->out.data, rows->out.size);
	rows->lines.size = 0;
	rows->shown = true;
	return 0;
}

BROOD_API int brood_rows_hide(brood_rows *rows)
{
	int error = check(rows);
	if (!error)
		rows_flush(rows);
	return error;
}

BROOD_API void brood_rows_free(brood_rows *rows)
{
	if (!rows)
		return;
	if (rows->generation == lineage_generation()) {
		rows_flush(rows);
		sink_close(&rows->sink);
	}
	for (size_t i = 0; i < rows->count; i++)
		free(rows->rows[i].text);
	free(rows->rows);
	widths_close(&rows->widths);
	brood_buffer_free(&rows->sink.kept);
	brood_buffer_free(&rows->lines);
	brood_buffer_free(&rows->out);
	free(rows);
}
