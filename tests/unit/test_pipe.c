/* SPDX-License-Identifier: MIT */
#include "allocation.h"
#include "sample.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HEAD = 12 };

#define HEAD_OF(a, b, c, d, e, f, g, h) "\xfe" "br\1" a b c d e f g h

struct feed {
	pthread_t thread;
	int fd;
	struct brood_bytes bytes;
	size_t step; /* bytes at a time; 0: brood_pipedump */
	bool slow;
	int error;
};

static void *run_feed(void *context)
{
	struct feed *feed = context;
	const char *data = feed->bytes.data;
	if (!feed->step)
		feed->error = brood_pipedump(feed->fd, feed->bytes);
	for (size_t done = 0; feed->step && done < feed->bytes.size;) {
		size_t left = feed->bytes.size - done;
		ssize_t count = write(feed->fd, data + done, left < feed->step ? left : feed->step);
		if (count < 0 && errno != EINTR) {
			feed->error = -errno;
			break;
		}
		done += count < 0 ? 0 : (size_t)count;
		if (feed->slow)
			usleep(200);
	}
	close(feed->fd);
	return NULL;
}

static void start(struct feed *feed, int fd, struct brood_bytes bytes, size_t step)
{
	*feed = (struct feed){.fd = fd, .bytes = bytes, .step = step};
	ck_assert_int_eq(pthread_create(&feed->thread, NULL, run_feed, feed), 0);
}

static void join(struct feed *feed)
{
	ck_assert_int_eq(pthread_join(feed->thread, NULL), 0);
	ck_assert_int_eq(feed->error, 0);
}

/* The bytes wait in a pipe whose other end is closed; they must fit into it. */
static int ready(struct brood_bytes bytes)
{
	int fds[2];
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	if (bytes.size)
		ck_assert_int_eq(write(fds[1], bytes.data, bytes.size), (ssize_t)bytes.size);
	close(fds[1]);
	return fds[0];
}

static struct brood_bytes filled(size_t size)
{
	unsigned char *data = malloc(size + !size);
	ck_assert_ptr_nonnull(data);
	uint64_t seed = size;
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)(i % 8 ? seed >> (i % 8 * 8) : sample_random(&seed));
	return (struct brood_bytes){data, size};
}

static void drop(struct brood_bytes bytes)
{
	free((void *)(uintptr_t)bytes.data);
}

static bool equal(const struct brood_buffer *buffer, struct brood_bytes bytes)
{
	return buffer->size == bytes.size && (!bytes.size || !memcmp(buffer->data, bytes.data, bytes.size));
}

START_TEST(the_form_is_what_it_was)
{
	int fds[2];
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(brood_pipedump(fds[1], BYTES("abc")), 0);
	char got[32];
	ck_assert_int_eq(read(fds[0], got, sizeof got), HEAD + 3);
	ck_assert(!memcmp(got, HEAD_OF("\0", "\0", "\0", "\0", "\0", "\0", "\0", "\3") "abc", HEAD + 3));
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(objects_of_every_size)
{
	static const size_t sizes[] = {0, 1, 2, 255, 256, 4083, 4084, 4085, 4096, 65535, 65536, 65537, 131072, 1000003, 70u << 20};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		for (int kind = 0; kind < 3; kind++) {
			if (kind && sizes[i] > 1u << 20)
				continue;
			int fds[2];
			ck_assert_int_eq(kind == 1 ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds), 0);
			if (kind == 2) {
				fcntl(fds[0], F_SETFL, O_NONBLOCK);
				fcntl(fds[1], F_SETFL, O_NONBLOCK | O_WRONLY);
			}
			struct brood_bytes object = filled(sizes[i]);
			struct feed feed;
			start(&feed, fds[1], object, 0);
			struct brood_buffer out = {0};
			brood_pack_nil(&out);
			ck_assert_int_eq(brood_pipeload(fds[0], &out), 1);
			ck_assert(equal(&out, object));
			ck_assert_int_eq(brood_pipeload(fds[0], &out), 0);
			ck_assert(equal(&out, object));
			join(&feed);
			close(fds[0]);
			brood_buffer_free(&out);
			drop(object);
		}
	}
}
END_TEST

