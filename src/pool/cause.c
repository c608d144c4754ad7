/* SPDX-License-Identifier: MIT */
#include "pool/cause.h"

#include "base/oom.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Below it nothing is ever mapped, so that it is a null pointer, or a member of what one points to. */
enum { NULL_PAGES = 64 * 1024 };

/* So far from the stack pointer a fault is that of a stack that can grow no more. */
enum { STACK_NEAR = 64 * 1024 };

/* What a worker left, each number read once. */
struct left {
	bool filled;
	uint32_t cause;
	int signal, code, sender, error;
	uint64_t address, access, pointer, stack_from;
};

static struct left read_box(const struct blackbox *box)
{
	if (!box || atomic_load(&box->state) != BLACKBOX_FILLED)
		return (struct left){0};
	return (struct left){.filled = true, .cause = box->cause, .signal = box->signal, .code = box->code, .sender = box->sender,
		.error = box->error, .address = box->address, .access = box->access,
		.pointer = box->snapshot.registers[SNAPSHOT_SP], .stack_from = box->snapshot.stack_from};
}

static void copy_text(char to[static BLACKBOX_TEXT + 1], const struct blackbox *box)
{
	const uint32_t size = box ? *(const volatile uint32_t *)&box->text_size : 0;
	const size_t copied = size <= BLACKBOX_TEXT ? size : 0;
	if (copied)
		memcpy(to, box->text, copied);
	to[copied] = 0;
}

static void find_output(struct cause *cause, const struct blackbox *box)
{
	const uint32_t size = box ? *(const volatile uint32_t *)&box->output_size : 0;
	cause->output = box ? box->output : "";
	cause->output_size = size < BLACKBOX_OUTPUT ? size : BLACKBOX_OUTPUT;
}

static bool is_overflow(const struct left *left)
{
	if (!left->pointer)
		return false;
	const bool near = left->address - (left->pointer - STACK_NEAR) < 2 * STACK_NEAR;
	/* With a large frame the pointer itself is already outside. */
	return near || (left->pointer < left->stack_from && left->address >= left->pointer && left->address < left->stack_from);
}

static const char *act_of(const struct left *left)
{
	switch (left->access) {
	case BLACKBOX_READ:
		return "read from";
	case BLACKBOX_WRITE:
		return "write to";
	case BLACKBOX_EXECUTE:
		return "jump to";
	default:
		return "access to";
	}
}

static void describe_fault(char *out, size_t size, const struct left *left)
{
	const char *act = act_of(left);
	const unsigned long long address = left->address;
	if (left->code == SI_KERNEL)
		snprintf(out, size, "access to an address that no memory can have");
	else if (address < NULL_PAGES)
		snprintf(out, size, "%s a null pointer (address 0x%llx)", act, address);
	else if (is_overflow(left))
		snprintf(out, size, "stack overflow (%s address 0x%llx)", act, address);
	else if (left->code == SEGV_ACCERR)
		snprintf(out, size, "%s memory that does not allow it%s (address 0x%llx)", act,
			 left->access == BLACKBOX_WRITE ? ", since it is read-only" : "", address);
	else
		snprintf(out, size, "%s memory that is not there (address 0x%llx)", act, address);
}

static const char *bus_error(int code)
{
	switch (code) {
	case BUS_ADRALN:
		return "an address that is not aligned";
	case BUS_ADRERR:
		return "memory behind the end of its file, or that the system had no room for";
	default:
		return "a fault of the machine's memory";
	}
}

static const char *arithmetic_error(int code)
{
	switch (code) {
	case FPE_INTDIV:
		return "division of an integer by zero, or of the least one by -1";
	case FPE_INTOVF:
		return "overflow of an integer";
	case FPE_FLTDIV:
		return "division by zero";
	case FPE_FLTOVF:
		return "overflow";
	case FPE_FLTUND:
		return "underflow";
	case FPE_FLTRES:
		return "inexact result";
	case FPE_FLTINV:
		return "invalid operation";
	default:
		return "arithmetic error";
	}
}

/* What the kernel said of a signal that the worker's own doing brought about. */
static void describe_crash(char *out, size_t size, const struct left *left)
{
	switch (left->signal) {
	case SIGSEGV:
		describe_fault(out, size, left);
		return;
	case SIGBUS:
		snprintf(out, size, "%s (address 0x%llx)", bus_error(left->code), (unsigned long long)left->address);
		return;
	case SIGFPE:
		snprintf(out, size, "%s", arithmetic_error(left->code));
		return;
	case SIGILL:
		snprintf(out, size, "an instruction that the processor refuses, such as __builtin_trap's");
		return;
	case SIGTRAP:
		snprintf(out, size, "a breakpoint, with no debugger there");
		return;
	case SIGSYS:
		snprintf(out, size, "a system call that is forbidden");
		return;
	default:
		snprintf(out, size, "%s", strsignal(left->signal));
	}
}

