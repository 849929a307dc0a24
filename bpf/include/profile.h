/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Stacks of a profile that was asked for: of the host, of one cgroup with what is below it, or of some
 * processes. The subject is set before the programs are loaded, so what does not belong to it costs a few
 * loads.
 *
 * Unlike stack_counts.h, user frames are addresses in a process: the reader looks at its mappings while the
 * profile runs. That takes a quarter of the room of a build id, names code that is in no file (JIT) or in a
 * file without a build id, and no frame goes without a name because a lock was taken or a page was not in
 * memory.
 */
#ifndef HUATUO_PROFILE_H
#define HUATUO_PROFILE_H

#include "kernel/sched.h"
#include "slot.h"

/* What a stack was met in; src/profile/wire.ts has the same numbers. */
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

/*
 * The stacks are the key, so a map that is full costs samples, which are counted, and mixes none up. Keys of
 * more than 512 bytes need Linux 5.11.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(struct profile_stack));
	__type(value, struct profile_total);
} stacks SEC(".maps");

/* A process that has become another program since is another entry of the same id. */
struct profile_process {
	comm_t comm; /* of its first thread */
	u64 program; /* execve(2) makes it another */
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, struct profile_process);
} processes SEC(".maps");

struct profile_counts {
	u64 samples; /* of the subject */
	u64 lost;    /* of them, those for which there was no room */
	u64 idle;    /* of the host, CPUs that had nothing to do */
};
PERCPU_SLOT(counts, struct profile_counts);

enum profile_subject { HOST, PROCESSES, CGROUP };
const volatile u32 subject_kind = HOST;
/* Of PROCESSES: the members. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, u32);
} subject_processes SEC(".maps");
/* Of CGROUP: its inode, and its hierarchy by a controller that is in it, as ids of two hierarchies may be the
 * same. */
enum profile_hierarchy { UNIFIED, OF_CPU, OF_MEMORY, OF_IO };
const volatile u64 subject_cgroup = 0;
const volatile u32 subject_hierarchy = UNIFIED;
/* Cgroups of a container that are its own, one below the other. */
#define MAX_CGROUP_DEPTH 16

static __always_inline struct cgroup *profile_cgroup(struct task_struct *task)
{
	struct css_set *set = task->cgroups;
	struct cgroup *cgroup;

	switch (subject_hierarchy) {
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

static __always_inline bool is_of_subject(struct task_struct *task)
{
	u32 process = task->tgid;
	struct cgroup *cgroup;

	if (subject_kind == HOST)
		return true;
	if (subject_kind == PROCESSES)
		return bpf_map_lookup_elem(&subject_processes, &process) != 0;
	cgroup = profile_cgroup(task);
	for (int depth = 0; depth < MAX_CGROUP_DEPTH; depth++) {
		if (cgroup->kn->id == subject_cgroup)
			return true;
		if (cgroup->level == 0)
			return false;
		cgroup = cgroup_parent(cgroup);
	}
	return false;
}

static __always_inline void profile_remember(struct task_struct *task)
{
	struct profile_process fresh = {.program = task->self_exec_id}, *known;
	u32 process = task->tgid;

	known = bpf_map_lookup_elem(&processes, &process);
	if (known && known->program == fresh.program)
		return;
	BPF_CORE_READ_STR_INTO(&fresh.comm, task, group_leader, comm);
	bpf_map_update_elem(&processes, &process, &fresh, BPF_ANY);
}

/* `key`: a struct profile_stack in a map; `samples`: what it is met for, of which `ns` is the sum. */
static __always_inline void profile_add(const struct profile_stack *key, u64 samples, u64 ns)
{
	struct profile_counts *counted = slot_of(&counts);
	struct profile_total fresh = {.samples = samples, .ns = ns};
	struct profile_total *total = bpf_map_lookup_elem(&stacks, key);

	if (counted)
		counted->samples += samples;
	if (!total) {
		if (bpf_map_update_elem(&stacks, key, &fresh, BPF_NOEXIST) == 0)
			return;
		/* Another CPU may have been first. */
		total = bpf_map_lookup_elem(&stacks, key);
	}
	if (total) {
		__sync_fetch_and_add(&total->samples, samples);
		if (ns)
			__sync_fetch_and_add(&total->ns, ns);
	} else if (counted) {
		counted->lost += samples;
	}
}

#endif
