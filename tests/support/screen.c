/* SPDX-License-Identifier: MIT */
#include "screen.h"

#include <check.h>
#include <fcntl.h>
#include <locale.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static void clear_cell(struct screen *screen, int y, int x)
{
	strcpy(screen->cells[y][x], " ");
}

static void clear_row(struct screen *screen, int y, int from)
{
	for (int x = from; x < SCREEN_COLUMNS; x++)
		clear_cell(screen, y, x);
}

void screen_begin(struct screen *screen, int columns, int rows)
{
	*screen = (struct screen){.columns = columns, .rows = rows};
	for (int y = 0; y < SCREEN_ROWS; y++)
		clear_row(screen, y, 0);
}

static void go_down(struct screen *screen)
{
	if (screen->y < screen->rows - 1) {
		screen->y++;
		return;
	}
	memmove(screen->cells[0], screen->cells[1], sizeof screen->cells[0] * (size_t)(screen->rows - 1));
	clear_row(screen, screen->rows - 1, 0);
	screen->scrolled++;
}

static int width_of(const char *bytes, size_t size)
{
	static locale_t utf8;
	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	const locale_t saved = uselocale(utf8);
	wchar_t wide = 0;
	mbstate_t state = {0};
	const size_t used = mbrtowc(&wide, bytes, size, &state);
	const int width = used == size ? wcwidth(wide) : -1;
	uselocale(saved);
	return width;
}

static void put(struct screen *screen, const char *bytes, size_t size)
{
	const int width = width_of(bytes, size);
	if (width < 0) {
		screen->odd++;
		return;
	}
	if (!width) {
		int x = screen->x ? screen->x - 1 : 0;
		x -= x && !*screen->cells[screen->y][x];
		char *cell = screen->cells[screen->y][x];
		const size_t length = strlen(cell);
		if (length + size < SCREEN_CELL) {
			memcpy(cell + length, bytes, size);
			cell[length + size] = 0;
		}
		return;
	}
	if (screen->x + width > screen->columns) {
		screen->x = 0;
		go_down(screen);
	}
	char *cell = screen->cells[screen->y][screen->x];
	memcpy(cell, bytes, size);
	cell[size] = 0;
	if (width == 2)
		screen->cells[screen->y][screen->x + 1][0] = 0;
	screen->x += width;
}

static void obey(struct screen *screen, const char *sequence, size_t size)
{
	const int number = atoi(sequence + 2);
	const char last = sequence[size - 1];
	if (last == 'A') {
		screen->y -= number ? number : 1;
		screen->y = screen->y < 0 ? 0 : screen->y;
	} else if ((last == 'J' || last == 'K') && !number) {
		clear_row(screen, screen->y, screen->x);
		for (int y = screen->y + 1; last == 'J' && y < screen->rows; y++)
			clear_row(screen, y, 0);
	} else if (last == 'm') {
		screen->styles++;
	} else {
		screen->odd++;
	}
}

/* What is held, if it is whole. */
static void take(struct screen *screen)
{
	const unsigned char first = (unsigned char)screen->hold[0];
	const char last = screen->hold[screen->held - 1];
	size_t need = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (first == '\033') {
		if (screen->held == 1 || (screen->held == 2 && last == '['))
			return;
		if (last < '@' && screen->held < sizeof screen->hold)
			return;
		obey(screen, screen->hold, screen->held);
	} else if (screen->held < need) {
		return;
	} else if (first == '\r') {
		screen->x = 0;
	} else if (first == '\n') {
		go_down(screen);
	} else {
		put(screen, screen->hold, screen->held);
	}
	screen->held = 0;
}

void screen_write(struct screen *screen, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		screen->hold[screen->held++] = data[i];
		take(screen);
	}
}

void screen_resize(struct screen *screen, int columns, int rows)
{
	screen->columns = columns;
	for (int y = 0; y < SCREEN_ROWS; y++)
		clear_row(screen, y, columns);
	while (screen->y >= rows) {
		screen->rows = SCREEN_ROWS;
		memmove(screen->cells[0], screen->cells[1], sizeof screen->cells[0] * (SCREEN_ROWS - 1));
		screen->y--;
		screen->scrolled++;
	}
	for (int y = rows; y < SCREEN_ROWS; y++)
		clear_row(screen, y, 0);
	screen->rows = rows;
	screen->x = screen->x < columns ? screen->x : columns - 1;
}

const char *screen_row(struct screen *screen, int row)
{
	screen->text[0] = 0;
	char *end = screen->text;
	for (int x = 0; x < screen->columns; x++)
		end = stpcpy(end, screen->cells[row][x]);
	while (end > screen->text && end[-1] == ' ')
		*--end = 0;
	return screen->text;
}

void screen_is(struct screen *screen, const char *const *rows)
{
	ck_assert_int_eq(screen->odd, 0);
	for (int y = 0; y < screen->rows; y++) {
		const char *row = screen_row(screen, y), *wanted = *rows ? *rows++ : "";
		ck_assert_msg(!strcmp(row, wanted), "row %d is '%s', not '%s'", y, row, wanted);
	}
	ck_assert_ptr_null(*rows);
}

void terminal_open(struct terminal *terminal, int columns, int rows)
{
	struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
	*terminal = (struct terminal){0};
	ck_assert_int_eq(openpty(&terminal->master, &terminal->slave, NULL, NULL, &size), 0);
	fcntl(terminal->master, F_SETFL, O_NONBLOCK);
	terminal->stream = fdopen(terminal->slave, "w");
	ck_assert_ptr_nonnull(terminal->stream);
	screen_begin(&terminal->screen, columns, rows);
}

void terminal_resize(struct terminal *terminal, int columns, int rows)
{
	struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows};
	terminal_look(terminal);
	ck_assert_int_eq(ioctl(terminal->master, TIOCSWINSZ, &size), 0);
	screen_resize(&terminal->screen, columns, rows);
}

struct screen *terminal_look(struct terminal *terminal)
{
	char bytes[4096];
	ssize_t size;
	while ((size = read(terminal->master, bytes, sizeof bytes)) > 0) {
		screen_write(&terminal->screen, bytes, (size_t)size);
		terminal->bytes += (size_t)size;
		terminal->writes++;
	}
	return &terminal->screen;
}

void terminal_print(struct terminal *terminal, const char *text)
{
	ck_assert_int_eq(write(terminal->slave, text, strlen(text)), (ssize_t)strlen(text));
}

void terminal_close(struct terminal *terminal)
{
	fclose(terminal->stream);
	close(terminal->master);
}
