/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Counters for each cgroup. Those of a cgroup that lives never fall, and one that was removed has none.
 *
 *   CGROUP_COUNTERS(cgroups, cpu, struct cgroup_waits, 4096);
 *   cgroup = task_cpu_cgroup_found(task, &directory);
 *   counts = cgroups_of(&cgroup, directory);
 *
 * A removed cgroup's counts become its parent's, as the kernel does with the memory it was charged for: so
 * the total of a container stands when a cgroup inside it comes and goes (systemd, kubelet). A container's
 * own cgroup is kept, for the agent to show what it has counted to its end, and then to delete. The agent
 * names them at each scrape (`container_cgroups`); one that no scrape has seen had no series, and its counts
 * are its parent's. Over all entries the sum is what was counted, but for what the agent has deleted and what
 * is counted as lost.
 *
 * - An LRU map forgets the container that rests when short-lived cgroups come and go, and says nothing.
 * - Storage that hangs on the cgroup (BPF_MAP_TYPE_CGRP_STORAGE, Linux 6.2) goes with it, counts and all, is
 *   not per CPU, and is read by a descriptor of each cgroup rather than by a walk.
 * - The agent hears of a removal later than this program, and thousands of them may fit in between.
 *
 * A task at its end is switched in once more after its cgroup was removed: the look-up misses, and the
 * nearest ancestor that lives is counted. What it adds on another CPU in the instant of the removal is lost.
 *
 * More cgroups than entries: the rest is counted as `huatuo_bpf_series_overflows_total`, and in the host's
 * total, which is a map of its own. Before Linux 5.19 a program cannot read what other CPUs have counted: the
 * counts are lost with their cgroup, and counted as that.
 */
#ifndef HUATUO_CGROUP_COUNTERS_H
#define HUATUO_CGROUP_COUNTERS_H

#include "metric.h"
#include "kernel/task_reads.h"

u64 cgroups_ended COUNTER("huatuo_bpf_cgroups_ended_total",
			  "Cgroups that had counters and were removed: the counts are their parent's.")
    BY_COLLECTOR;
u64 cgroup_counters_lost COUNTER(
    "huatuo_bpf_cgroup_counters_lost_total",
    "Counters that were lost with their cgroup: before Linux 5.19, or for want of room.") BY_COLLECTOR;

/* Cgroups of containers: the agent writes it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64);
	__type(value, bool8);
} container_cgroups SEC(".maps");

#define ROOT_CGROUP	  1 /* kernfs numbers from it, in each hierarchy */
#define MAX_CGROUP_LEVELS 64
#define MAX_CPUS	  8192

/* The cgroup's id; of one that was removed, that of the nearest ancestor that was not. */
static __always_inline u64 cgroup_live_id(struct cgroup *cgroup, int controller, u64 id)
{
	if (!cgroup || cgroup_is_live(cgroup))
		return id;
	for (int level = 0; level < MAX_CGROUP_LEVELS; level++) {
		cgroup = read_cgroup_parent(cgroup);
		if (!cgroup)
			return id;
		if (read_cgroup_is_live(cgroup))
			break;
	}
	return read_cgroup_id_for(cgroup, controller);
}

/*
 * Defines `map_move(from, to, can_read)` for a METRIC_MAP whose values are nothing but u64 counters: adds the
 * counts of one key to those of another one and deletes the first. False: there were none. For programs at a
 * cgroup's removal, of which one runs at a time. `can_read`, a constant: what other CPUs have counted can be
 * read; else the counts are lost, and counted as that.
 */
