/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * How often each stack was met, for profiles:
 *
 *   STACK_COUNTS(stacks, cpu, 4096);
 *
 *   SEC("perf_event")
 *   int sampled(void *ctx)
 *   {
 *           stacks_add(ctx, task_cpu_cgroup((void *)bpf_get_current_task_btf()), 1);
 *           return 0;
 *   }
 *
 * The collector reads them by name: `await object.stacks('stacks')`. The key is the stacks themselves: the
 * ids of a BPF_MAP_TYPE_STACK_TRACE are fewer than its stacks, and two CPUs may be given the same one for two
 * (kernel/bpf/stackmap.c, __bpf_get_stackid). An entry takes 1.3 KB, all of them when the object is loaded.
 * Linux >= 5.12: atomic operations that return what was there; before 5.11, a key had to fit on a program's
 * stack.
 */
#ifndef HUATUO_STACK_COUNTS_H
#define HUATUO_STACK_COUNTS_H

#include "map_value.h"
#include "metric.h"
#include "stack.h"

/* What was not counted: the map is full, or a program has interrupted another one that was counting. */
u64 stack_overflows COUNTER("huatuo_bpf_stack_overflows_total",
			    "Samples whose stack could not be counted.") BY_COLLECTOR;

struct stack_count {
	u64 samples;
	pid_nr pid; /* a process that had the stack: its files have the symbols */
	u32 _pad;
};

static __always_inline void stack_count_in(void *map, const void *key, u64 samples)
{
	struct stack_count fresh = {.pid = bpf_get_current_pid_tgid() >> 32};
	struct stack_count *counted = find_or_add(map, key, &fresh);

	if (counted)
		__sync_fetch_and_add(&counted->samples, samples);
	else
		__sync_fetch_and_add(&stack_overflows, samples);
}

/* `owner`: cpu, memory or io, the controller whose cgroup is counted with the stack. */
#define STACK_COUNTS(map, owner, entries)                                                                    \
	struct map##_stack {                                                                                 \
		kstack_t kernel_stack;                                                                       \
		ustack_t user_stack;                                                                         \
		owner##_cgroup_id cgroup_id;                                                                 \
	};                                                                                                   \
	struct {                                                                                             \
		__uint(type, BPF_MAP_TYPE_HASH);                                                             \
		__uint(max_entries, entries);                                                                \
		__type(key, struct map##_stack);                                                             \
		__type(value, struct stack_count);                                                           \
	} map SEC(".maps") TAG("stack_counts");                                                              \
                                                                                                             \
	/* Too large for a program's stack. */                                                               \
	struct map##_draft {                                                                                 \
		struct map##_stack key;                                                                      \
		u64 in_use;                                                                                  \
	};                                                                                                   \
	PERCPU_SLOT(map##_drafts, struct map##_draft);                                                       \
                                                                                                             \
	static __always_inline void map##_add(void *ctx, owner##_cgroup_id cgroup_id, u64 samples)           \
	{                                                                                                    \
		struct map##_draft *draft = slot_of(&map##_drafts);                                          \
                                                                                                             \
		if (!draft)                                                                                  \
			return;                                                                              \
		if (__sync_fetch_and_add(&draft->in_use, 1) == 0) {                                          \
			draft->key.cgroup_id = cgroup_id;                                                    \
			sampled_kernel_stack(ctx, draft->key.kernel_stack);                                  \
			user_stack(ctx, draft->key.user_stack);                                              \
			stack_count_in(&map, &draft->key, samples);                                          \
		} else {                                                                                     \
			__sync_fetch_and_add(&stack_overflows, samples);                                     \
		}                                                                                            \
		__sync_fetch_and_sub(&draft->in_use, 1);                                                     \
	}                                                                                                    \
	_Static_assert(sizeof(struct map##_stack) % 8 == 0, "")

#endif
