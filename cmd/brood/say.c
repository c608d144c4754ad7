/* SPDX-License-Identifier: MIT */
#include "say.h"

#include "display.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *command_name = "brood";
void (*say_write)(const char *line, size_t size);
void (*die_finish)(void);
int exit_trouble = EXIT_TROUBLE;

static BROOD_PRINTF(1, 0) void say_line(const char *format, va_list arguments)
{
	char line[4096];
	display_hide();
	int start = snprintf(line, sizeof line, "%s: ", command_name);
	int size = vsnprintf(line + start, sizeof line - (size_t)start - 1, format, arguments);
	size_t end = (size_t)start + (size_t)(size < 0 ? 0 : size);
	if (end > sizeof line - 2)
		end = sizeof line - 2;
	line[end] = '\n';
	if (say_write) {
		say_write(line, end + 1);
		return;
	}
	/* In one piece, so that no job's output comes to stand within it. */
	if (write(STDERR_FILENO, line, end + 1) < 0)
		return;
}

void say(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	say_line(format, arguments);
	va_end(arguments);
}

void die(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	say_line(format, arguments);
	va_end(arguments);
	void (*const finish)(void) = die_finish;
	die_finish = NULL;
	if (finish)
		finish();
	exit(exit_trouble);
}
