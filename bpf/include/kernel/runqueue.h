/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the scheduler keeps of a task and of the CPU it is on: include/linux/sched.h, kernel/sched/sched.h */
#ifndef HUATUO_KERNEL_RUNQUEUE_H
#define HUATUO_KERNEL_RUNQUEUE_H

#include "kernel/sched.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct___scheduled;

struct rq {
	unsigned int nr_running;
	u64 clock; /* nanoseconds, as of the last event of the run queue */
	struct task_struct___scheduled *stop;
	u64 prev_steal_time; /* nanoseconds the hypervisor took, as of the last tick; CONFIG_PARAVIRT */
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	struct cfs_rq *cfs_rq; /* of the CPU the task is on, whatever its class */
};

struct thread_info {
	unsigned long flags;
};

struct task_struct___scheduled {
	struct thread_info thread_info; /* CONFIG_THREAD_INFO_IN_TASK: x86, arm64 and most others */
	int pid;
	int on_rq;
	int prio;
	struct sched_entity se;
};

#pragma clang attribute pop

#endif
