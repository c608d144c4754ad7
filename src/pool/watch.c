/* SPDX-License-Identifier: MIT */
#include "pool/watch.h"

#include "base/clock.h"
#include "pool/stream.h"

#include <errno.h>
#include <math.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* Where the system has no room in the set for what the nursery says, it is looked at every so many seconds. */
#define BLIND 0.01

/* What a timer takes: longer than that nobody waits. */
#define LONGEST 1e6

static int add(brood_pool *pool, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	return epoll_ctl(pool->watch.fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* In so many seconds, of which 0 is never. */
static void set_timer(const brood_pool *pool, double seconds)
{
	const double whole = floor(fmin(seconds, LONGEST));
	const struct itimerspec when = {.it_value = {.tv_sec = (time_t)whole, .tv_nsec = (long)((fmin(seconds, LONGEST) - whole) * 1e9)}};
	const uint64_t once = 1;
	/* Rather readable for nothing than not when it has to be. */
	while (timerfd_settime(pool->watch.timer, 0, &when, NULL) && write(pool->alarm, &once, sizeof once) < 0 && errno == EINTR)
		;
}

void watch_nursery(brood_pool *pool)
{
	if (watch_is_open(pool) && pool->crew.nursery)
		pool->watch.blind = nursery_watch(pool->crew.nursery, pool->watch.fd) != 0;
	watch_heat(pool);
}

void watch_heat(brood_pool *pool)
{
	if (!watch_is_open(pool) || !pool->watch.cold)
		return;
	pool->watch.cold = false;
	set_timer(pool, 1e-9);
}

void watch_cool(brood_pool *pool, double due)
{
	const double now = clock_now(), last = pool->watch.blind ? fmin(due, now + BLIND) : due;
	pool->watch.cold = true;
	set_timer(pool, isinf(last) ? 0 : fmax(last - now, 1e-9));
	/* So that the next item that is submitted makes it hot. */
	if (stream_is_open(pool))
		pool->stream->room = 0;
}

void watch_rest(brood_pool *pool)
{
	if (!watch_is_open(pool))
		return;
	pool_silence(pool);
	pool->watch.blind = false;
	watch_cool(pool, INFINITY);
}

void watch_close(brood_pool *pool)
{
	lineage_close(pool->watch.timer);
	lineage_close(pool->watch.fd);
	pool->watch = (struct watch){.fd = -1, .timer = -1};
}

static int open_watch(brood_pool *pool)
{
	struct watch *watch = &pool->watch;
	watch->timer = lineage_adopt(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
	watch->fd = watch->timer < 0 ? watch->timer : lineage_adopt(epoll_create1(EPOLL_CLOEXEC));
	int error = watch->fd < 0 ? watch->fd : add(pool, watch->timer);
	if (!error)
		error = add(pool, pool->alarm);
	if (error) {
		watch_close(pool);
		return error;
	}
	watch->cold = true;
	watch_nursery(pool);
	return 0;
}

BROOD_API int brood_pool_fd(brood_pool *pool)
{
	if (!pool)
		return -EINVAL;
	if (pool->generation != lineage_generation())
		return -EPERM;
	int error = watch_is_open(pool) ? 0 : open_watch(pool);
	return error ? error : pool->watch.fd;
}
