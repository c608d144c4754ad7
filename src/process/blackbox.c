/* SPDX-License-Identifier: MIT */
#include "process/blackbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* All that is done from a signal's arrival on is made of system calls and writing to shared memory: whatever the crash has
   broken, there is no lock to be waited for and no heap to be used. */

enum { PAGE = 4096, PAGES = SNAPSHOT_STACK / PAGE };

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
enum { FATAL = sizeof fatal / sizeof *fatal };

/* The worker's, and its process, since its children inherit the handlers. */
static struct blackbox *box;
static pid_t owner;
/* In the order of fatal: a place for every signal would be three pages of each worker's. */
static struct sigaction previous[FATAL];
/* Somebody else's handler has been called, who may jump out of it: what the box holds may be over. */
static _Atomic bool handed_on;

/* Reads as far as it can what may not be there. */
static size_t read_memory(uint64_t from, void *to, size_t size)
{
	struct iovec local = {to, size}, remote[PAGES + 1];
	unsigned long count = 0;
	/* Page by page, as it stops before the first piece that is not there as a whole. */
	for (size_t done = 0; done < size && count <= PAGES; count++) {
		size_t piece = PAGE - (from + done) % PAGE;
		piece = piece < size - done ? piece : size - done;
		remote[count].iov_base = (void *)(uintptr_t)(from + done);
		remote[count].iov_len = piece;
		done += piece;
	}
	const ssize_t got = process_vm_readv(owner, &local, 1, remote, count, 0);
	return got > 0 ? (size_t)got : 0;
}

static void keep_maps(struct snapshot *snapshot)
{
	uint32_t size = 0;
	int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	while (file >= 0 && size < sizeof snapshot->maps) {
		ssize_t got = read(file, snapshot->maps + size, sizeof snapshot->maps - size);
		if (got <= 0)
			break;
		size += (uint32_t)got;
	}
	if (file >= 0)
		close(file);
	snapshot->maps_size = size;
}

