/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Memory: include/linux/mm_types.h, page_counter.h, memcontrol.h */
#ifndef HUATUO_KERNEL_MM_H
#define HUATUO_KERNEL_MM_H

#include "kernel/cgroup.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	s64 counter;
} atomic_long_t;

struct percpu_counter {
	s64 count; /* percpu.h adds what is not in it yet */
	s32 *counters;
};

struct mm_struct {
	unsigned long total_vm;
	unsigned long arg_start; /* arguments, each with its NUL, in the process's own memory */
	unsigned long arg_end;
	struct task_struct *owner;
	struct percpu_counter rss_stat[4]; /* by enum mm_counter; Linux >= 6.2 */
};

struct mm_rss_stat___before_6_2 {
	atomic_long_t count[4];
};

struct mm_struct___before_6_2 {
	struct mm_rss_stat___before_6_2 rss_stat;
};

struct page_counter {
	atomic_long_t usage;
	unsigned long max;
	unsigned long high; /* Linux >= 5.7 */
	struct page_counter *parent;
};

enum mm_counter { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES };

enum memcg_memory_event { MEMCG_OOM_KILL, MEMCG_NR_MEMORY_EVENTS = 9 };

struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
	struct page_counter memsw; /* in a union with swap, which v2 charges by itself */
	atomic_long_t memory_events_local[MEMCG_NR_MEMORY_EVENTS];
};

#pragma clang attribute pop

/* Set by the loader before the object is loaded. */
const volatile u64 page_bytes = 4096;

#endif
