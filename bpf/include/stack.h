/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Stacks. The program copies numbers; what they are called is looked up by the reader, once for each number.
 *
 *	kstack_t stack DOC("…");			kernel_stack(ctx, event->stack);
 *	pid_nr pid DOC("…");				(a user stack needs it: whose files the frames are in)
 *	ustack_t user_stack DOC("…");			user_stack(ctx, event->user_stack);
 *
 * Both write into a record that was cleared: a stack that is shorter ends at the first frame that is zero.
 */
#ifndef HUATUO_STACK_H
#define HUATUO_STACK_H

#include "huatuo.h"

#define USTACK_DEPTH 32
/* File (by its build id) and offset in it, which outlive the process; innermost first. Linux >= 4.18. */
typedef struct bpf_stack_build_id ustack_t[USTACK_DEPTH];

/* A tp_btf or fentry program sees itself and its trampoline on top of the stack: they are no news. */
#define PROGRAM_FRAMES 2

#define kernel_stack(ctx, stack) bpf_get_stack(ctx, stack, sizeof(stack), PROGRAM_FRAMES)
/* In a perf_event program the stack is that of the code it has interrupted. */
#define sampled_kernel_stack(ctx, stack) bpf_get_stack(ctx, stack, sizeof(stack), 0)
#define user_stack(ctx, stack)                                                                               \
	bpf_get_stack(ctx, stack, sizeof(stack), BPF_F_USER_STACK | BPF_F_USER_BUILD_ID)

#endif