static bool is_digit(char c, unsigned *digit)
{
	*digit = (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Where the first mapping begins that ends behind the address; after a stack overflow the stack pointer is in none. */
static uint64_t next_mapped(const struct snapshot *snapshot, uint64_t address)
{
	bool begins = true;
	for (uint32_t i = 0; i < snapshot->maps_size; i++) {
		uint64_t bounds[2] = {0};
		unsigned digit;
		if (!begins) {
			begins = snapshot->maps[i] == '\n';
			continue;
		}
		for (int bound = 0; bound < 2; bound++, i++)
			for (; i < snapshot->maps_size && is_digit(snapshot->maps[i], &digit); i++)
				bounds[bound] = bounds[bound] << 4 | digit;
		const bool readable = i < snapshot->maps_size && snapshot->maps[i] == 'r';
		if (readable && bounds[1] > address)
			return bounds[0] > address ? bounds[0] : address;
		begins = false;
	}
	return address;
}

static void keep_stack(struct snapshot *snapshot, bool first_thread)
{
	const uint64_t pointer = snapshot->registers[SNAPSHOT_SP];
	const bool above = first_thread && pointer < box->bottom;
	snapshot->bottom = above ? box->bottom : 0;
	snapshot->stack_from = pointer;
	snapshot->stack_size = (uint32_t)read_memory(pointer, snapshot->stack, sizeof snapshot->stack);
	if (snapshot->stack_size)
		return;
	snapshot->stack_from = next_mapped(snapshot, pointer);
	snapshot->stack_size = (uint32_t)read_memory(snapshot->stack_from, snapshot->stack, sizeof snapshot->stack);
}

static void keep_registers(struct snapshot *snapshot, const ucontext_t *context)
{
#if defined(__x86_64__)
	static const int order[SNAPSHOT_REGISTERS] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
		REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
	for (int i = 0; i < SNAPSHOT_REGISTERS; i++)
		snapshot->registers[i] = (uint64_t)context->uc_mcontext.gregs[order[i]];
#elif defined(__aarch64__)
	for (int i = 0; i < 31; i++)
		snapshot->registers[i] = context->uc_mcontext.regs[i];
	snapshot->registers[SNAPSHOT_SP] = context->uc_mcontext.sp;
	snapshot->registers[SNAPSHOT_PC] = context->uc_mcontext.pc;
#else
	(void)snapshot;
	(void)context;
#endif
}

static enum blackbox_access access_of(const siginfo_t *info, const ucontext_t *context)
{
	if (info->si_signo != SIGSEGV && info->si_signo != SIGBUS)
		return BLACKBOX_UNKNOWN;
#if defined(__x86_64__)
	enum { PAGE_FAULT = 14, WRITES = 2, FETCHES = 16 };
	if (context->uc_mcontext.gregs[REG_TRAPNO] == PAGE_FAULT) {
		const long long fault = context->uc_mcontext.gregs[REG_ERR];
		return fault & FETCHES ? BLACKBOX_EXECUTE : fault & WRITES ? BLACKBOX_WRITE : BLACKBOX_READ;
	}
#else
	(void)context;
#endif
	return BLACKBOX_UNKNOWN;
}

static bool begin(void)
{
	uint32_t empty = BLACKBOX_EMPTY, filled = BLACKBOX_FILLED;
	if (getpid() != owner)
		return false;
	if (atomic_compare_exchange_strong(&box->state, &empty, BLACKBOX_WRITING))
		return true;
	return atomic_exchange(&handed_on, false) && atomic_compare_exchange_strong(&box->state, &filled, BLACKBOX_WRITING);
}

static void fill(enum blackbox_cause cause)
{
	box->cause = cause;
	keep_maps(&box->snapshot);
	keep_stack(&box->snapshot, syscall(SYS_gettid) == owner);
	atomic_store(&box->state, BLACKBOX_FILLED);
}

/* Another thread that crashes too is not to end the process before the first is done. */
static void await_other(void)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	for (int i = 0; i < 20 && getpid() == owner && atomic_load(&box->state) == BLACKBOX_WRITING; i++)
		nanosleep(&moment, NULL);
}

/* Where there was a handler before, it is called as if it had been the first. */
static void hand_on(int signal, siginfo_t *info, void *context)
{
	size_t place = 0;
	while (fatal[place] != signal)
		place++;
	const struct sigaction *before = &previous[place];
	const bool is_handled = (before->sa_flags & SA_SIGINFO) || (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN);
	atomic_store(&handed_on, is_handled && getpid() == owner);
	if (before->sa_flags & SA_SIGINFO) {
		before->sa_sigaction(signal, info, context);
	} else if (is_handled) {
		before->sa_handler(signal);
	} else {
		struct sigaction action = {.sa_handler = SIG_DFL};
		sigaction(signal, &action, NULL);
		/* A fault comes again by itself, and so with all that the kernel says of it. */
		const bool again = info->si_code > 0 && (signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL);
		if (!again)
			syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
		return;
	}
	/* Unless the handler has only seen to it that the fault, which comes again, is not its own any more, it has been dealt with. */
	struct sigaction now;
	if (!sigaction(signal, NULL, &now) && now.sa_handler == SIG_DFL)
		return;
	if (getpid() == owner && atomic_exchange(&handed_on, false))
		atomic_store(&box->state, BLACKBOX_EMPTY);
}

static void handle(int signal, siginfo_t *info, void *context)
{
	const int error = errno;
	if (begin()) {
		box->signal = signal;
		box->code = info->si_code;
		box->sender = info->si_code <= 0 ? info->si_pid : 0;
		box->error = error;
		box->address = info->si_code > 0 ? (uint64_t)(uintptr_t)info->si_addr : 0;
		box->access = access_of(info, context);
		keep_registers(&box->snapshot, context);
		fill(BLACKBOX_SIGNAL);
	} else {
		await_other();
	}
	hand_on(signal, info, context);
	errno = error;
}

static void answer(int signal, siginfo_t *info, void *context)
{
	const int error = errno;
	(void)info;
	if (begin()) {
		box->signal = signal;
		keep_registers(&box->snapshot, context);
		fill(BLACKBOX_STUCK);
	}
	errno = error;
}

static void set_stack(void)
{
	stack_t stack;
	if (!sigaltstack(NULL, &stack) && !(stack.ss_flags & SS_DISABLE) && stack.ss_size >= BLACKBOX_STACK / 4)
		return;
	stack = (stack_t){.ss_sp = box->handler_stack, .ss_size = sizeof box->handler_stack};
	sigaltstack(&stack, NULL);
}

static void set_handler(int signal, void (*handler)(int, siginfo_t *, void *), struct sigaction *before)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART}, found;
	sigfillset(&action.sa_mask);
	/* In a worker of a worker what was before is what was before there too. */
	if (!sigaction(signal, &action, &found) && found.sa_sigaction != handler && before)
		*before = found;
}

void blackbox_clear(struct blackbox *cleared)
{
	atomic_store(&cleared->state, BLACKBOX_EMPTY);
	cleared->cause = 0;
	cleared->text_size = 0;
	cleared->output_size = 0;
}

void blackbox_arm(struct blackbox *armed)
{
	box = armed;
	owner = getpid();
	handed_on = false;
	set_stack();
	for (size_t i = 0; i < FATAL; i++)
		set_handler(fatal[i], handle, &previous[i]);
	struct sigaction action;
	if (!sigaction(BLACKBOX_ASK, NULL, &action) && (action.sa_handler == SIG_DFL || action.sa_sigaction == answer))
		set_handler(BLACKBOX_ASK, answer, NULL);
}

void blackbox_leave(int status)
{
	ucontext_t context;
	if (!box || getcontext(&context) || !begin())
		return;
	box->error = errno;
	box->code = status;
	keep_registers(&box->snapshot, &context);
	fill(BLACKBOX_EXIT);
}

bool blackbox_note(const void *frame)
{
	if (!box || !begin())
		return false;
	/* Above the frame's own two words, its caller's frame pointer and where it returns to, is the caller's stack. */
	const uint64_t *words = frame;
	for (size_t i = 0; i < SNAPSHOT_REGISTERS; i++)
		box->snapshot.registers[i] = 0;
	box->snapshot.registers[SNAPSHOT_FP] = words[0];
	box->snapshot.registers[SNAPSHOT_SP] = (uint64_t)(uintptr_t)(words + 2);
	/* Within the call, and not behind it. */
	box->snapshot.registers[SNAPSHOT_PC] = words[1] - 1;
	fill(BLACKBOX_NOTE);
	return true;
}
