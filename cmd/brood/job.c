/* SPDX-License-Identifier: MIT */
#include "job.h"

#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job *job_new(size_t number, struct record **records, size_t count)
{
	struct job *job = need(sizeof *job);
	*job = (struct job){.number = number, .records = records, .record_count = count, .fds = {-1, -1}, .kept = {-1, -1}, .input = -1,
		.at_line_start = {true, true}};
	return job;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void drop_attempt(struct job *job)
{
	brood_process_free(job->process);
	job->process = NULL;
	close_end(&job->input);
	for (int i = 0; i < 2; i++) {
		close_end(&job->fds[i]);
		close_end(&job->kept[i]);
		capture_free(&job->outputs[i]);
		if (job->files[i])
			fclose(job->files[i]);
		job->files[i] = NULL;
		free(job->paths[i]);
		job->paths[i] = NULL;
	}
	brood_buffer_free(&job->command);
	brood_buffer_free(&job->words);
	brood_buffer_free(&job->alias);
	brood_buffer_free(&job->tag);
}

void job_reset(struct job *job)
{
	drop_attempt(job);
	job->state = JOB_WAITING;
	job->chunk_written = job->sent = 0;
	job->step = 0;
	job->next_step = 0;
	job->end = job->why_killed = END_NONE;
	job->status = (struct brood_status){0};
	job->seconds = 0;
	job->error = 0;
	job->unkept = false;
	job->at_line_start[0] = job->at_line_start[1] = true;
}

void job_free(struct job *job)
{
	if (!job)
		return;
	drop_attempt(job);
	for (size_t i = 0; i < job->record_count; i++)
		record_free(job->records[i]);
	free(job->records);
	brood_buffer_free(&job->chunk);
	free(job->directory);
	free(job);
}

struct brood_bytes job_identity(const struct job *job)
{
	const struct brood_buffer *text = job->alias.size ? &job->alias : &job->command;
	return (struct brood_bytes){text->data, text->size};
}

bool job_failed(const struct job *job)
{
	return job->end != END_EXIT || job->status.exit_code;
}

int job_exit_status(const struct job *job)
{
	if (job->end == END_UNSTARTED)
		return job->error == E2BIG ? 126 : 127;
	return job->status.signal ? 128 + job->status.signal : job->status.exit_code;
}

const char *signal_name(int signal)
{
	static char text[32];
	const char *name = sigabbrev_np(signal);
	if (name)
		snprintf(text, sizeof text, "SIG%s", name);
	else
		snprintf(text, sizeof text, "signal %d", signal);
	return text;
}

const char *job_describe(const struct job *job, char *text, size_t size)
{
	const char *core = job->status.core_dumped ? " (core dumped)" : job->status.out_of_memory ? " (out of memory)" : "";
	if (job->end == END_UNSTARTED)
		snprintf(text, size, "not started: %s", strerror(job->error));
	else if (job->end == END_TIMEOUT)
		snprintf(text, size, "timed out after %.1f s", job->seconds);
	else if (job->end == END_HALTED)
		snprintf(text, size, "halted");
	else if (job->status.signal)
		snprintf(text, size, "killed by %s%s", signal_name(job->status.signal), core);
	else
		snprintf(text, size, "exit code %d", job->status.exit_code);
	return text;
}
