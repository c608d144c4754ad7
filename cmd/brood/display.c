/* SPDX-License-Identifier: MIT */
#include "display.h"

#include "parse.h"
#include "say.h"

#include <string.h>

static struct brood_reporter *shown;

enum status_style display_read_style(const char *value)
{
	static const char *const known[] = {"auto", "live", "plain", "json", "none"};
	const int found = parse_word(known, sizeof known / sizeof *known, value);
	if (found < 0)
		parse_wrong("--status", value, "auto, live, plain, json or none");
	return (enum status_style)found;
}

struct brood_reporter *display_open(enum status_style style, const char *item)
{
	struct brood_display display = {.size = sizeof display, .item = item};
	struct brood_reporter *reporter = NULL;
	if (style == STATUS_NONE)
		return NULL;
	if (style == STATUS_LIVE || style == STATUS_PLAIN)
		display.flags = style == STATUS_LIVE ? BROOD_DISPLAY_LIVE : BROOD_DISPLAY_PLAIN;
	const int error = style == STATUS_JSON ? brood_json_reporter(&reporter, NULL) : brood_display_reporter(&reporter, &display);
	if (error)
		say("there is no display: %s", strerror(-error));
	shown = reporter;
	return reporter;
}

void display_close(void)
{
	struct brood_reporter *reporter = shown;
	shown = NULL;
	brood_reporter_free(reporter);
}

void display_hide(void)
{
	if (shown)
		brood_reporter_hide(shown);
}