static struct brood_bytes dumped(const struct brood_bytes *objects, size_t count)
{
	struct brood_buffer all = {0};
	char name[] = "/tmp/brood-pipe-XXXXXX";
	int fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	unlink(name);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(brood_pipedump(fd, objects[i]), 0);
	off_t size = lseek(fd, 0, SEEK_END);
	all.data = malloc((size_t)size);
	ck_assert_int_eq(pread(fd, all.data, (size_t)size, 0), size);
	close(fd);
	return (struct brood_bytes){all.data, (size_t)size};
}

START_TEST(one_byte_at_a_time)
{
	static const struct brood_bytes objects[] = {{"one", 3}, {"", 0}, {"\n\0\n", 3}, {"the last", 8}};
	struct brood_bytes all = dumped(objects, 4);
	/* Each read from such a socket gives one write: a byte. */
	for (int reading = 0; reading < 2; reading++) {
		int fds[2];
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
		if (reading)
			fcntl(fds[0], F_SETFL, O_NONBLOCK | O_RDWR);
		struct feed feed;
		start(&feed, fds[1], all, 1);
		brood_reader *reader = NULL;
		ck_assert_int_eq(brood_reader_new(&reader, fds[0]), 0);
		struct brood_buffer out = {0};
		for (size_t i = 0; i < 4; i++) {
			ck_assert_int_eq(reading ? brood_reader_load(reader, &out) : brood_pipeload(fds[0], &out), 1);
			ck_assert(equal(&out, objects[i]));
		}
		ck_assert_int_eq(reading ? brood_reader_load(reader, &out) : brood_pipeload(fds[0], &out), 0);
		ck_assert(equal(&out, objects[3]));
		join(&feed);
		brood_reader_free(reader);
		brood_buffer_free(&out);
		close(fds[0]);
	}
	drop(all);
}
END_TEST

START_TEST(what_is_cut_short_is_refused)
{
	static const struct brood_bytes object = {"some bytes", 10};
	struct brood_bytes all = dumped(&object, 1);
	for (size_t size = 0; size < all.size; size++)
		for (int reading = 0; reading < 2; reading++) {
			int fd = ready((struct brood_bytes){all.data, size});
			brood_reader *reader = NULL;
			ck_assert_int_eq(brood_reader_new(&reader, fd), 0);
			struct brood_buffer out = {0};
			brood_pack_nil(&out);
			struct brood_buffer before = out;
			ck_assert_int_eq(reading ? brood_reader_load(reader, &out) : brood_pipeload(fd, &out), size ? -EBADMSG : 0);
			ck_assert(sample_same(&out, &before) && out.data[0] == 0xc0);
			brood_reader_free(reader);
			brood_buffer_free(&out);
			close(fd);
		}
	drop(all);
}
END_TEST

START_TEST(what_is_no_head_is_refused_at_once)
{
	static const struct brood_bytes cases[] = {{"x", 1}, {"\xfex", 2}, {"\xfe" "bx", 3}, {"\xfe" "br\2", 4}, {"\xfe" "br\0........", 12}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int reading = 0; reading < 2; reading++) {
			int fds[2];
			ck_assert_int_eq(pipe(fds), 0);
			ck_assert_int_eq(write(fds[1], cases[i].data, cases[i].size), (ssize_t)cases[i].size);
			/* The other end stays open: a load that waited for more would not return. */
			brood_reader *reader = NULL;
			ck_assert_int_eq(brood_reader_new(&reader, fds[0]), 0);
			struct brood_buffer out = {0};
			ck_assert_int_eq(reading ? brood_reader_load(reader, &out) : brood_pipeload(fds[0], &out), -EBADMSG);
			ck_assert(!out.data);
			if (reading) {
				/* And has taken nothing. */
				char data[16];
				ck_assert_int_eq(brood_reader_read(reader, data, cases[i].size), (ssize_t)cases[i].size);
				ck_assert(!memcmp(data, cases[i].data, cases[i].size));
			}
			brood_reader_free(reader);
			close(fds[0]);
			close(fds[1]);
		}
}
END_TEST

