/* SPDX-License-Identifier: MIT */
#include "wordcount.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const double INTERVAL = 0.1;

double seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void progress_begin(struct progress *progress, const struct tree *tree)
{
	*progress = (struct progress){.shown = isatty(STDERR_FILENO), .started = seconds_now(), .files = tree->count};
	for (size_t i = 0; i < tree->count; i++)
		progress->cost += tree->files[i].cost;
}

/* Files are handed out by size, so the time that is left goes by the bytes that are done, not by the files. */
void progress_draw(struct progress *progress, size_t files, uint64_t cost)
{
	double now = seconds_now(), elapsed = now - progress->started;
	if (!progress->shown || now - progress->drawn < INTERVAL)
		return;
	progress->drawn = now;
	char line[160];
	double part = (double)cost / (double)progress->cost;
	int size = snprintf(line, sizeof line, "%zu of %zu files  %.0f%%  %.0f files/s", files, progress->files, part * 100,
			    (double)files / elapsed);
	if (part > 0)
		snprintf(line + size, sizeof line - (size_t)size, "  %.0f s left", elapsed / part - elapsed);
	struct winsize window;
	int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) || window.ws_col < 2 ? 79 : window.ws_col - 1;
	fprintf(stderr, "\r%.*s\x1b[K", columns, line);
	fflush(stderr);
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\x1b[K", stderr);
	progress->shown = false;
}
