/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Stacks of a profile that was asked for: of the host, of one cgroup with what is below it, or of some
 * processes. The subject is set before the programs are loaded, so what does not belong to it costs a few
 * loads.
 */
#ifndef HUATUO_PROFILE_H
#define HUATUO_PROFILE_H

#include "profile_stack.h"
#include "slot.h"

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

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, struct profile_process);
} processes SEC(".maps");

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
/* Of CGROUP: its inode, and its hierarchy (enum profile_hierarchy). */
const volatile u64 subject_cgroup = 0;
const volatile u32 subject_hierarchy = UNIFIED;

static __always_inline bool is_of_subject(struct task_struct *task)
{
	u32 process = task->tgid;
	struct cgroup *cgroup;

	if (subject_kind == HOST)
		return true;
	if (subject_kind == PROCESSES)
		return bpf_map_lookup_elem(&subject_processes, &process) != 0;
	cgroup = profile_cgroup(task, subject_hierarchy);
	for (int depth = 0; depth < MAX_NESTED_CGROUPS; depth++) {
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
	profile_remember_in(&processes, task);
}

/* `key`: a struct profile_stack in a map; `samples`: what it is met for, of which `ns` is the sum. */
static __always_inline void profile_add(const struct profile_stack *key, u64 samples, u64 ns)
{
	profile_add_to(&stacks, slot_of(&counts), key, samples, ns);
}

#endif
