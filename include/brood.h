/* SPDX-License-Identifier: MIT */
/*
 * brood: run work in forked processes and lose none of it.
 *
 * This is the whole public interface of libbrood. It is usable from C99 and C++.
 *
 * What holds for every declaration below, unless it says otherwise:
 *
 *   Errors      A function that can fail returns 0 or a count, and a negative errno on failure; on failure no output
 *               parameter has been touched. A read with three answers gives 1, 0 (ended) or a negative errno. There is
 *               no last-error variable. The library never prints, logs, or ends the host. -ENOMEM, -EMFILE and -ENFILE
 *               can come from anything that creates; they are not repeated below. -EINVAL is a NULL where an object is
 *               needed, or an argument out of its range.
 *   Ownership   Parameters are borrowed for the call. What a *_new, a create, a start or a spawn yields is ended by its
 *               *_free; a *_free takes NULL.
 *   Options     A struct whose zero is the default; its first member is its size.
 *   Time        Seconds, as double, on the monotonic clock. A negative limit waits for ever, 0 does not wait.
 *   Threads     An object is used by one thread at a time; different objects may be used by different threads at once.
 *               Functions that take no object may be called from any thread.
 *   Fork        An object belongs to the process that made it. After a fork, whoever forked, the child's copies of
 *               the parent's objects answer -EPERM and may be freed; their descriptors have been closed in it.
 *   Signals     A signal that the host handles does not end a wait: for that, wait with a limit.
 *   Host        Signal handlers and mask, descriptors 0 to 2, the host's own children, SIGCHLD's disposition, the
 *               environment and the terminal stay as they were found. Every descriptor is close-on-exec from birth.
 */
#ifndef BROOD_H
#define BROOD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BROOD_NORETURN __attribute__((__noreturn__))

#if defined(__GNUC__)
#define BROOD_API __attribute__((__visibility__("default")))
#define BROOD_PRINTF(format, first) __attribute__((__format__(__printf__, format, first)))
#else
#define BROOD_API
#define BROOD_PRINTF(format, first)
#endif

#define BROOD_VERSION "0.1.0"

/* The version of the library in use, which may be newer than BROOD_VERSION that the program was compiled with. */
BROOD_API const char *brood_version(void);

/* Bytes that somebody else owns. */
struct brood_bytes {
	const void *data;
	size_t size;
};

/* A growable buffer that the caller owns. All zero is empty; brood_buffer_free, or free(data), ends it. */
struct brood_buffer {
	unsigned char *data;
	size_t size, capacity;
};

BROOD_API void brood_buffer_free(struct brood_buffer *);

/*
 * Why work failed: what an exception was in the originals. The strings are never NULL, and empty where nothing is known.
 * output is the last lines that a pool's worker wrote to stderr, at most 16 KiB, with '?' for each NUL; "" where there are
 * none or the worker lives, and for what came by a channel.
 */
struct brood_failure {
	const char *type, *message, *traceback;
	int code, signal;
	const char *output;
};

/* --- processes ----------------------------------------------------------------------------------------------------- */

/*
 * How a process ended. exit_code is meaningful where signal is 0; the two are never folded into one. The seconds are
 * those of the process and of the descendants that it waited for itself. peak_bytes is the largest resident size that
 * the kernel recorded for it: for a forked child it starts at what the host had resident when it forked, and for a
 * program at what the host had resident when it spawned, so that it is an upper bound for children smaller than the
 * host.
 *
 * out_of_memory: it was killed by the kernel's out-of-memory killer, for memory that its cgroup or the system had not. The
 * kernel does not say whom it killed but counts, so this is a SIGKILL that did not come through brood, after which the count
 * of the cgroup (v1 or v2) is higher than all such kills told so far explain; where that count cannot be read, the
 * system's. It is looked at from the first child of the process on, and from each pool's first worker on. So a kill of
 * another process in the same cgroup can be taken for that of a child that somebody else killed; and a child that has
 * moved to another cgroup, or whose host moved after its first child, is not told apart from other kills.
 */
struct brood_status {
	pid_t pid;
	int exit_code, signal;
	bool core_dumped, out_of_memory;
	double user_seconds, system_seconds;
	size_t peak_bytes;
};

/* Processors that this process may keep busy: its affinity, bounded by the CPU quota of its cgroups (v1 and v2, rounded
   up) and by nothing else. At least 1. Read afresh at each call. */
BROOD_API int brood_processors(void);

/* Collects those children that brood made and that have ended since, never blocks, and returns how many it collected.
   No other child of the host is touched. Idea: reap of delegate.py, which spun for ever. */
BROOD_API int brood_reap(void);

/* Waits until all children that brood made in this process have ended, and collects them. -ETIMEDOUT when the time is
   up first. Idea: waitall of pprocess, which also took other libraries' children. */
BROOD_API int brood_waitall(double timeout);

/* Flushes what this process has printed and ends it at once, with no atexit handlers, so that nothing of a child runs on
   past the fork into its parent's code. Idea: suicide of delegate.py, by SIGKILL there, so that a good exit looked like a
   death. */
BROOD_NORETURN BROOD_API void brood_suicide(int status);

/* --- channels ------------------------------------------------------------------------------------------------------ */

/*
 * A channel carries whole messages both ways between two processes, usually a host and a child that it made. Every
 * message is acknowledged: brood_send returns when the peer has received it, so that a child cannot exit, or be thought
 * done, before its data has been read. Both sides may send at once; each message is then kept by the side that is
 * sending until it next receives. The idea, and create, start, send, receive, close and wait, come from pprocess.
 */
typedef struct brood_channel brood_channel;

/* What a child runs. Its return value, 0 to 255, is the child's exit code; anything else counts as 255. */
typedef int brood_process_fn(brood_channel *channel, void *context);

/*
 * A received message. body is empty where failure is set: then the peer has called brood_raise. Both stay valid until
 * the next brood_receive on the channel, or until it is freed.
 */
struct brood_message {
	struct brood_bytes body;
	const struct brood_failure *failure;
};

