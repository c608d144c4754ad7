/* SPDX-License-Identifier: MIT */
#ifndef BROOD_PROCESS_STACK_H
#define BROOD_PROCESS_STACK_H

/* Memory for a keeper, and a program before its exec, that share the host's memory: two stacks over a guard page. NULL:
   there is none. A few are kept for the next keeper, which costs a fifth of mapping and touching new ones. */
void *stack_new(void);
void stack_free(void *);

/* Where each begins, growing down. */
void *stack_of_keeper(void *);
void *stack_of_program(void *);

#endif
