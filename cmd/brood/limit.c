/* SPDX-License-Identifier: MIT */
#include "limit.h"

#include "clock.h"

#include <stdio.h>
#include <stdlib.h>

static bool holding;

static bool is_loaded(const struct amount *load)
{
	double now;
	const double most = load->percent ? load->value * brood_processors() / 100 : load->value;
	return getloadavg(&now, 1) == 1 && now > most;
}

/* Bytes that programs could have without others having to give any, or -1. */
static double available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	double kibibytes = -1;
	while (file && kibibytes < 0 && fgets(line, sizeof line, file))
		if (sscanf(line, "MemAvailable: %lf kB", &kibibytes) != 1)
			kibibytes = -1;
	if (file)
		fclose(file);
	return kibibytes < 0 ? -1 : kibibytes * 1024;
}

static bool is_below(double bytes)
{
	const double now = available();
	return now >= 0 && now < bytes;
}

bool limit_allows(const struct options *options, size_t running)
{
	static double last;
	if (!options->load.set && options->memory_free <= 0)
		return true;
	const double now = clock_now();
	if (holding && (now - last) * 1000 < LIMIT_MILLISECONDS)
		return false;
	last = now;
	/* One job always runs, so that all get done. */
	holding = running && ((options->load.set && is_loaded(&options->load)) ||
			      (options->memory_free > 0 && is_below(options->memory_free)));
	return !holding;
}

bool limit_holds(void)
{
	return holding;
}

bool limit_is_short(const struct options *options)
{
	return options->memory_free > 0 && is_below(options->memory_free / 2);
}
