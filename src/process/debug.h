/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_DEBUG_H
#define BROOD_PROCESS_DEBUG_H

#include "process/page.h"
#include "process/trail.h"

/* What libdw has read of the modules' files, kept from one traceback to the next. */
struct debug;

#ifdef HAVE_LIBDW

/* NULL: there is no libdw, or no memory. */
struct debug *debug_new(void);
void debug_free(struct debug *);

/* From now on these; what is known of those that were there before remains known. */
void debug_report(struct debug *, const struct modules *);

/* Where the thread stands, and what the tables for exceptions say of its callers. Nothing is added where that fails. */
void debug_follow(struct debug *, struct thread *, struct trail *);

/* Writes a call, and those that were inlined into one; modules are those that were reported last. */
void debug_write(struct debug *, struct page *, const struct modules *, const struct call *);

#else

static inline struct debug *debug_new(void)
{
	return NULL;
}

static inline void debug_free(struct debug *debug)
{
	(void)debug;
}

static inline void debug_report(struct debug *debug, const struct modules *modules)
{
	(void)debug, (void)modules;
}

static inline void debug_follow(struct debug *debug, struct thread *thread, struct trail *trail)
{
	(void)debug, (void)thread, (void)trail;
}

static inline void debug_write(struct debug *debug, struct page *page, const struct modules *modules, const struct call *call)
{
	(void)debug, (void)page, (void)modules, (void)call;
}

#endif
#endif