#define COUNTERS_MOVE(map, key_type, value_type)                                                             \
	_Static_assert(sizeof(value_type) % 8 == 0, "counters are u64");                                     \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);                                                     \
		__uint(max_entries, 1);                                                                      \
		__uint(key_size, sizeof(u32));                                                               \
		__uint(value_size, sizeof(value_type));                                                      \
	} map##_moved SEC(".maps");                                                                          \
                                                                                                             \
	static long map##_add_cpu(u32 cpu, const key_type *from)                                             \
	{                                                                                                    \
		u64 *counts = bpf_map_lookup_percpu_elem(&map, from, cpu);                                   \
		u32 zero = 0;                                                                                \
		u64 *sums = bpf_map_lookup_elem(&map##_moved, &zero);                                        \
                                                                                                             \
		if (!counts || !sums)                                                                        \
			return 1;                                                                            \
		for (u32 i = 0; i < sizeof(value_type) / 8; i++)                                             \
			sums[i] += counts[i];                                                                \
		return 0;                                                                                    \
	}                                                                                                    \
                                                                                                             \
	static __always_inline bool map##_move(const key_type *from, const key_type *to, bool can_read)      \
	{                                                                                                    \
		u64 *sums, *target = bpf_map_lookup_elem(&map, from);                                        \
		u32 zero = 0;                                                                                \
                                                                                                             \
		if (!target)                                                                                 \
			return false;                                                                        \
		sums = bpf_map_lookup_elem(&map##_moved, &zero);                                             \
		if (!sums)                                                                                   \
			return false;                                                                        \
		for (u32 i = 0; i < sizeof(value_type) / 8; i++)                                             \
			sums[i] = 0;                                                                         \
		if (can_read)                                                                                \
			bpf_loop(MAX_CPUS, map##_add_cpu, (void *)from, 0);                                  \
		bpf_map_delete_elem(&map, from);                                                             \
		/* After the deletion: a full map has room now. */                                           \
		target = can_read ? metric_slot_in(&map, to) : 0;                                            \
		if (!target)                                                                                 \
			__sync_fetch_and_add(&cgroup_counters_lost, 1);                                      \
		for (u32 i = 0; target && i < sizeof(value_type) / 8; i++)                                   \
			if (sums[i])                                                                         \
				__sync_fetch_and_add(&target[i], sums[i]);                                   \
		return true;                                                                                 \
	}                                                                                                    \
	_Static_assert(sizeof(key_type) > 0, "")

/*
 * `controller`: cpu, memory or io. `map_of(&id, cgroup)` is this CPU's value of a cgroup, made when it is
 * new: one look-up, unless it is. NULL: the map is full, and the loss is counted.
 */
#define CGROUP_COUNTERS(map, controller, value_type, entries)                                                \
	METRIC_MAP(map, controller##_cgroup_id, value_type, entries, 0);                                     \
	COUNTERS_MOVE(map, controller##_cgroup_id, value_type);                                              \
                                                                                                             \
	static __always_inline value_type *map##_of(const controller##_cgroup_id *id, struct cgroup *cgroup) \
	{                                                                                                    \
		value_type *counts = bpf_map_lookup_elem(&map, id);                                          \
		controller##_cgroup_id live;                                                                 \
                                                                                                             \
		if (counts)                                                                                  \
			return counts;                                                                       \
		live = cgroup_live_id(                                                                       \
		    cgroup, bpf_core_enum_value(enum cgroup_subsys_id, controller##_cgrp_id), *id);          \
		return metric_slot(&map, &live);                                                             \
	}                                                                                                    \
                                                                                                             \
	static __always_inline void map##_removed(struct cgroup *removed, bool can_read)                     \
	{                                                                                                    \
		int index = bpf_core_enum_value(enum cgroup_subsys_id, controller##_cgrp_id);                \
		controller##_cgroup_id from = read_cgroup_id_for(removed, index);                            \
		controller##_cgroup_id to = read_cgroup_id_for(read_cgroup_parent(removed), index);          \
		u64 id = from;                                                                               \
                                                                                                             \
		if (bpf_map_lookup_elem(&container_cgroups, &id))                                            \
			return;                                                                              \
		if (map##_move(&from, &to, can_read))                                                        \
			__sync_fetch_and_add(&cgroups_ended, 1);                                             \
	}                                                                                                    \
                                                                                                             \
	SEC("tp_btf/cgroup_rmdir")                                                                           \
	int BPF_PROG(map##_cgroup_removed___with_counts_of_cpus, struct cgroup *removed)                     \
	{                                                                                                    \
		map##_removed(removed, true);                                                                \
		return 0;                                                                                    \
	}                                                                                                    \
                                                                                                             \
	SEC("tp_btf/cgroup_rmdir")                                                                           \
	int BPF_PROG(map##_cgroup_removed___before_5_19, struct cgroup *removed)                             \
	{                                                                                                    \
		map##_removed(removed, false);                                                               \
		return 0;                                                                                    \
	}                                                                                                    \
	_Static_assert(sizeof(controller##_cgroup_id) == 8, "")

#endif