START_TEST(heads_that_lie_cost_nothing)
{
	static const struct brood_bytes cases[] = {
		BYTES(HEAD_OF("\xff", "\xff", "\xff", "\xff", "\xff", "\xff", "\xff", "\xff") "abc"),
		BYTES(HEAD_OF("\x7f", "\xff", "\xff", "\xff", "\xff", "\xff", "\xff", "\xff") "abc"),
		BYTES(HEAD_OF("\0", "\0", "\0", "\xff", "\xff", "\xff", "\xff", "\xff")),
		BYTES(HEAD_OF("\0", "\0", "\0", "\0", "\x40", "\0", "\0", "\0") "abc"),
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int reading = 0; reading < 2; reading++) {
			int fd = ready(cases[i]);
			brood_reader *reader = NULL;
			ck_assert_int_eq(brood_reader_new(&reader, fd), 0);
			struct brood_buffer out = {0};
			allocation_largest();
			ck_assert_int_eq(reading ? brood_reader_load(reader, &out) : brood_pipeload(fd, &out), -EBADMSG);
			ck_assert_uint_le(allocation_largest(), 1u << 17);
			ck_assert(!out.data);
			brood_reader_free(reader);
			close(fd);
		}
}
END_TEST

static atomic_int ticks;

static void tick(int signal)
{
	(void)signal;
	ticks++;
}

START_TEST(signals_do_not_cut)
{
	/* Without SA_RESTART, so that reads and writes that wait are interrupted. */
	struct sigaction action = {.sa_handler = tick};
	sigaction(SIGALRM, &action, NULL);
	const struct itimerval timer = {{0, 500}, {0, 500}};
	setitimer(ITIMER_REAL, &timer, NULL);
	int fds[2];
	ck_assert_int_eq(pipe(fds), 0);
	struct brood_bytes object = filled(3000000), small = filled(600), all = dumped(&small, 1);
	struct feed feed;
	start(&feed, fds[1], object, 0);
	struct brood_buffer out = {0};
	ck_assert_int_eq(brood_pipeload(fds[0], &out), 1);
	ck_assert(equal(&out, object));
	join(&feed);
	close(fds[0]);
	ck_assert_int_eq(pipe(fds), 0);
	/* A slow writer in another thread: this one waits, and gets the signals. */
	feed = (struct feed){.fd = fds[1], .bytes = all, .step = 1, .slow = true};
	sigset_t alarm_only;
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm_only, NULL);
	ck_assert_int_eq(pthread_create(&feed.thread, NULL, run_feed, &feed), 0);
	pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
	int before = ticks;
	ck_assert_int_eq(brood_pipeload(fds[0], &out), 1);
	ck_assert(equal(&out, small));
	ck_assert_int_gt(ticks, before);
	join(&feed);
	close(fds[0]);
	brood_buffer_free(&out);
	drop(object);
	drop(small);
	drop(all);
}
END_TEST

START_TEST(a_closed_reader_is_no_death)
{
	for (int kind = 0; kind < 2; kind++) {
		int fds[2];
		ck_assert_int_eq(kind ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds), 0);
		close(fds[0]);
		signal(SIGPIPE, SIG_DFL);
		sigset_t before, after, pending;
		pthread_sigmask(SIG_SETMASK, NULL, &before);
		ck_assert_int_eq(brood_pipedump(fds[1], BYTES("x")), -EPIPE);
		struct brood_bytes object = filled(1000000);
		ck_assert_int_eq(brood_pipedump(fds[1], object), -EPIPE);
		drop(object);
		pthread_sigmask(SIG_SETMASK, NULL, &after);
		ck_assert_int_eq(sigismember(&before, SIGPIPE), sigismember(&after, SIGPIPE));
		sigpending(&pending);
		ck_assert(!sigismember(&pending, SIGPIPE));
		/* One that was pending before is the host's, and stays. */
		sigset_t pipe_only;
		sigemptyset(&pipe_only);
		sigaddset(&pipe_only, SIGPIPE);
		pthread_sigmask(SIG_BLOCK, &pipe_only, NULL);
		raise(SIGPIPE);
		ck_assert_int_eq(brood_pipedump(fds[1], BYTES("x")), -EPIPE);
		sigpending(&pending);
		ck_assert(sigismember(&pending, SIGPIPE));
		const struct timespec now = {0};
		ck_assert_int_eq(sigtimedwait(&pipe_only, NULL, &now), SIGPIPE);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		close(fds[1]);
	}
}
END_TEST

