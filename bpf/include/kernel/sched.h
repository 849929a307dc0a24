/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Tasks: include/linux/sched.h
 *
 * A `task` below is a pointer whose type the verifier knows: an argument of a tp_btf program, what
 * bpf_get_current_task_btf() returns, or a member of one of them. Its members are then plain loads, and a
 * chain of ten costs less than one call of bpf_probe_read_kernel().
 */
#ifndef HUATUO_KERNEL_SCHED_H
#define HUATUO_KERNEL_SCHED_H

#include "kernel/cgroup.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct mm_struct;

struct signal_struct {
	struct mm_struct *oom_mm; /* set once the process was marked as an OOM victim */
	short oom_score_adj;
};

/* CONFIG_SCHED_INFO: what a task has waited for CPUs, by the clocks of their run queues. */
struct sched_info {
	unsigned long pcount;		 /* how often it was switched in */
	unsigned long long run_delay;	 /* nanoseconds it was runnable and did not run */
	unsigned long long last_arrival; /* when it was last switched in */
};

struct task_struct {
	unsigned int __state;
	unsigned int flags;
	int exit_state;
	int pid;
	int tgid;
	char comm[16];
	struct css_set *cgroups;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct sched_info sched_info;
	struct task_struct *group_leader; /* of the process */
	u64 self_exec_id;		  /* another one after each execve(2) */
	void *stack;
	unsigned in_iowait : 1;
	unsigned long nvcsw;
	unsigned long nivcsw;
};

/* Before Linux 5.14 the field was called `state`. */
struct task_struct___before_5_14 {
	long state;
};

#pragma clang attribute pop

#define PF_KTHREAD	     0x00200000
#define TASK_RUNNING	     0x0
#define TASK_INTERRUPTIBLE   0x1
#define TASK_UNINTERRUPTIBLE 0x2
/* Of a kernel thread that only waits for work: not in the load, and state I in ps. */
#define TASK_NOLOAD 0x400
/* An `exit_state`: it has ended, and its parent has not asked for it. */
#define EXIT_ZOMBIE 0x20

/* @param task any flavour of task_struct. How often it was switched from: the same number is the same stay on
 * a CPU, or off it. */
static __always_inline u64 switches_of(void *task)
{
	struct task_struct *counts = task;

	return BPF_CORE_READ(counts, nvcsw) + BPF_CORE_READ(counts, nivcsw);
}

static __always_inline u32 task_state(struct task_struct *task)
{
	struct task_struct___before_5_14 *old = (void *)task;

	return bpf_core_field_exists(task->__state) ? task->__state : (u32)old->state;
}

static __always_inline bool task_is_runnable(struct task_struct *task)
{
	return task_state(task) == TASK_RUNNING;
}

/* Whether a state is D: it adds to the load, and signals do not wake it (but those that kill, some). */
static __always_inline bool state_is_blocked(u32 state)
{
	return (state & (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)) == TASK_UNINTERRUPTIBLE;
}

/*
 * Inode of the task's cgroup directory in the hierarchy of one controller, v1 and v2 alike. `controller` is a
 * constant of this kernel: bpf_core_enum_value().
 */
static __always_inline u64 task_cgroup_of(struct task_struct *task, int controller)
{
	return task->cgroups->subsys[controller]->cgroup->kn->id;
}

/*
 * The cgroup that tells whose the task is. With v2 it is the one it is in, also where the controller was not
 * delegated that far. With v1 a controller may have left the task in its root, where everything is (rootless
 * containers, runtimes told to use one hierarchy): then another hierarchy knows better (cgroup_of_other).
 * `*found` becomes the cgroup.
 */
static __always_inline u64 task_owner_cgroup(struct task_struct *task, int controller, int other,
					     struct cgroup **found)
{
	struct css_set *set = task->cgroups;
	struct cgroup *own = set->subsys[controller]->cgroup;
	struct cgroup *unified = set->dfl_cgrp;

	*found = unified;
	if (!own || own->root->hierarchy_id == 0)
		return unified->kn->id;
	if (own->level == 0) {
		if (unified->level > 0)
			return cgroup_of_other(unified);
		*found = set->subsys[other]->cgroup;
		if ((*found)->level > 0)
			return cgroup_of_other(*found);
	}
	*found = own;
	return own->kn->id;
}

/* `*found` becomes the cgroup, for cgroup_counters.h. */
static __always_inline cpu_cgroup_id task_cpu_cgroup_found(struct task_struct *task, struct cgroup **found)
{
	return task_owner_cgroup(task, bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id),
				 bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id), found);
}

static __always_inline cpu_cgroup_id task_cpu_cgroup(struct task_struct *task)
{
	struct cgroup *found;

	return task_cpu_cgroup_found(task, &found);
}

/* `*found` becomes the cgroup, for cgroup_counters.h. */
static __always_inline memory_cgroup_id task_memory_cgroup_found(struct task_struct *task,
								 struct cgroup **found)
{
	return task_owner_cgroup(task, bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id),
				 bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id), found);
}

static __always_inline memory_cgroup_id task_memory_cgroup(struct task_struct *task)
{
	struct cgroup *found;

	return task_memory_cgroup_found(task, &found);
}

static __always_inline io_cgroup_id task_io_cgroup(struct task_struct *task)
{
	return task_cgroup_of(task, bpf_core_enum_value(enum cgroup_subsys_id, io_cgrp_id));
}

#endif
