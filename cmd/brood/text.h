/* SPDX-License-Identifier: MIT */
#ifndef BROOD_COMMAND_TEXT_H
#define BROOD_COMMAND_TEXT_H

#include <brood.h>

/* Text that grows. The command ends, with a message, where there is no memory for it. */

void text_add(struct brood_buffer *, const void *data, size_t size);
void text_add_string(struct brood_buffer *, const char *);
void text_add_char(struct brood_buffer *, char);
void text_add_format(struct brood_buffer *, const char *format, ...) BROOD_PRINTF(2, 3);

/* Sees that a NUL, which is not counted, follows what is there, and gives it all. */
char *text_string(struct brood_buffer *);

/* Memory that is there or the end of the command. */
void *need(size_t size);
void *need_more(void *, size_t size);
char *need_copy(const char *, size_t size);

#endif
