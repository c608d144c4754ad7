/* SPDX-License-Identifier: MIT */
/* What tests of channels send, and how they look at it. */
#ifndef BROOD_TESTS_TRAFFIC_H
#define BROOD_TESTS_TRAFFIC_H

#include "support.h"

#include <brood.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As ck_assert, but free where it holds, for loops, children and threads. */
#define MUST(condition) ((condition) ? (void)0 : ck_abort_msg("%s", #condition))

/* That a call gives this number. */
#define GIVES(call, wanted) \
	do { \
		long gives_ = (long)(call), wanted_ = (long)(wanted); \
		if (gives_ != wanted_) \
			ck_abort_msg("%s gives %ld, not %ld", #call, gives_, wanted_); \
	} while (0)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TRAFFIC_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TRAFFIC_SANITIZED 1
#endif
#endif
#ifndef TRAFFIC_SANITIZED
#define TRAFFIC_SANITIZED 0
#endif

static inline void *traffic_nothing(void *context)
{
	return context;
}

/* Before threads are counted: a tool may have one of its own, from the first that is made. */
static inline void traffic_ready_threads(void)
{
	pthread_t thread;
	if (!TRAFFIC_SANITIZED)
		return;
	MUST(!pthread_create(&thread, NULL, traffic_nothing, NULL));
	pthread_join(thread, NULL);
	support_baseline();
}

/* By how much a tool makes this program slower; BROOD_TEST_SLOW says it too. */
static inline unsigned traffic_slow(void)
{
	const char *slow = getenv("BROOD_TEST_SLOW");
	if (slow && atoi(slow) > 0)
		return (unsigned)atoi(slow);
	/* Whoever stretches the limits that much does so for valgrind. */
	const char *stretch = getenv("CK_TIMEOUT_MULTIPLIER");
	return stretch && atoi(stretch) >= 5 ? 50 : TRAFFIC_SANITIZED ? 5 : 1;
}

/* That many rounds, or fewer where a tool makes each slower. BROOD_TEST_LONG multiplies them. */
static inline unsigned traffic_rounds(unsigned rounds)
{
	const char *more = getenv("BROOD_TEST_LONG");
	unsigned scaled = rounds * (more && atoi(more) > 0 ? (unsigned)atoi(more) : 1) / traffic_slow();
	return scaled ? scaled : 1;
}

static inline uint64_t traffic_random(uint64_t *state)
{
	*state += UINT64_C(0x9E3779B97F4A7C15);
	uint64_t z = *state;
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static inline size_t traffic_below(uint64_t *state, size_t bound)
{
	return (size_t)(traffic_random(state) % bound);
}

/* The body of a size that this seed makes: words that count up from it, so that nothing moved or repeated fits. */
static inline void traffic_fill(void *data, size_t size, uint64_t seed)
{
	unsigned char *at = data;
	uint64_t word = seed * UINT64_C(0x9E3779B97F4A7C15) + size;
	for (; size >= sizeof word; size -= sizeof word, at += sizeof word, word += UINT64_C(0x0101010101010101))
		memcpy(at, &word, sizeof word);
	if (size)
		memcpy(at, &word, size);
}

static inline bool traffic_matches(struct brood_bytes body, uint64_t seed)
{
	const unsigned char *at = body.data;
	size_t size = body.size;
	uint64_t word = seed * UINT64_C(0x9E3779B97F4A7C15) + size;
	for (; size >= sizeof word; size -= sizeof word, at += sizeof word, word += UINT64_C(0x0101010101010101))
		if (memcmp(at, &word, sizeof word))
			return false;
	return !size || !memcmp(at, &word, size);
}

/* Sends a body of that size and seed. */
static inline int traffic_send(brood_channel *channel, size_t size, uint64_t seed)
{
	unsigned char small[512];
	unsigned char *data = size <= sizeof small ? small : malloc(size);
	MUST(data);
	traffic_fill(data, size, seed);
	int result = brood_send(channel, data, size);
	if (data != small)
		free(data);
	return result;
}

/* Receives one body, which must be of that size and seed. */
static inline void traffic_expect(brood_channel *channel, size_t size, uint64_t seed)
{
	struct brood_message message;
	GIVES(brood_receive(channel, &message), 1);
	MUST(!message.failure);
	GIVES(message.body.size, size);
	MUST(traffic_matches(message.body, seed));
}

/* Whether the descriptor is readable, or becomes so within that many seconds. */
static inline bool traffic_readable(int fd, double seconds)
{
	struct pollfd item = {.fd = fd, .events = POLLIN};
	return poll(&item, 1, (int)(seconds * 1e3)) == 1;
}

/* Keeps this process, and what it forks, on so many of its processors; false where it has fewer. */
static inline bool traffic_pin(unsigned count)
{
	cpu_set_t all, some;
	CPU_ZERO(&some);
	if (sched_getaffinity(0, sizeof all, &all))
		return false;
	unsigned found = 0;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && found < count; cpu++)
		if (CPU_ISSET(cpu, &all)) {
			CPU_SET(cpu, &some);
			found++;
		}
	return found == count && !sched_setaffinity(0, sizeof some, &some);
}

/* The child has ended by itself with that code. */
static inline void traffic_ended(brood_channel *channel, int code)
{
	struct brood_status status;
	GIVES(brood_wait(channel, support_scale(20), &status), 0);
	GIVES(status.signal, 0);
	GIVES(status.exit_code, code);
}

#endif
