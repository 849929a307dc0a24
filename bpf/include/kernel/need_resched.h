/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Whether a task was asked to make room for another one. */
#ifndef HUATUO_KERNEL_NEED_RESCHED_H
#define HUATUO_KERNEL_NEED_RESCHED_H

#include "kernel/runqueue.h"

/*
 * The number of TIF_NEED_RESCHED is in no type of the kernel: arch/<name>/include/asm/thread_info.h, and for
 * x86 since Linux 6.18 include/asm-generic/thread_info_tif.h. Where it is not known no task was asked.
 *
 * The tracepoint sched_set_need_resched_tp would tell it, but nothing may be attached to that: when the
 * program has run, the kernel ends a read section of RCU, which may ask the task to make room, which passes
 * the tracepoint once more, before anything keeps the program from running within itself. On Linux 7.3 that
 * takes all of the stack, and the host panics.
 */
extern int LINUX_KERNEL_VERSION __kconfig;

#define NOT_KNOWN  63
#define LINUX_6_18 ((6 << 16) + (18 << 8))
#if defined(__TARGET_ARCH_x86)
#define NEED_RESCHED_BIT (LINUX_KERNEL_VERSION >= LINUX_6_18 ? 4 : 3)
#elif defined(__TARGET_ARCH_arm64)
#define NEED_RESCHED_BIT (LINUX_KERNEL_VERSION >= LINUX_6_18 ? NOT_KNOWN : 1)
#else
#define NEED_RESCHED_BIT NOT_KNOWN
#endif

static __always_inline bool ought_to_switch(struct task_struct___scheduled *task)
{
	u32 bit = NEED_RESCHED_BIT;

	if (bit == NOT_KNOWN || !bpf_core_field_exists(task->thread_info))
		return false;
	return (BPF_CORE_READ(task, thread_info.flags) >> bit) & 1;
}

#endif
