/* SPDX-License-Identifier: MIT */
#ifndef BROOD_REPORT_LINE_H
#define BROOD_REPORT_LINE_H

#include <brood.h>

/* A line of a report, cut where it would be too long; its end always fits. */
enum { LINE_MOST = 1024 };

struct line {
	char text[LINE_MOST + 2];
	size_t size;
};

void line_begin(struct line *);
void line_add(struct line *, const char *format, ...) BROOD_PRINTF(2, 3);

/* Text from elsewhere: what would disturb the line, as line ends and other control characters would, becomes a space. */
void line_add_text(struct line *, const char *text, size_t size);

/* An item in quotes, if it is text that somebody can read; the first of it, if it is long. */
void line_add_item(struct line *, struct brood_bytes item);

#endif