/*
 * Forks, as fork(2): returns 0 in the child and the child's pid in the host, with a channel between them in *out.
 *
 * The child has a copy of the host's memory and shares the host's descriptors, but for those of brood's own objects: it
 * holds no sibling's channel. It leads a process group of its own, and so is in the background of a terminal: reading from
 * one stops it. It is killed when the host ends, in whatever way, and its group with it, unless brood_outlive is called
 * for its channel. The host's buffered output is flushed before
 * the fork, so that nothing is printed twice. When the child calls exit or returns from main, its own output is flushed
 * and handlers that it registered itself run, but not the host's. Its parent, in the sense of getppid, is not the host
 * but a keeper, a process that brood sets between them: it alone waits for the child, so that no waitpid(-1) of the
 * host, and no ignored SIGCHLD, can lose how the child ended.
 *
 * In a host with threads only the calling thread goes on in the child, which may then do what is safe after fork(2)
 * there: with glibc that includes malloc and stdio, but not locks that another thread may have held. Of the streams only
 * stdout and stderr are flushed then. The buffers of C++ streams are the program's own to flush, in host and child.
 *
 * -EAGAIN: no more processes may be made.
 */
BROOD_API int brood_create(brood_channel **out);

/*
 * Runs function(channel, context) in a child, as brood_create makes it; returns 0 in the host, and never in the child,
 * which ends when the function returns. To report a failure, the function calls brood_raise before it returns.
 */
BROOD_API int brood_start(brood_channel **out, brood_process_fn *function, void *context);

/*
 * Two ends of one channel, both in this process and with no child to them: between two threads, or for a test. The ends
 * may be used by different threads.
 */
BROOD_API int brood_channel_pair(brood_channel **one, brood_channel **other);

/* The child's pid; 0 on the child's side and where there is no child. */
BROOD_API pid_t brood_channel_pid(const brood_channel *);

/*
 * A descriptor to poll, never to read: readable (POLLIN) when brood_receive has something to give, be it a message that has
 * come, or begun to come, the end or an error. It belongs to the channel; -1 once the channel is closed.
 */
BROOD_API int brood_channel_fd(const brood_channel *);

/* The largest message that may be received, in bytes; 0, as at first, is no limit. A larger one answers -EMSGSIZE and
   ends the channel. Nothing is ever allocated because a peer announces it: memory grows as bytes arrive. */
BROOD_API int brood_channel_limit(brood_channel *, size_t bytes);

/*
 * A time limit for each brood_send, brood_raise and brood_receive on the channel from now on; negative, as at first, for none.
 * -ETIMEDOUT from brood_receive leaves the channel as it was; from a send it ends the channel, since the peer may have taken
 * a part of the message. Another way out of a call that a hung peer holds up is brood_channel_kill from another thread.
 */
BROOD_API int brood_channel_timeout(brood_channel *, double seconds);

/*
 * Sends a message of any size, 0 included, and returns 0 when the peer has received it: its brood_receive has it, or it has
 * been put by for the peer's next brood_receive, as is done by a brood_send that is under way at the same time, and when
 * the peer first asks for the descriptor or adds the channel to an exchange.
 *
 * -EPIPE     the peer closed, or ended, before it received the message; or this side has closed
 * -EBADMSG   the peer broke the protocol; the channel is ended
 * -ENOBUFS   both sides send and neither receives: too much is put by already (1 GiB or 65,536 messages); the channel is
 *            ended, and what was put by can still be received
 */
BROOD_API int brood_send(brood_channel *, const void *data, size_t size);

/*
 * Sends a failure in place of a message; the peer's brood_receive gives it. The type is a word such as "ValueError", the
 * message is formatted as by printf; the traceback is that of the call, one line a frame, innermost first. Returns code
 * where it has been received and code is not 0, so that a function can say return brood_raise(…); else as brood_send
 * does. Idea: exceptions that travel, of pprocess, whose tracebacks did not.
 */
BROOD_API int brood_raise(brood_channel *, int code, const char *type, const char *format, ...) BROOD_PRINTF(4, 5);

/*
 * Waits for a message, acknowledges it and gives it in *out. 1: a message; 0: the peer has gone, and all that it sent
 * has been received, or this side has closed. An error that ends the channel is the answer of every later call too.
 *
 * -ECONNRESET  the peer ended in the middle of a message
 * -EBADMSG     what came is not brood's protocol; the channel is ended
 * -EMSGSIZE    the message is larger than brood_channel_limit; the channel is ended
 * -ENOMEM      the message did not fit into memory; the channel is ended
 */
BROOD_API int brood_receive(brood_channel *, struct brood_message *out);

/*
 * Waits for the channel's child to end, and says how it did; out may be NULL. May be called again: the answer stays.
 * 0 at once on the child's side and where there is no child, with *out all zero. -ETIMEDOUT when the time is up first.
 * A child that waits for a message from here does not end by itself: brood_close tells it.
 */
BROOD_API int brood_wait(brood_channel *, double timeout, struct brood_status *out);

/* Sends a signal to the child's whole process group. May be called while another thread uses the channel. -ESRCH: the child
   has ended, and what it has left running in its group is out of reach; -EINVAL also where there is no child. */
BROOD_API int brood_channel_kill(brood_channel *, int signal);

/* Lets the child live on when this process ends. Closing and waiting go on as before. -ESRCH: it has ended. */
BROOD_API int brood_outlive(brood_channel *);

/* Closes this side: the peer sees the end. Once closed, again is a no-op. The child is not waited for. */
BROOD_API int brood_close(brood_channel *);

/* Closes and frees; takes the channel out of its exchange first. A child that has not ended by then, as one that has just
   sent its last message may not, is left to brood_reap, which is also done for it when the next child is made. In a
   brood_process_fn the channel may be freed or not. */
BROOD_API void brood_channel_free(brood_channel *);

/* --- exchanges ----------------------------------------------------------------------------------------------------- */

/*
 * Which of many channels can be received from now. An exchange owns its channels: brood_exchange_free frees them. A
 * channel that has ended, with nothing left to receive, leaves the exchange by itself; unless BROOD_KEEP_OPEN it is then
 * closed, and its child waited for in the background, never blocking the caller on a child that lives on. It stays valid
 * until the exchange, or it itself, is freed, so that brood_wait can be asked for its status. Idea: pprocess, whose
 * exchange lost the last message of a peer that wrote and closed, and took seconds for milliseconds.
 */
typedef struct brood_exchange brood_exchange;

#define BROOD_KEEP_OPEN 1u
#define BROOD_GIVE_ENDED 2u