START_TEST(arguments_are_checked)
{
	struct brood_buffer out = {0};
	brood_reader *reader = NULL;
	ck_assert_int_eq(brood_pipedump(-1, BYTES("x")), -EBADF);
	ck_assert_int_eq(brood_pipeload(-1, &out), -EBADF);
	ck_assert_int_eq(brood_reader_new(&reader, -1), -EBADF);
	ck_assert_int_eq(brood_pipeload(0, NULL), -EINVAL);
	ck_assert_int_eq(brood_pipedump(1, (struct brood_bytes){NULL, 1}), -EINVAL);
	ck_assert_int_eq(brood_reader_new(NULL, 0), -EINVAL);
	ck_assert(!reader && !out.data);
	struct brood_bytes line;
	char c;
	ck_assert_int_eq(brood_reader_read(NULL, &c, 1), -EINVAL);
	ck_assert_int_eq(brood_reader_readline(NULL, &line), -EINVAL);
	ck_assert_int_eq(brood_reader_load(NULL, &out), -EINVAL);
	brood_reader_free(NULL);
	int fd = ready(BYTES("x"));
	ck_assert_int_eq(brood_reader_new(&reader, fd), 0);
	ck_assert_int_eq(brood_reader_read(reader, NULL, 1), -EINVAL);
	ck_assert_int_eq(brood_reader_readline(reader, NULL), -EINVAL);
	ck_assert_int_eq(brood_reader_load(reader, NULL), -EINVAL);
	ck_assert_int_eq(brood_reader_read(reader, NULL, 0), 0);
	brood_reader_free(reader);
	/* The descriptor is the caller's, and stays open. */
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	close(fd);
}
END_TEST

static void expect_line(brood_reader *reader, struct brood_bytes expected)
{
	struct brood_bytes line = {0};
	ck_assert_int_eq(brood_reader_readline(reader, &line), 1);
	ck_assert_uint_eq(line.size, expected.size);
	ck_assert(!memcmp(line.data, expected.data, line.size));
}

START_TEST(lines_are_whole)
{
	int fd = ready(BYTES("one\n\n\0two\0\nthe last"));
	brood_reader *reader;
	ck_assert_int_eq(brood_reader_new(&reader, fd), 0);
	expect_line(reader, BYTES("one\n"));
	expect_line(reader, BYTES("\n"));
	expect_line(reader, BYTES("\0two\0\n"));
	expect_line(reader, BYTES("the last"));
	struct brood_bytes line = {&fd, 77};
	ck_assert_int_eq(brood_reader_readline(reader, &line), 0);
	ck_assert_int_eq(brood_reader_readline(reader, &line), 0);
	ck_assert(line.data == &fd && line.size == 77);
	char c;
	ck_assert_int_eq(brood_reader_read(reader, &c, 1), 0);
	struct brood_buffer out = {0};
	ck_assert_int_eq(brood_reader_load(reader, &out), 0);
	brood_reader_free(reader);
	close(fd);
}
END_TEST

START_TEST(lines_of_any_length)
{
	enum { LONG = 5000000, MANY = 20000 };
	char *text = malloc(2 * LONG + 2 * MANY);
	ck_assert_ptr_nonnull(text);
	memset(text, 'x', 2 * LONG);
	text[LONG - 1] = '\n';
	text[2 * LONG - 1] = '\n';
	for (size_t i = 0; i < MANY; i++)
		memcpy(text + 2 * LONG + 2 * i, "y\n", 2);
	int fds[2];
	ck_assert_int_eq(pipe(fds), 0);
	struct feed feed;
	start(&feed, fds[1], (struct brood_bytes){text, 2 * LONG + 2 * MANY}, 10007);
	brood_reader *reader;
	ck_assert_int_eq(brood_reader_new(&reader, fds[0]), 0);
	expect_line(reader, (struct brood_bytes){text, LONG});
	expect_line(reader, (struct brood_bytes){text + LONG, LONG});
	for (size_t i = 0; i < MANY; i++)
		expect_line(reader, BYTES("y\n"));
	struct brood_bytes line;
	ck_assert_int_eq(brood_reader_readline(reader, &line), 0);
	join(&feed);
	brood_reader_free(reader);
	free(text);
	close(fds[0]);
}
END_TEST

