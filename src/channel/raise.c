/* SPDX-License-Identifier: MIT */
#include "channel/channel.h"

#include "base/buffer.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MOST = 64 };

/*
 * The calls that led here, as "function+offset (module+offset)" a line: what the dynamic linker knows, and enough for
 * addr2line. Not in a signal handler, where backtrace can hang.
 */
static int describe_calls(struct brood_buffer *out, const void *caller)
{
	void *calls[FRAMES_MOST];
	int count = backtrace(calls, FRAMES_MOST), first = 0;
	while (first < count && calls[first] != caller)
		first++;
	for (int i = first; i < count; i++) {
		/* A return address is behind the call, perhaps already in the next function. */
		const char *at = (const char *)calls[i] - 1;
		Dl_info info = {0};
		char line[512];
		dladdr(at, &info);
		const char *module = info.dli_fname ? strrchr(info.dli_fname, '/') : NULL;
		module = module ? module + 1 : info.dli_fname ? info.dli_fname : "?";
		int size = snprintf(line, sizeof line, "#%d %s+0x%zx (%s+0x%zx)\n", i - first, info.dli_sname ? info.dli_sname : "?",
				    info.dli_saddr ? (size_t)(at - (const char *)info.dli_saddr) : 0, module,
				    (size_t)(at - (const char *)info.dli_fbase));
		if (size >= (int)sizeof line) {
			/* A name can be of any length, but a frame is a line. */
			size = sizeof line - 1;
			line[size - 1] = '\n';
		}
		int error = buffer_append(out, line, (size_t)size);
		if (error)
			return error;
	}
	return buffer_append(out, "", 1);
}

BROOD_API int brood_raise(brood_channel *channel, int code, const char *type, const char *format, ...)
{
	if (!channel || !type || !format)
		return -EINVAL;
	char *message = NULL;
	va_list arguments;
	va_start(arguments, format);
	int size = vasprintf(&message, format, arguments);
	va_end(arguments);
	if (size < 0)
		return -ENOMEM;
	struct brood_buffer calls = {0}, body = {0};
	int error = describe_calls(&calls, __builtin_return_address(0));
	if (!error)
		error = frame_pack_failure(&body, &(struct brood_failure){.type = type,
									  .message = message,
									  .traceback = (const char *)calls.data,
									  .code = code});
	if (!error)
		error = channel_send(channel, FRAME_FAILURE, body.data, body.size);
	free(message);
	brood_buffer_free(&calls);
	brood_buffer_free(&body);
	return error ? error : code;
}