/* With BROOD_GIVE_ENDED brood_exchange_ready also gives each channel that has ended, once, as it leaves the exchange: for
   a host that replaces its children, or asks at once how they ended. Its brood_receive gives 0. */
BROOD_API int brood_exchange_new(brood_exchange **out, unsigned flags);

/* Takes the channel over. -EBUSY: it is in an exchange already; -EPIPE: it is closed. */
BROOD_API int brood_exchange_add(brood_exchange *, brood_channel *);

/* How many channels have not ended; the first max of them in out, which may be NULL when max is 0. */
BROOD_API size_t brood_exchange_active(const brood_exchange *, brood_channel **out, size_t max);

/*
 * Waits until a channel can be received from, and gives up to max of them in out: each then has a message that has come, or
 * has begun to come, or an error. Fair: a channel that is always ready does not hide the others. 0 when the time is up,
 * and when no channel is active, or none any more.
 */
BROOD_API int brood_exchange_ready(brood_exchange *, brood_channel **out, size_t max, double timeout);

/* Gives the channel back to the caller, open as it is. -ENOENT: it is not in this exchange. */
BROOD_API int brood_exchange_remove(brood_exchange *, brood_channel *);

/* A descriptor that is readable when brood_exchange_ready has something to do, for another event loop. */
BROOD_API int brood_exchange_fd(const brood_exchange *);

BROOD_API void brood_exchange_free(brood_exchange *);

/* --- programs ------------------------------------------------------------------------------------------------------ */

/*
 * A program to run: one struct in place of the eight forms of exec. List or vector is the caller's array.
 *
 * argv       what the program gets, NULL at its end; at least argv[0]
 * env        its environment, NULL at its end; NULL: the host's
 * path       the file to run; NULL: argv[0]
 * directory  where it runs; NULL: where the host is. A relative path is looked up from there.
 * search     a path without a slash is looked for in the host's PATH
 * stdin_fd, stdout_fd, stderr_fd   the descriptors that it gets as 0, 1 and 2: 0 is the host's own of that number,
 *            BROOD_NULL is /dev/null. To give the host's descriptor 0 as another, duplicate it first.
 * flags      BROOD_OUTLIVE: it lives on when the host ends. BROOD_DIRECT: see brood_spawn.
 */
struct brood_program {
	size_t size;
	const char *const *argv, *const *env;
	const char *path, *directory;
	bool search;
	int stdin_fd, stdout_fd, stderr_fd;
	unsigned flags;
};

/* In C; C++ has no literal of a struct to point to. */
#define BROOD_PROGRAM(...) (&(const struct brood_program){.size = sizeof(struct brood_program), __VA_ARGS__})

#define BROOD_NULL (-1)
#define BROOD_OUTLIVE 1u
#define BROOD_DIRECT 2u

/*
 * Becomes the program: returns only on failure, with the host as it was. Descriptors that are not close-on-exec, and
 * ignored signals, pass on, as with exec. flags is not used. Children that do not outlive this program are killed, since
 * it ends.
 *
 * -ENOENT, -EACCES, -ENOEXEC, -E2BIG, -ENOTDIR, …: what execve says; -ENOEXEC also for a script without a #! line.
 */
BROOD_API int brood_exec(const struct brood_program *);

typedef struct brood_process brood_process;

/*
 * Starts the program in a process group of its own, with default signals, an empty signal mask, and no descriptors but
 * 0, 1 and 2. It is killed when the host ends, with its group, unless BROOD_OUTLIVE. What brood_exec would return
 * comes back here; exit code 127 is the program's own.
 *
 * Between host and program stands a keeper, as with brood_create, so that no waitpid(-1) of the host loses the status.
 * With BROOD_DIRECT the program is the host's own child, which starts faster: for a host in which nobody else waits
 * for any child, and that does not ignore SIGCHLD; else the status may be lost, and brood_process_wait says -ECHILD.
 * What the host's first thread starts so is killed when that thread ends, even if others go on.
 */
BROOD_API int brood_spawn(brood_process **out, const struct brood_program *);

BROOD_API pid_t brood_process_pid(const brood_process *);

/* A descriptor to poll, never to read: readable when the process has ended. -1 once its status has been collected. Take
   it out of an epoll set before that: a program that is just being started may hold a copy for a moment, and the set would
   go on telling of a descriptor that is closed. */
BROOD_API int brood_process_fd(const brood_process *);

/* Waits for the process to end, and says how it did; out may be NULL. The answer stays. -ETIMEDOUT: the time is up. */
BROOD_API int brood_process_wait(brood_process *, double timeout, struct brood_status *out);

/* Sends a signal to the process's whole group. -ESRCH: the process has ended. With BROOD_DIRECT what it left running in its
   group gets the signal too, until its status has been collected. */
BROOD_API int brood_process_kill(brood_process *, int signal);

/* Frees the object. A process that lives on is left to brood_reap. */
BROOD_API void brood_process_free(brood_process *);

/* --- the pool ------------------------------------------------------------------------------------------------------ */

/*
 * A pool runs one function on many items in worker processes, and has a record for each item in the end, whatever the
 * workers do. Idea: Parallelizer and parallelize of delegate.py, where equal items collapsed, and the items of children
 * that had died vanished.
 *
 * Workers are forked from a nursery, a process that is a copy of the host as it was at brood_pool_spawn; so they see the
 * host's memory of that moment, and those that replace dead ones see it too. Each leads a process group of its own, which
 * is killed when the worker ends, in whatever way, and when the host does. What brood_create says of its child is true of
 * a worker, but that nobody sends it anything. A worker that dies costs the item that it was running and no other.
 *
 * A worker's descriptor 2 is a pipe to the nursery, which passes on what comes to the host's stderr, as it was at the spawn,
 * and keeps the last of it, for the record of an item that the worker dies of. So what a worker writes arrives a moment later,
 * but before brood_pool_cleanup returns, unless whoever reads there takes nothing for a second. A worker that writes more than
 * is taken waits; the nursery does not, nor does the pool. A program that is to outlive the pool needs a stderr of its own. A
 * worker keeps the host's stderr where no pipe can be made, or by the flag BROOD_PLAIN_STDERR. A reporter with the callback output
 * gets what they write in place of the host's stderr.
 *
 * Values come back through shared memory: written there by the worker, and read there by the host, with no copy between.
 * Nothing that a worker writes is trusted: whatever it scribbles, the host reads within its bounds, and finishes.
 */