START_TEST(lines_bytes_and_objects_mix)
{
	struct brood_bytes big = filled(300000);
	struct brood_bytes objects[] = {BYTES("object\nwith a line end"), big, BYTES("")};
	struct brood_bytes dumps[3];
	for (int i = 0; i < 3; i++)
		dumps[i] = dumped(&objects[i], 1);
	static const size_t steps[] = {1000000, 70000, 4096, 1001, 17};
	for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
		struct brood_buffer all = {0};
		const struct brood_bytes parts[] = {BYTES("line one\n"), dumps[0], BYTES("12345line two\n"), dumps[1], BYTES("\n"), dumps[2], BYTES("rest")};
		for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
			all.data = realloc(all.data, all.size + parts[i].size);
			memcpy(all.data + all.size, parts[i].data, parts[i].size);
			all.size += parts[i].size;
		}
		int fds[2];
		ck_assert_int_eq(pipe(fds), 0);
		struct feed feed;
		start(&feed, fds[1], bytes_of(&all), steps[step]);
		brood_reader *reader;
		ck_assert_int_eq(brood_reader_new(&reader, fds[0]), 0);
		struct brood_buffer out = {0};
		char five[10];
		expect_line(reader, BYTES("line one\n"));
		ck_assert_int_eq(brood_reader_load(reader, &out), 1);
		ck_assert(equal(&out, objects[0]));
		ck_assert_int_eq(brood_reader_read(reader, five, 5), 5);
		ck_assert(!memcmp(five, "12345", 5));
		expect_line(reader, BYTES("line two\n"));
		ck_assert_int_eq(brood_reader_load(reader, &out), 1);
		ck_assert(equal(&out, big));
		expect_line(reader, BYTES("\n"));
		ck_assert_int_eq(brood_reader_load(reader, &out), 1);
		ck_assert_uint_eq(out.size, 0);
		ck_assert_int_eq(brood_reader_read(reader, five, sizeof five), 4);
		ck_assert(!memcmp(five, "rest", 4));
		ck_assert_int_eq(brood_reader_read(reader, five, sizeof five), 0);
		join(&feed);
		brood_reader_free(reader);
		brood_buffer_free(&out);
		brood_buffer_free(&all);
		close(fds[0]);
	}
	drop(big);
	for (int i = 0; i < 3; i++)
		drop(dumps[i]);
}
END_TEST

START_TEST(reads_are_full)
{
	struct brood_bytes bytes = filled(1000000);
	char *got = malloc(bytes.size + 10);
	ck_assert_ptr_nonnull(got);
	int fds[2];
	ck_assert_int_eq(pipe(fds), 0);
	struct feed feed;
	start(&feed, fds[1], bytes, 777);
	brood_reader *reader;
	ck_assert_int_eq(brood_reader_new(&reader, fds[0]), 0);
	size_t have = 0;
	for (size_t size = 1; have < bytes.size; size = size * 2 + 1) {
		size_t left = bytes.size - have;
		ck_assert_int_eq(brood_reader_read(reader, got + have, size < left ? size : left + 10), (ssize_t)(size < left ? size : left));
		have += size < left ? size : left;
	}
	ck_assert(!memcmp(got, bytes.data, bytes.size));
	join(&feed);
	brood_reader_free(reader);
	free(got);
	drop(bytes);
	close(fds[0]);
}
END_TEST

START_TEST(an_error_loses_nothing)
{
	int fd = ready(BYTES("ab\nabc"));
	brood_reader *reader;
	ck_assert_int_eq(brood_reader_new(&reader, fd), 0);
	expect_line(reader, BYTES("ab\n"));
	int keep = dup(fd);
	close(fd);
	char data[4] = "....";
	ck_assert_int_eq(brood_reader_read(reader, data, 4), -EBADF);
	ck_assert(!memcmp(data, "....", 4));
	struct brood_bytes line = {&fd, 77};
	ck_assert_int_eq(brood_reader_readline(reader, &line), -EBADF);
	ck_assert(line.data == &fd && line.size == 77);
	ck_assert_int_eq(dup2(keep, fd), fd);
	ck_assert_int_eq(brood_reader_read(reader, data, 4), 3);
	ck_assert(!memcmp(data, "abc.", 4));
	brood_reader_free(reader);
	close(keep);
	close(fd);
}
END_TEST

