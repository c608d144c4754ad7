/* SPDX-License-Identifier: MIT */
/*
 * A terminal for tests: a pseudo-terminal, and a small model of the screen behind it, which knows what a display may use and
 * counts everything else as odd.
 */
#ifndef BROOD_TESTS_SCREEN_H
#define BROOD_TESTS_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { SCREEN_COLUMNS = 200, SCREEN_ROWS = 50, SCREEN_CELL = 24 };

struct screen {
	int columns, rows, x, y; /* x may be columns: at the margin, until one more character comes */
	int scrolled;            /* how many rows have left at the top */
	int odd;                 /* sequences and characters that no display should send */
	int styles;              /* colours and such */
	size_t held;             /* bytes of a sequence or character that has not ended */
	char hold[64];
	char cells[SCREEN_ROWS][SCREEN_COLUMNS][SCREEN_CELL]; /* "": the right half of a wide one */
	char text[SCREEN_COLUMNS * SCREEN_CELL];
};

void screen_begin(struct screen *, int columns, int rows);
void screen_write(struct screen *, const char *data, size_t size);

/* As a terminal that cuts rows that are too long; it keeps the cursor on the screen. */
void screen_resize(struct screen *, int columns, int rows);

/* The text of a row without blanks at its end, valid until the next call. */
const char *screen_row(struct screen *, int row);

/* Fails the test unless the screen's first rows are these, NULL behind the last, and all others empty. */
void screen_is(struct screen *, const char *const *rows);
#define SCREEN_IS(screen, ...) screen_is((screen), (const char *const[]){__VA_ARGS__, NULL})

struct terminal {
	int master, slave;
	FILE *stream; /* the slave's */
	size_t writes, bytes; /* reads that gave something; bytes so far */
	struct screen screen;
};

void terminal_open(struct terminal *, int columns, int rows);
void terminal_resize(struct terminal *, int columns, int rows);
/* What has come is shown on the screen, which it returns. */
struct screen *terminal_look(struct terminal *);
/* What somebody else prints. */
void terminal_print(struct terminal *, const char *text);
void terminal_close(struct terminal *);

#endif