typedef struct brood_pool brood_pool;
typedef struct brood_results brood_results;

/* An item that is being worked on, and what has been replied for it. Valid until the work function returns. */
typedef struct brood_task brood_task;

/* What is run for each item. 0, or what brood_fail returned; any other value is a failure with that code. */
typedef int brood_work_fn(brood_task *task, void *context);

/* The item; where the items are only a count, no bytes. Its index, from 0, in the order of items as given to the pool; those that are
   submitted are counted by themselves, from each spawn on. The number of this attempt, from 1. */
BROOD_API struct brood_bytes brood_item(const brood_task *);
BROOD_API size_t brood_index(const brood_task *);
BROOD_API unsigned brood_attempt(const brood_task *);

/* A number for a generator of random numbers: made of the option seed and the item's index alone, so that it is the same in
   each run and each attempt, whatever worker gets the item. */
BROOD_API uint64_t brood_seed(const brood_task *);

/* Appends to the item's value. -ENOMEM: no shared memory is left; -EMSGSIZE: more than the option value_size; -EINVAL: the item is a
   failure already. */
BROOD_API int brood_reply(brood_task *, const void *data, size_t size);

/*
 * Appends size bytes, whose contents are whatever was there before, and gives them to be written in place until the next
 * brood_reply or brood_reply_reserve for the task. They are aligned for any type where they are the value's first, and
 * the option value_size, if there is one, is a multiple of that type's alignment. NULL where brood_reply would fail.
 */
BROOD_API void *brood_reply_reserve(brood_task *, size_t size);

/* Makes the item a failure, in place of any value: the work function returns what this does, which is code, or 1 where code
   is 0. The type is a word such as "ValueError", the message is formatted as by printf, and cut at 64 KiB. */
BROOD_API int brood_fail(brood_task *, int code, const char *type, const char *format, ...) BROOD_PRINTF(4, 5);

/* So that return brood_fail(…) is made as a call, and not as a jump: the traceback would not have the function that failed. */
static inline int brood_failed(int code)
{
	__asm__ volatile("" : "+r"(code));
	return code;
}

#define brood_fail(task, ...) brood_failed(brood_fail(task, __VA_ARGS__))

/*
 * What became of an item. PENDING: nothing yet, or the pool could not go on. SUCCESS: the function returned 0. FAIL: it
 * returned something else. ABORT: the worker ended while it ran the item. TIMEOUT: the item was killed when its time was
 * up. CANCELED: by brood_pool_cancel.
 */
enum brood_outcome { BROOD_PENDING, BROOD_SUCCESS, BROOD_FAIL, BROOD_ABORT, BROOD_TIMEOUT, BROOD_CANCELED };

/*
 * What the last attempt at an item cost; see the flag BROOD_COSTS.
 *
 * user_seconds, system_seconds   of processors, of all threads together. The sum is exact, but how it falls into two is a
 *                                guess of the kernel's for an item shorter than some milliseconds.
 * peak_bytes          the largest resident size of the worker while it ran the item. In it is all that is resident, also what
 *                     earlier items left behind, and what the worker has from the host: the host's private memory from the
 *                     start, although it is shared until it is written; files, and memory shared on purpose, as it is touched.
 *                     The kernel counts pages in lots, so that small differences say nothing.
 * minor_faults        pages that were touched for the first time. The first write to a page that came from the host copies it,
 *                     and is such a fault, so that the first items of a worker have more of them than later ones.
 * major_faults        pages that had to be read from a disk
 * voluntary_switches  how often a thread waited for something
 * involuntary_switches  how often a thread was made to give way to another
 *
 * All is of the whole worker process: of threads that go on from one item to the next each item has what they used meanwhile.
 * Programs and other children, and theirs, count for the item during which they were waited for, with all that they ever used,
 * but for peak_bytes. Those that nobody waits for do not count.
 */
struct brood_cost {
	double user_seconds, system_seconds;
	size_t peak_bytes;
	uint64_t minor_faults, major_faults, voluntary_switches, involuntary_switches;
};

/*
 * The record of an item. failure is NULL for PENDING and SUCCESS; see the table of types below. status is how the worker
 * ended, for ABORT and TIMEOUT, else NULL. attempts counts those that began, but for what ended with the nursery and was begun again.
 * started and seconds are of the last one, on the clock of the header's start; see the flag BROOD_TIMED. worker is the number of its
 * worker, from 0 up to as many as there are, since one more may be kept ready; or -1. cost is NULL without the flag BROOD_COSTS,
 * and where it is not known: of an item that had not or hardly begun, or whose nursery was killed.
 *
 * type            what it was                                  message
 *
 * brood_fail's    the function failed so                       as formatted there
 * "Return"        the function returned a number but 0         which
 * "SIGSEGV", …    a signal ended the worker                    what was accessed, or which process sent it
 * "Exit"          the worker called exit or brood_suicide      with what, which is the code too
 * "_Exit"         the worker called _exit, or a program did    the same
 *                 that it had become
 * "OutOfMemory"   the kernel killed the worker for memory      how much it had, and what the limit is
 *                 (status->out_of_memory), or an allocation
 *                 failed under the option memory_limit, and
 *                 then the worker ended
 * "Timeout"       its time was up                              that
 * "Canceled"      it was canceled                              that
 * "Corrupt"       a worker wrote over the item's record        that
 * "Lost"          no worker that got it said what became       that
 *                 of it
 *
 * The traceback of a crash, of "Exit" and of "Timeout", where it is of all threads in the moment before the item was killed,
 * has a line for each call, innermost first, as far as the last 64 KiB of the stack, 64 different calls and 32 KiB of text go;
 * "… more" says that there were others:
 *
 *     #0 divide at /home/me/work.c:12
 *     #1 count+0x1f5 (libwork.so.1+0x409f5)
 *
 * Files and lines, and calls through code without frame pointers, take libdw, which is looked for when the first traceback is
 * made: some 50 ms then, about 1 ms for later ones, in a process of their own. Without it the last line says so. A worker that
 * has a handler of its own for a signal, set after it began, has it in place of brood's; one that the host had set runs
 * after it. Where the stack of another thread than the first overflows, there is none. brood_fail's failures have one with
 * the flag BROOD_TRACEBACKS. A function whose last act is a call may have left by then, and is in no traceback, unless it was
 * compiled with -fno-optimize-sibling-calls.
 */
