/* SPDX-License-Identifier: MIT */
/*
 * A host and a child in conversation over one channel: the host asks for square roots, and the child answers, or raises
 * a failure, which arrives with its type, its message and the traceback of where it was raised.
 */
#include <brood.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int answer(brood_channel *channel, double number)
{
	if (number < 0)
		return brood_raise(channel, EDOM, "ValueError", "%g has no square root", number);
	double root = sqrt(number);
	return brood_send(channel, &root, sizeof root);
}

/* Not static, so that the traceback can name it. */
int converse(brood_channel *channel, void *context);

int converse(brood_channel *channel, void *context)
{
	(void)context;
	struct brood_message question;
	while (brood_receive(channel, &question) == 1) {
		double number;
		memcpy(&number, question.body.data, sizeof number);
		if (answer(channel, number) < 0)
			return 1;
	}
	return 0;
}

static int ask(brood_channel *channel, double number)
{
	struct brood_message message;
	int result = brood_send(channel, &number, sizeof number);
	if (!result)
		result = brood_receive(channel, &message);
	if (result != 1)
		return result ? result : -EPIPE;
	if (message.failure) {
		printf("%g: %s (%d): %s\n", number, message.failure->type, message.failure->code, message.failure->message);
		printf("%s", message.failure->traceback);
	} else {
		double root;
		memcpy(&root, message.body.data, sizeof root);
		printf("%g: %g\n", number, root);
	}
	return 0;
}

int main(void)
{
	static const double numbers[] = {2, 144, -1, 0.25};
	brood_channel *channel;
	struct brood_status status;
	int error = brood_start(&channel, converse, NULL);
	if (!error) {
		for (size_t i = 0; !error && i < sizeof numbers / sizeof *numbers; i++)
			error = ask(channel, numbers[i]);
		/* The child sees the end of the conversation, and leaves. */
		brood_close(channel);
		if (!error)
			error = brood_wait(channel, -1, &status);
		brood_channel_free(channel);
	}
	if (error) {
		fprintf(stderr, "conversation: %s\n", strerror(-error));
		return 1;
	}
	printf("The child left with %d\n", status.exit_code);
	return 0;
}
