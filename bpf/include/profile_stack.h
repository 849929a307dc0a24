/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What every profile counts: stacks of processes, and of whom they are.
 *
 * Unlike stack_counts.h, user frames are addresses in a process: the reader looks at its mappings while the
 * profile runs. That takes a quarter of the room of a build id, names code that is in no file (JIT) or in a
 * file without a build id, and no frame goes without a name because a lock was taken or a page was not in
 * memory.
 */
#ifndef HUATUO_PROFILE_STACK_H
#define HUATUO_PROFILE_STACK_H

#include "kernel/sched.h"
#include "map_value.h"

/* What a stack was met in; src/profile/wire.ts has the same order. */
enum profile_state { ON_CPU, RUN_QUEUE, SLEEPING, UNINTERRUPTIBLE, IO_WAIT };

#define PROFILE_KERNEL_DEPTH 64
#define PROFILE_USER_DEPTH   127

/* Innermost first; behind the last frame there are zeros. */
struct profile_stack {
	u32 process;
	u32 state;
	u64 kernel[PROFILE_KERNEL_DEPTH];
	u64 user[PROFILE_USER_DEPTH];
};

struct profile_total {
	u64 samples;
	u64 ns; /* off-CPU: how long, over all samples */
};

/* A process that has become another program since is another entry of the same id. */
struct profile_process {
	comm_t comm; /* of its first thread */
	u64 program; /* execve(2) makes it another */
};

struct profile_counts {
	u64 samples; /* of the subject */
	u64 lost;    /* of them, those for which there was no room */
	u64 idle;    /* of the host, CPUs that had nothing to do */
};

/* Hierarchies by a controller that is in it, as ids of two hierarchies may be the same. */
enum profile_hierarchy { UNIFIED, OF_CPU, OF_MEMORY, OF_IO };
/* Cgroups of a container that are its own, one below the other. */
#define MAX_NESTED_CGROUPS 16

static __always_inline struct cgroup *profile_cgroup(struct task_struct *task, u32 hierarchy)
{
	struct css_set *set = task->cgroups;
	struct cgroup *cgroup;

	switch (hierarchy) {
	case OF_CPU:
		cgroup = set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id)]->cgroup;
		break;
	case OF_MEMORY:
		cgroup = set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]->cgroup;
		break;
	case OF_IO:
		cgroup = set->subsys[bpf_core_enum_value(enum cgroup_subsys_id, io_cgrp_id)]->cgroup;
		break;
	default:
		return set->dfl_cgrp;
	}
	/* With v2, the controller may not have been delegated as far down as the task is. */
	return cgroup->root->hierarchy_id == 0 ? set->dfl_cgrp : cgroup;
}

/* `task`: also one that the verifier does not know. */
static __always_inline void profile_remember_in(void *processes, struct task_struct *task)
{
	struct profile_process fresh = {.program = BPF_CORE_READ(task, self_exec_id)}, *known;
	u32 process = BPF_CORE_READ(task, tgid);

	known = bpf_map_lookup_elem(processes, &process);
	if (known && known->program == fresh.program)
		return;
	BPF_CORE_READ_STR_INTO(&fresh.comm, task, group_leader, comm);
	bpf_map_update_elem(processes, &process, &fresh, BPF_ANY);
}

/* `key`: of the map of stacks, in memory of a map; `samples`: what it is met for, of which `ns` is the sum.
 */
static __always_inline void profile_add_to(void *stacks, struct profile_counts *counted, const void *key,
					   u64 samples, u64 ns)
{
	struct profile_total fresh = {};
	struct profile_total *total = find_or_add(stacks, key, &fresh);

	if (counted)
		counted->samples += samples;
	if (total) {
		__sync_fetch_and_add(&total->samples, samples);
		if (ns)
			__sync_fetch_and_add(&total->ns, ns);
	} else if (counted) {
		counted->lost += samples;
	}
}

#endif