struct brood_result {
	enum brood_outcome outcome;
	size_t index;
	struct brood_bytes item, value;
	const struct brood_failure *failure;
	const struct brood_status *status;
	unsigned attempts;
	double started, seconds;
	int worker;
	const struct brood_cost *cost;
};

/*
 * What a reporter is told. Members that do not apply are zero; worker is -1 then. item, result, output and what they point to
 * are valid during the call.
 *
 * children   how many workers there are now
 * time       when it happened, on the monotonic clock
 * total      how many items the pool has been given, with those of earlier calls; 0 where that is not known, as in a stream
 * output     what a worker wrote
 */
struct brood_event {
	pid_t pid;
	int worker, children;
	size_t index;
	struct brood_bytes item;
	const struct brood_result *result;
	const struct brood_status *status;
	double time;
	size_t total;
	struct brood_bytes output;
};

typedef void brood_report_fn(void *context, const struct brood_event *);

/*
 * Callbacks that follow the work; NULL members are skipped. Each is made by the thread that called the pool, from within
 * that call, in this order:
 *
 * init      once for brood_pool_spawn, before any worker is made
 * spawn     a worker has been made: pid, worker. Also for one that replaces another.
 * begin     an attempt at an item has begun: index, item, worker
 * success, fail, abort   exactly one of them for each item, after a begin for it: result. abort is for ABORT, TIMEOUT and
 *           CANCELED; an item that was canceled before it began has no begin.
 * exit      a worker has ended: pid, worker, status
 * cleanup   once, after the last worker has ended
 * tick      nothing has happened, but time has passed: at least each 0.1 seconds while a call with the pool is under way, so
 *           that clocks can be moved; with BROOD_INSIDE between items alone
 * output    a worker has written to stderr: output, worker, and pid where it is known. Where this is set, what workers write is
 *           given to it, in pieces as they come, and is not passed on to the host's stderr. What a worker wrote before it ended
 *           may be told after that, but before cleanup. With BROOD_PLAIN_STDERR, and where no pipe can be made, there is none.
 *
 * Of what happens in different workers the host may learn later than it happened, and in another order. A callback may
 * read the results of items it has been told of, and call brood_pool_cancel; other calls with the pool answer -EBUSY.
 */
struct brood_reporter {
	size_t size;
	void *context;
	brood_report_fn *init, *spawn, *begin, *success, *fail, *abort, *exit, *cleanup, *tick, *output;
};

/*
 * A reporter that writes a line for each event to the stream, which is borrowed, with the seconds since the spawn; NULL: to
 * stderr. For one pool at a time; free it after the pool. Idea: LogReporter of delegate.py.
 */
BROOD_API int brood_log_reporter(struct brood_reporter **out, FILE *stream);

/*
 * A reporter for who watches. On a terminal, rows at the bottom that change in place: one with the figures (how many items are
 * done, how many have failed, how fast, how long it will take and has taken), and one for each worker with its item; where there
 * are more workers than rows, those whose items have taken longest. Elsewhere, and so in logs, nothing but a line now and then
 * that it goes on. In both, each failed item has a line that stays; and in the end figures, the slowest items, and the failures
 * again that have scrolled away. A run that was soon over, in which nothing failed, leaves no trace.
 *
 * The rows come after 0.5 seconds, and are drawn at most ten times a second. In between the cursor is where they begin, so that
 * what others print comes to stand above them; a line that is printed over a longer row leaves the rest of it there, which
 * brood_reporter_hide avoids. The terminal's settings and cursor are left alone, so that a host that is killed leaves nothing to
 * be put right; while it is in the background, nothing is drawn. What workers write to stderr is printed above the rows, by
 * whole lines, where the rows are on the terminal that is the host's stderr.
 *
 * It takes one descriptor while it exists, if the stream is a terminal or a pipe. It waits for nobody who does not read for
 * longer than a second; errors of writing are ignored. For one pool at a time; free it after the pool.
 *
 * stream      borrowed; NULL: stderr
 * flags       BROOD_DISPLAY_LIVE: rows, BROOD_DISPLAY_PLAIN: none; neither: rows if the stream is a terminal and the
 *             environment's TERM is neither unset, empty nor "dumb". Where NO_COLOR is set, and not empty, there are no colours.
 * item        what an item is called, as "file"; copied; NULL: "item"
 * keep_alive  without rows, seconds between lines that say that it goes on; 0: 30; negative: there are none
 *
 * The callbacks may be called by a program itself, which is its own pool then: an event's worker is any number from 0 on that
 * one item at a time has, total may be 0, and a time of 0 is now. -EINVAL: a size that is not known, an unknown flag, or both.
 */
struct brood_display {
	size_t size;
	FILE *stream;
	unsigned flags;
	const char *item;
	double keep_alive;
};

/* In C; C++ has no literal of a struct to point to. */
#define BROOD_DISPLAY(...) (&(const struct brood_display){.size = sizeof(struct brood_display), __VA_ARGS__})

#define BROOD_DISPLAY_LIVE 1u
#define BROOD_DISPLAY_PLAIN 2u

/* NULL for the display is the defaults. brood_terminal_reporter has them all but the stream. Idea: TerminalReporter of
   delegate.py. */
BROOD_API int brood_display_reporter(struct brood_reporter **out, const struct brood_display *);
BROOD_API int brood_terminal_reporter(struct brood_reporter **out, FILE *stream);

/* Takes the rows off the terminal, so that the caller can print there; they come back with a later event, or as time passes.
   A no-op for other reporters. */
BROOD_API void brood_reporter_hide(struct brood_reporter *);

/*
 * A reporter that writes a JSON object to the stream, one line for each event but tick, in one write where the stream has a
 * descriptor. NULL: to stderr. Members, as far as they apply: event (the callback's name), time (seconds since init), worker,
 * pid, children, total, index, item, item_size; of an outcome: outcome, seconds, attempts, value_size, and of a failure type,
 * message, traceback, code, signal; of an exit: exit_code, signal, core_dumped, user_seconds, system_seconds, peak_bytes; of an output:
 * output. Bytes that are not UTF-8 are {"$str":"base64"}; of an item there are the first 4,096. For one pool at a time.
 */
BROOD_API int brood_json_reporter(struct brood_reporter **out, FILE *stream);

