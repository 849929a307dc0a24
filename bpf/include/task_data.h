/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What a program remembers of a task until it meets it again:
 *
 *   TASK_DATA(times, struct task_times, 32768);
 *   struct task_times *of = times_of(task);            zeroes when the task is new; NULL: no room
 *
 * With task storage it is memory that hangs on the task and goes with it. Without, it is an entry of a hash
 * by thread id, of which there are at most so many. The loader makes the one map of the two that this kernel
 * can use (src/kernel/task-storage.ts). What found no room is counted.
 */
#ifndef HUATUO_TASK_DATA_H
#define HUATUO_TASK_DATA_H

#include "map_value.h"
#include "metric.h"
#include "kernel/sched.h"

u64 task_data_overflows COUNTER("huatuo_bpf_task_data_overflows_total",
				"Looks at tasks that could not be remembered, for want of room.")
    BY_COLLECTOR;

/* Set by the loader: the kernel keeps data in the task itself, and may be asked to from any context. */
const volatile bool has_task_storage = false;

#define TASK_DATA(map, value_type, entries)                                                                  \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_TASK_STORAGE);                                                     \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                                        \
		__type(key, int);                                                                            \
		__type(value, value_type);                                                                   \
	} map SEC(".maps");                                                                                  \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_HASH);                                                             \
		__uint(max_entries, entries);                                                                \
		__type(key, u32);                                                                            \
		__type(value, value_type);                                                                   \
	} map##_by_id SEC(".maps") TAG("without:task_storage");                                              \
                                                                                                             \
	static __always_inline value_type *map##_of(struct task_struct *task)                                \
	{                                                                                                    \
		value_type *of, fresh = {};                                                                  \
		u32 tid = task->pid;                                                                         \
                                                                                                             \
		if (has_task_storage)                                                                        \
			of = bpf_task_storage_get(&map, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);            \
		else                                                                                         \
			of = find_or_add(&map##_by_id, &tid, &fresh);                                        \
		if (!of)                                                                                     \
			__sync_fetch_and_add(&task_data_overflows, 1);                                       \
		return of;                                                                                   \
	}                                                                                                    \
                                                                                                             \
	SEC("tp_btf/sched_process_free")                                                                     \
	int BPF_PROG(map##_task_freed, struct task_struct *task)                                             \
	{                                                                                                    \
		u32 tid = task->pid;                                                                         \
                                                                                                             \
		if (!has_task_storage)                                                                       \
			bpf_map_delete_elem(&map##_by_id, &tid);                                             \
		return 0;                                                                                    \
	}                                                                                                    \
	_Static_assert(sizeof(value_type) % 8 == 0, "no implicit padding")

#endif