START_TEST(a_child_may_only_free)
{
	int fd = ready(BYTES("line\n"));
	brood_reader *reader;
	ck_assert_int_eq(brood_reader_new(&reader, fd), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		char c;
		struct brood_bytes line;
		struct brood_buffer out = {0};
		bool right = brood_reader_read(reader, &c, 1) == -EPERM && brood_reader_readline(reader, &line) == -EPERM &&
			brood_reader_load(reader, &out) == -EPERM;
		brood_reader_free(reader);
		_exit(right ? 0 : 1);
	}
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	expect_line(reader, BYTES("line\n"));
	brood_reader_free(reader);
	close(fd);
}
END_TEST

START_TEST(nothing_changes_without_memory)
{
	struct brood_bytes object = filled(50000), all = dumped(&object, 1);
	for (int reading = 0; reading < 2; reading++)
		for (unsigned long nth = 1;; nth++) {
			int fd = ready(all);
			/* Check itself allocates, so that nothing is asserted between the two counts. */
			long live = allocation_count();
			struct brood_buffer out = {0};
			brood_pack_nil(&out);
			struct brood_buffer before = out;
			brood_reader *reader = NULL;
			allocation_fail(nth);
			int got = reading ? brood_reader_new(&reader, fd) : 0;
			if (!got)
				got = reading ? brood_reader_load(reader, &out) : brood_pipeload(fd, &out);
			int failed = allocation_failed();
			bool same = sample_same(&out, &before);
			bool whole = equal(&out, object);
			brood_reader_free(reader);
			brood_buffer_free(&out);
			long left = allocation_count() - live;
			close(fd);
			ck_assert_int_eq(left, 0);
			ck_assert_int_eq(got, failed ? -ENOMEM : 1);
			ck_assert(failed ? same : whole);
			if (!failed) {
				ck_assert_uint_gt(nth, 1);
				break;
			}
		}
	/* A line that does not fit is still there when there is memory. */
	int fd = ready(BYTES("a line\n"));
	brood_reader *reader;
	ck_assert_int_eq(brood_reader_new(&reader, fd), 0);
	struct brood_bytes line;
	allocation_fail(1);
	int got = brood_reader_readline(reader, &line);
	ck_assert(allocation_failed());
	ck_assert_int_eq(got, -ENOMEM);
	expect_line(reader, BYTES("a line\n"));
	brood_reader_free(reader);
	close(fd);
	drop(object);
	drop(all);
}
END_TEST

START_TEST(two_processes)
{
	int fds[2];
	ck_assert_int_eq(pipe(fds), 0);
	struct brood_bytes object = filled(2000000);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		int error = 0;
		for (int i = 0; i < 5 && !error; i++)
			error = brood_pipedump(fds[1], object);
		_exit(error != 0);
	}
	close(fds[1]);
	struct brood_buffer out = {0};
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(brood_pipeload(fds[0], &out), 1);
		ck_assert(equal(&out, object));
	}
	ck_assert_int_eq(brood_pipeload(fds[0], &out), 0);
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	brood_buffer_free(&out);
	close(fds[0]);
	drop(object);
}
END_TEST

static Suite *pipe_suite(void)
{
	Suite *suite = suite_create("pipe");
	TCase *test = support_case(suite, "pipe", 60);
	tcase_add_test(test, the_form_is_what_it_was);
	tcase_add_test(test, objects_of_every_size);
	tcase_add_test(test, one_byte_at_a_time);
	tcase_add_test(test, what_is_cut_short_is_refused);
	tcase_add_test(test, what_is_no_head_is_refused_at_once);
	tcase_add_test(test, heads_that_lie_cost_nothing);
	tcase_add_test(test, signals_do_not_cut);
	tcase_add_test(test, a_closed_reader_is_no_death);
	tcase_add_test(test, arguments_are_checked);
	tcase_add_test(test, lines_are_whole);
	tcase_add_test(test, lines_of_any_length);
	tcase_add_test(test, lines_bytes_and_objects_mix);
	tcase_add_test(test, reads_are_full);
	tcase_add_test(test, an_error_loses_nothing);
	tcase_add_test(test, a_child_may_only_free);
	tcase_add_test(test, nothing_changes_without_memory);
	tcase_add_test(test, two_processes);
	return suite;
}

int main(void)
{
	return support_main(pipe_suite);
}