/* Frees a reporter of the library's; its last rows are taken off. */
BROOD_API void brood_reporter_free(struct brood_reporter *);

/*
 * Rows at the bottom of a terminal that change in place, each with an id, and lines that stay above them. Idea: IdPrinter of
 * delegate.py, which erased what others had printed.
 *
 * new     on this stream, which is borrowed; NULL: stderr. It takes one descriptor, if that is a terminal or a pipe. Where it
 *         is no terminal it is taken to have 24 rows of 80 columns: who does not want that asks isatty first.
 * set     the text of the row; an id that is new has its row below the others. Nothing is drawn yet.
 * delete  -ENOENT: there is no such row
 * print   a line that is to stay, above the rows; written with the next draw or hide, or soon if there are many
 * fit     how many rows can be seen now, which is one less than the terminal has; and how many columns of them; columns
 *         may be NULL
 * draw    writes all of it as it is now, by one write. Rows that do not fit are left out, and long ones cut. Nothing is drawn
 *         while the terminal does not take it, or while this process is in its background. The cursor is left at the first row's
 *         first column.
 * hide    takes the rows off; they are drawn again by the next draw
 * free    takes the rows off
 *
 * In a text, colours and such (ESC [ numbers m) are kept, unless NO_COLOR is set and not empty; in the place of other control
 * characters, and of what is not UTF-8, stand signs for them. Errors of writing are ignored.
 */
typedef struct brood_rows brood_rows;
BROOD_API int brood_rows_new(brood_rows **out, FILE *stream);
BROOD_API int brood_rows_set(brood_rows *, int64_t id, const char *text);
BROOD_API int brood_rows_delete(brood_rows *, int64_t id);
BROOD_API int brood_rows_print(brood_rows *, const char *text);
BROOD_API int brood_rows_fit(const brood_rows *, int *columns);
BROOD_API int brood_rows_draw(brood_rows *);
BROOD_API int brood_rows_hide(brood_rows *);
BROOD_API void brood_rows_free(brood_rows *);

/*
 * size           set by BROOD_OPTIONS
 * workers        0: brood_processors()
 * timeout        seconds for each attempt at an item; 0: no limit. A worker that outlasts its SIGTERM, and then does the item after all,
 *                leaves, and another takes its place.
 * grace          seconds between SIGTERM and SIGKILL for an item whose time is up, or that is canceled, both to the
 *                worker's group; 0: 0.2; negative: SIGKILL at once
 * retries        how many more times an item is tried that failed, aborted or timed out
 * memory_limit   bytes that a worker's private data may grow beyond what the host had at the spawn; beyond, its allocations
 *                fail. 0: no limit
 * recycle_after  a worker is replaced after that many items; 0: never
 * reporter       NULL: none. Borrowed until the pool is freed.
 * recycle_size   a worker is replaced, between items, when its resident memory, as in VmRSS without the shared part, is
 *                larger than that many bytes; 0: never
 * backoff        seconds before an item is tried again, doubled for each further attempt; 0: at once
 * value_size     every value has this size: one that is shorter is filled up with zeros, and a longer one is refused.
 *                The values are then one array, see brood_results_values. 0: values of any size
 * window         how far apart, counted in items, the oldest submitted item whose result has not been taken and the newest
 *                one may be; rounded up to a power of two; 0: 65,536
 * window_bytes   how many bytes of submitted items there may be; 0: 64 MiB. The shared memory for them grows
 *                with the most that there have been at a time, to three times as many at the most
 * threads        what OMP_NUM_THREADS and its kin are set to in a worker; 0: they are left alone
 * seed           see brood_seed
 * worker_start   run in each worker before its first item; not 0: the worker leaves
 * worker_end     run in each worker that ends in good order, after its last item
 * flags          BROOD_ORDERED: brood_pool_next gives results in the order of items.
 *                BROOD_PINNED: each worker is bound to one processor, in turn.
 *                BROOD_INSIDE: no processes: items are run by the host itself, in the call that waits for them, one at least
 *                whatever its timeout, so that a debugger sees them; no time or memory limit then, and a crash is the host's.
 *                To calls with the pool from an item the answer is -EBUSY.
 *                BROOD_TIMED: started and seconds are exact for each item. Without it, and without a reporter, that costs
 *                something for items shorter than about a microsecond only; those have seconds 0, and as started when the
 *                pool began on the items. So may one among them that is longer, up to some 30 microseconds, and up to some
 *                milliseconds it may share its time with the 31 beside it; while the host makes no call with the pool,
 *                however long it is. Of an item that its worker died of, or whose time was up, the times are those at which
 *                the host saw it.
 *                BROOD_PLAIN_STDERR: the workers' descriptor 2 is the host's own, for work that asks whether it is a
 *                terminal, or that needs what it writes to be there when write returns; no output is kept then.
 *                BROOD_TRACEBACKS: failures of brood_fail have tracebacks too. A worker that fails so makes a process for that.
 *                BROOD_UNTRACED: no tracebacks, no handlers for crashes, and no look at an item whose time is up; and exit
 *                is not told from _exit.
 *                BROOD_COSTS: records say what items cost, also of those that their worker died of, to its end. That takes some
 *                microseconds for each item, and includes BROOD_TIMED. For peak_bytes to be the item's own, the worker's
 *                high-water mark is set back before each item, so that peak_bytes of a worker's status is that of its last one;
 *                where a worker has died, it is that of the largest child that it ever waited for, if that was larger. Without
 *                /proc, and with BROOD_INSIDE, which leaves the host's mark alone, it is the largest size so far.
 */
struct brood_options {
	size_t size;
	int workers;
	double timeout, grace;
	unsigned retries;
	size_t memory_limit, recycle_after;
	const struct brood_reporter *reporter;
	size_t recycle_size;
	double backoff;
	size_t value_size;
	size_t window, window_bytes;
	int threads;
	unsigned flags;
	uint64_t seed;
	int (*worker_start)(void *context);
	void (*worker_end)(void *context);
};

/* In C; C++ has no literal of a struct to point to. */
#define BROOD_OPTIONS(...) (&(const struct brood_options){.size = sizeof(struct brood_options), __VA_ARGS__})

#define BROOD_ORDERED 1u
#define BROOD_PINNED 2u
#define BROOD_INSIDE 4u
#define BROOD_TIMED 8u
#define BROOD_COSTS 16u
#define BROOD_PLAIN_STDERR 32u
#define BROOD_TRACEBACKS 64u
#define BROOD_UNTRACED 128u

