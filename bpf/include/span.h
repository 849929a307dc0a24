/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The time between two events: a start is kept until its end comes.
 *
 *   SPAN_MAP(issued, u64, 16384);                      by any key, at most so many at once
 *   span_start(&issued, &request);  ...  duration_ns = span_end(&issued, &request);
 *
 *   TASK_SPANS(waits, 32768);                          by task
 *   waits_start(task, now);  ...  duration_ns = waits_end(task, now);
 */
#ifndef HUATUO_SPAN_H
#define HUATUO_SPAN_H

#include "metric.h"

/* Starts that found no room: their ends are not measured. */
u64 span_overflows COUNTER("huatuo_bpf_span_overflows_total",
			   "Starts that could not be kept, so that the time to their end is unknown.")
    BY_COLLECTOR;

#define SPAN_MAP(map, key_type, entries)                                                                     \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_HASH);                                                             \
		__uint(max_entries, entries);                                                                \
		__type(key, key_type);                                                                       \
		__type(value, u64);                                                                          \
	} map SEC(".maps")

static __always_inline bool span_start_in(void *map, const void *key, u64 now)
{
	if (bpf_map_update_elem(map, key, &now, BPF_ANY) == 0)
		return true;
	__sync_fetch_and_add(&span_overflows, 1);
	return false;
}

static __always_inline u64 span_end_in(void *map, const void *key, u64 now)
{
	u64 *started = bpf_map_lookup_elem(map, key);
	u64 passed;

	if (!started)
		return 0;
	passed = now - *started;
	bpf_map_delete_elem(map, key);
	return passed ? passed : 1;
}

/* Starts, or starts again. False: there was no room, and the loss is counted. */
#define span_start(map, key_pointer)                                                                         \
	({                                                                                                   \
		const typeof(*(map)->key) *span_key = (key_pointer);                                         \
		span_start_in(map, span_key, bpf_ktime_get_ns());                                            \
	})

/* Nanoseconds since the start, at least 1, and forgets it; 0 when there was none. */
#define span_end(map, key_pointer)                                                                           \
	({                                                                                                   \
		const typeof(*(map)->key) *span_key = (key_pointer);                                         \
		span_end_in(map, span_key, bpf_ktime_get_ns());                                              \
	})

/* Forgets a start whose end will not come. */
#define span_drop(map, key_pointer) bpf_map_delete_elem(map, key_pointer)

/* Set by the loader: the kernel keeps data in the task itself, and may be asked to from any context. */
const volatile bool has_task_storage = false;

/*
 * With task storage a start is a store into memory that hangs on the task; without it, an entry of a hash by
 * thread id. The loader makes the one map of the two that this kernel can use. `now`: nanoseconds of whatever
 * clock, not 0. waits_start() is false when there was no room: the loss is counted. A task that was started
 * while it ran, and ended before it was switched out, takes its start along in either.
 */
#define TASK_SPANS(map, entries)                                                                             \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_TASK_STORAGE);                                                     \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                                        \
		__type(key, int);                                                                            \
		__type(value, u64);                                                                          \
	} map SEC(".maps");                                                                                  \
	SPAN_MAP(map##_by_id, u32, entries) TAG("without:task_storage");                                     \
                                                                                                             \
	static __always_inline bool map##_start(struct task_struct *task, u64 now)                           \
	{                                                                                                    \
		u32 tid = task->pid;                                                                         \
		u64 *started;                                                                                \
                                                                                                             \
		if (!has_task_storage)                                                                       \
			return span_start_in(&map##_by_id, &tid, now);                                       \
		started = bpf_task_storage_get(&map, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);               \
		if (started)                                                                                 \
			*started = now;                                                                      \
		else                                                                                         \
			__sync_fetch_and_add(&span_overflows, 1);                                            \
		return started != 0;                                                                         \
	}                                                                                                    \
                                                                                                             \
	static __always_inline u64 map##_end(struct task_struct *task, u64 now)                              \
	{                                                                                                    \
		u32 tid = task->pid;                                                                         \
		u64 *started, passed;                                                                        \
                                                                                                             \
		if (!has_task_storage)                                                                       \
			return span_end_in(&map##_by_id, &tid, now);                                         \
		started = bpf_task_storage_get(&map, task, 0, 0);                                            \
		if (!started || *started == 0)                                                               \
			return 0;                                                                            \
		passed = now - *started;                                                                     \
		*started = 0;                                                                                \
		return passed ? passed : 1;                                                                  \
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
	_Static_assert(sizeof(u64) == 8, "")

#endif
