/* SPDX-License-Identifier: MIT */
#include "timeout_report.h"

#include "job.h"
#include "say.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static int report_fd = -1;

void timeout_report_open(const struct timeout_options *options)
{
	if (!options->report)
		return;
	report_fd = open(options->report, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (report_fd < 0)
		die("the report %s cannot be written: %s", options->report, strerror(errno));
}

static void pack_string(struct brood_buffer *out, const char *text)
{
	if (brood_pack_str(out, text, strlen(text)))
		die("no memory is left");
}

static void pack_seconds(struct brood_buffer *out, const char *name, double seconds)
{
	pack_string(out, name);
	brood_pack_double(out, round(seconds * 1e6) / 1e6);
}

static void pack_flag(struct brood_buffer *out, const char *name, bool value)
{
	pack_string(out, name);
	brood_pack_bool(out, value);
}

static void pack(struct brood_buffer *out, const struct timeout_options *options, const struct brood_status *status,
		 bool timed_out, double seconds)
{
	size_t words = 0;
	while (options->command[words])
		words++;
	brood_pack_map(out, 10);
	pack_string(out, "command");
	brood_pack_array(out, words);
	for (size_t i = 0; i < words; i++)
		pack_string(out, options->command[i]);
	pack_string(out, "exit");
	if (status->signal)
		brood_pack_nil(out);
	else
		brood_pack_int(out, status->exit_code);
	pack_string(out, "signal");
	if (status->signal)
		pack_string(out, signal_name(status->signal));
	else
		brood_pack_nil(out);
	pack_flag(out, "timed_out", timed_out);
	pack_seconds(out, "seconds", seconds);
	pack_seconds(out, "user", status->user_seconds);
	pack_seconds(out, "system", status->system_seconds);
	pack_string(out, "peak");
	brood_pack_uint(out, status->peak_bytes);
	pack_flag(out, "out_of_memory", status->out_of_memory);
	pack_flag(out, "core_dumped", status->core_dumped);
}

static bool write_line(int fd, const struct brood_buffer *line, const char *name)
{
	for (size_t done = 0; done < line->size;) {
		const ssize_t wrote = write(fd, line->data + done, line->size - done);
		if (wrote < 0 && errno != EINTR) {
			say("the report cannot be written to %s: %s", name, strerror(errno));
			return false;
		}
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	return true;
}

bool timeout_report_write(const struct timeout_options *options, const struct brood_status *status, bool timed_out,
			  double seconds)
{
	struct brood_buffer packed = {0}, line = {0};
	bool done = true;
	if (!options->json && !options->report)
		return true;
	pack(&packed, options, status, timed_out, seconds);
	const int error = brood_value_to_json((struct brood_bytes){packed.data, packed.size}, &line);
	if (error) {
		say("the report cannot be made: %s", strerror(-error));
		return false;
	}
	text_add_char(&line, '\n');
	if (options->json)
		done = write_line(STDERR_FILENO, &line, "stderr");
	if (options->report) {
		done &= write_line(report_fd, &line, options->report);
		close(report_fd);
	}
	brood_buffer_free(&packed);
	brood_buffer_free(&line);
	return done;
}