/*
 * A pool with no workers yet. context is passed to the function, in the workers' copies of the host's memory. NULL options
 * are the defaults. -EINVAL: a size of 0 or larger than known, an unknown flag, a negative number where none is
 * allowed; at most 2,000 workers.
 */
BROOD_API int brood_pool_new(brood_pool **out, brood_work_fn *function, void *context, const struct brood_options *);

/*
 * Makes the workers; 0: as many as the options say. Returns how many there are, which are fewer where the system refused
 * more. -EALREADY: there are workers already; -EAGAIN: not one could be made; -ENOMEM, also: no shared memory could be
 * reserved; -ECHILD: with BROOD_INSIDE, worker_start failed.
 */
BROOD_API int brood_pool_spawn(brood_pool *, int workers);

/*
 * Runs the function on each item and returns when every one has a record; may be called any number of times, and
 * results accrue. The items are copied to shared memory. _array is for items of one size that stand one behind
 * another; with NULL for items, and size 0, there is only the count.
 *
 * -ESRCH     no workers have been spawned
 * -EBUSY     submitted items have not been taken by brood_pool_next yet, or the call is made from a callback
 * -EOVERFLOW the sizes add up to more than there can be
 * -ENOMEM    the items do not fit into shared memory; nothing has been begun
 * -ECHILD    workers end as soon as they start, before they take an item; -EAGAIN: no process can be made. What has no
 *            record then is PENDING.
 */
BROOD_API int brood_pool_process(brood_pool *, const struct brood_bytes *items, size_t count);
BROOD_API int brood_pool_process_array(brood_pool *, const void *items, size_t size, size_t count);

/*
 * Streaming: items one by one, with results as they complete, in memory that does not grow. brood_pool_submit copies the
 * item, and never waits; it may keep items back, in order to hand out many at once, until
 * brood_pool_next has nothing else to give. Records given here do not accrue in brood_pool_results.
 *
 * brood_pool_submit: -EAGAIN: the window is full: take results first. In one of 2,048 items and more, room comes for up to 64 at
 * once. -EMSGSIZE: the item is larger than window_bytes. -ESRCH, -EBUSY, -ECHILD: as brood_pool_process.
 *
 * brood_pool_next: 1, with a record that is valid until the next call of it, or the cleanup; 0: every submitted item's record has been
 * taken; -ETIMEDOUT: none came in time; -ECHILD, -EAGAIN: as brood_pool_process.
 */
BROOD_API int brood_pool_submit(brood_pool *, struct brood_bytes item);
BROOD_API int brood_pool_next(brood_pool *, struct brood_result *out, double timeout);

/*
 * A descriptor to poll, never to read, for a host that has a loop of its own: readable while a call of brood_pool_next, with a
 * timeout of 0, may have something to give or to do; so not from when that has returned 0 or -ETIMEDOUT until there is news. It may
 * be readable for nothing. The same until the pool is freed; or -errno where there are no descriptors, two of which it takes.
 */
BROOD_API int brood_pool_fd(brood_pool *);

/*
 * Pulls items from source until it gives none, and pushes each record to sink; both are called by the calling thread.
 * source: 1 with an item, which is copied; 0: no more; negative: give up. sink: 0, or negative: give up. Giving up cancels
 * what has not been done, and that negative number is returned; of what that cancels no record is pushed.
 *
 * After brood_pool_cancel nothing more is pulled, each item that has been has its record pushed, and -ECANCELED is returned.
 */
typedef int brood_source_fn(void *context, struct brood_bytes *item);
typedef int brood_sink_fn(void *context, const struct brood_result *);
BROOD_API int brood_pool_stream(brood_pool *, brood_source_fn *source, brood_sink_fn *sink, void *context);

/* Items that have not begun become CANCELED, and those that have are killed, first by SIGTERM, and become so too. May be
   called from a callback, from another thread, and from a signal handler, while a call with the pool is under way; takes
   effect there; or else in the next, on what was submitted before. */
BROOD_API int brood_pool_cancel(brood_pool *);

/* Ends the workers, in good order where they are idle: worker_end is run and output flushed. What was submitted
   and not taken is given up. Results stay; brood_pool_spawn may be called again. A no-op without workers. */
BROOD_API int brood_pool_cleanup(brood_pool *);

/* The records of brood_pool_process, which belong to the pool. */
BROOD_API const brood_results *brood_pool_results(const brood_pool *);

/* Cleans up and frees. In a child that the host forked, only frees. */
BROOD_API void brood_pool_free(brood_pool *);

/*
 * count   how many items there are
 * get     the record of an item by its index: 0, or -ERANGE. What it points to is valid until the results are freed.
 * find    of the first item with these bytes: 0, or -ENOENT
 * values  all values one behind another, where each has that size by the option value_size, or where size is 8 and each is
 *         of 8 bytes by itself; zeros where an item has none. NULL where that is not so. Valid until the next call of
 *         brood_pool_process, or until the results are freed; in place, and copied only where there is not enough address
 *         space for one array.
 */
BROOD_API size_t brood_results_count(const brood_results *);
BROOD_API int brood_results_get(const brood_results *, size_t index, struct brood_result *out);
BROOD_API int brood_results_find(const brood_results *, struct brood_bytes item, struct brood_result *out);
BROOD_API const void *brood_results_values(const brood_results *, size_t size);
BROOD_API void brood_results_free(brood_results *);

/*
 * A pool for one call: results for each item, in the order of items. The items are not copied, neither now nor to the
 * workers, which inherit them; the records' items are the caller's, which must stay until the results are freed.
 * NULL items, with size 0, are only a count. Errors as brood_pool_new, _spawn and _process; then *out is untouched.
 */
BROOD_API int brood_parallelize(brood_results **out, brood_work_fn *function, void *context, const struct brood_bytes *items,
				size_t count, const struct brood_options *);
BROOD_API int brood_parallelize_array(brood_results **out, brood_work_fn *function, void *context, const void *items,
				      size_t size, size_t count, const struct brood_options *);

/*
 * Runs the function on one item in a process of its own. The result, at index 0, tells a value, a failure, a crash, and
 * time that was up, apart; in the originals, timeout and failsafe of delegate.py, they were one and the same None.
 * brood_failsafe has no limit; nor has brood_timeout for negative seconds, and 0 is -EINVAL.
 */