static void name_signal(char *out, size_t size, int signal)
{
	const char *name = sigabbrev_np(signal);
	if (name)
		snprintf(out, size, "SIG%s", name);
	else
		snprintf(out, size, "SIG%d", signal);
}

/* It may have come of the worker's own doing, and without a box nobody knows whether it has. */
static bool is_of_crash(int signal)
{
	return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGTRAP ||
	       signal == SIGSYS || signal == SIGABRT;
}

static void describe_signal(struct cause *cause, const struct left *left, const struct brood_status *status)
{
	const char *description = sigdescr_np(status->signal);
	name_signal(cause->type, sizeof cause->type, status->signal);
	if (!left->filled || left->cause != BLACKBOX_SIGNAL || left->signal != status->signal)
		snprintf(cause->message, sizeof cause->message, "the worker was killed by signal %d (%s)%s", status->signal,
			 description ? description : cause->type, is_of_crash(status->signal) ? "" : ", which a process sent");
	else if (left->code > 0)
		describe_crash(cause->message, sizeof cause->message, left);
	else if (left->sender == status->pid && status->signal == SIGABRT && left->code == SI_TKILL)
		snprintf(cause->message, sizeof cause->message, "the worker called abort");
	else if (left->sender == status->pid)
		snprintf(cause->message, sizeof cause->message, "the worker sent signal %d (%s) to itself", status->signal,
			 description ? description : cause->type);
	else
		snprintf(cause->message, sizeof cause->message, "the worker was killed by signal %d (%s), which process %d sent",
			 status->signal, description ? description : cause->type, left->sender);
}

static void describe_exit(struct cause *cause, const struct left *left, const struct brood_status *status)
{
	const bool by_exit = left->filled && left->cause == BLACKBOX_EXIT;
	snprintf(cause->type, sizeof cause->type, "%s", by_exit ? "Exit" : "_Exit");
	snprintf(cause->message, sizeof cause->message, "the worker called %s with %d before the item was done",
		 by_exit ? "exit" : "_exit", status->exit_code);
	if (!left->filled || left->cause != BLACKBOX_SIGNAL)
		return;
	/* As after a crash that a handler of the host's has seen. */
	char name[32], what[sizeof cause->message / 2] = "it was sent";
	const size_t size = strlen(cause->message);
	name_signal(name, sizeof name, left->signal);
	if (left->code > 0)
		describe_crash(what, sizeof what, left);
	snprintf(cause->message + size, sizeof cause->message - size, "; before that there was %s: %s", name, what);
}

/* An allocation failed, and what came of that has ended the worker. */
static void describe_limit(struct cause *cause, const struct brood_status *status, size_t limit)
{
	char after[sizeof cause->message];
	snprintf(after, sizeof after, "%s", cause->message);
	snprintf(cause->type, sizeof cause->type, "OutOfMemory");
	snprintf(cause->message, sizeof cause->message,
		 "an allocation failed under the worker's memory limit of %.1f MiB; it had %.1f MiB at its peak; after that: %.200s",
		 (double)limit / (1 << 20), (double)status->peak_bytes / (1 << 20), after);
}

static void describe_exhaustion(struct cause *cause, const struct brood_status *status)
{
	char limit_text[64] = "";
	const uint64_t limit = oom_limit("");
	if (limit)
		snprintf(limit_text, sizeof limit_text, " (limit of its cgroup %llu MiB)", (unsigned long long)(limit >> 20));
	snprintf(cause->type, sizeof cause->type, "OutOfMemory");
	snprintf(cause->message, sizeof cause->message,
		 "the worker was killed by the kernel, since memory was exhausted; it had %zu MiB%s", status->peak_bytes >> 20, limit_text);
}

void cause_find(struct cause *cause, const struct verdict *verdict, size_t memory_limit)
{
	const struct brood_status *status = verdict->status;
	const struct left left = read_box(verdict->box);
	copy_text(cause->traceback, verdict->box);
	find_output(cause, verdict->box);
	if (verdict->outcome == BROOD_TIMEOUT) {
		snprintf(cause->type, sizeof cause->type, "Timeout");
		snprintf(cause->message, sizeof cause->message, "the item took longer than its time limit, and was killed");
		return;
	}
	if (verdict->outcome == BROOD_CANCELED) {
		snprintf(cause->type, sizeof cause->type, "Canceled");
		snprintf(cause->message, sizeof cause->message, "the item was canceled while it ran");
		return;
	}
	if (status->out_of_memory)
		describe_exhaustion(cause, status);
	else if (status->signal)
		describe_signal(cause, &left, status);
	else
		describe_exit(cause, &left, status);
	if (memory_limit && left.filled && left.error == ENOMEM)
		describe_limit(cause, status, memory_limit);
}