BROOD_API int brood_timeout(brood_results **out, brood_work_fn *function, void *context, struct brood_bytes item,
			    double seconds);
BROOD_API int brood_failsafe(brood_results **out, brood_work_fn *function, void *context, struct brood_bytes item);

/* --- values -------------------------------------------------------------------------------------------------------- */

/*
 * MessagePack. Packers append one value, or the head of an array or a map, to a buffer, and leave it as it was on
 * -ENOMEM. A map's count is of its pairs; -EINVAL where a count or size is larger than the format holds (2^32 - 1). Every
 * double that is no number is packed as the same one.
 */
BROOD_API int brood_pack_nil(struct brood_buffer *);
BROOD_API int brood_pack_bool(struct brood_buffer *, bool value);
BROOD_API int brood_pack_int(struct brood_buffer *, int64_t value);
BROOD_API int brood_pack_uint(struct brood_buffer *, uint64_t value);
BROOD_API int brood_pack_double(struct brood_buffer *, double value);
BROOD_API int brood_pack_str(struct brood_buffer *, const char *data, size_t size);
BROOD_API int brood_pack_bin(struct brood_buffer *, const void *data, size_t size);
BROOD_API int brood_pack_array(struct brood_buffer *, size_t count);
BROOD_API int brood_pack_map(struct brood_buffer *, size_t count);

enum brood_type {
	BROOD_NIL = 1, BROOD_BOOL, BROOD_INT, BROOD_UINT, BROOD_DOUBLE, BROOD_STR, BROOD_BIN, BROOD_ARRAY, BROOD_MAP, BROOD_EXT
};

/* What the next value is, an enum brood_type; BROOD_UINT for every integer of 0 or more. 0: no bytes are left; -EBADMSG: they
   are cut short or not MessagePack. Where it gives a type, that type's unpacker succeeds. */
BROOD_API int brood_value_type(struct brood_bytes rest);

/*
 * Unpackers take one value from the front of *rest and never allocate. Strings and bytes point into it. 0, or, with
 * nothing taken: -EBADMSG where the bytes are cut short or not MessagePack, -EPROTOTYPE where the value is of another
 * type, -ERANGE where an integer does not fit. Floats are given as doubles, and an array's or a map's count is never
 * larger than the bytes that are left can hold. brood_unpack_skip takes any value whole.
 */
BROOD_API int brood_unpack_nil(struct brood_bytes *rest);
BROOD_API int brood_unpack_bool(struct brood_bytes *rest, bool *out);
BROOD_API int brood_unpack_int(struct brood_bytes *rest, int64_t *out);
BROOD_API int brood_unpack_uint(struct brood_bytes *rest, uint64_t *out);
BROOD_API int brood_unpack_double(struct brood_bytes *rest, double *out);
BROOD_API int brood_unpack_str(struct brood_bytes *rest, struct brood_bytes *out);
BROOD_API int brood_unpack_bin(struct brood_bytes *rest, struct brood_bytes *out);
BROOD_API int brood_unpack_array(struct brood_bytes *rest, size_t *out);
BROOD_API int brood_unpack_map(struct brood_bytes *rest, size_t *out);
BROOD_API int brood_unpack_skip(struct brood_bytes *rest);

/* At most this many arrays and maps may be open at once. */
#define BROOD_VALUE_DEPTH 128

/* 0 where the bytes are one whole value and nothing after it; else -EBADMSG, also where it nests deeper than
   BROOD_VALUE_DEPTH. Never allocates, whatever the bytes announce. */
BROOD_API int brood_value_check(struct brood_bytes);

/*
 * A value as JSON text, appended to the buffer without a line end, and JSON text as a value; each leaves the buffer as it
 * was on failure, which is -EBADMSG for input that is not one whole value or nests too deep, -ERANGE for a JSON integer
 * outside -2^63 to 2^64 - 1 or a number too large for a double, and -EINVAL for a string or count that is too large for
 * MessagePack.
 *
 * Integers are exact, doubles are written so that they read back the same, and what JSON has no form for is written
 * as an object with one member, which reads back as what it was:
 *   bytes {"$bin":"base64"}; a string that is not UTF-8 {"$str":"base64"}; an extension {"$ext":[type,"base64"]};
 *   a double that is no number {"$double":"nan"}, "inf" or "-inf"; a map with a key that is not a UTF-8 string, or that
 *   has one member of one of these names, {"$map":[[key,value],…]}.
 * An object that only resembles one of these is read as a map. Floats of 32 bits become doubles, and every integer and
 * head is read back in its shortest form.
 */
BROOD_API int brood_value_to_json(struct brood_bytes value, struct brood_buffer *out);
BROOD_API int brood_value_from_json(struct brood_bytes text, struct brood_buffer *out);

/*
 * One object to a descriptor, and one from it: bytes of any kind, after a head that says how many. Both go on after
 * short reads and writes, signals, and on non-blocking descriptors. brood_pipeload replaces what *out holds: 1; 0 where
 * the descriptor ended before an object; -EBADMSG where it ended within one or is not from brood_pipedump; it allocates
 * only as bytes arrive. Idea: delegate.py, whose short reads cut large objects. SIGPIPE is not raised; -EPIPE is.
 */
BROOD_API int brood_pipedump(int fd, struct brood_bytes object);
BROOD_API int brood_pipeload(int fd, struct brood_buffer *out);

/*
 * A buffered reader over a descriptor that the caller keeps. Idea: PipeReader of delegate.py.
 *
 * read       up to size bytes, and fewer only at the end: a count, 0 at the end, or a negative errno
 * readline   a line with its line end, or the last one without; *line is valid until the next call. 1, 0 at the end
 * load       as brood_pipeload, but through the reader's buffer
 *
 * brood_reader_new: -EBADF where the descriptor is not open.
 */
typedef struct brood_reader brood_reader;
BROOD_API int brood_reader_new(brood_reader **out, int fd);
BROOD_API ssize_t brood_reader_read(brood_reader *, void *data, size_t size);
BROOD_API int brood_reader_readline(brood_reader *, struct brood_bytes *line);
BROOD_API int brood_reader_load(brood_reader *, struct brood_buffer *out);
BROOD_API void brood_reader_free(brood_reader *);

#ifdef __cplusplus
}
#endif

#endif
