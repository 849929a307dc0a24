/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Out of memory: include/linux/oom.h, mm/oom_kill.c
 *
 * No tracepoint passes the limit that was hit, and no field of a task or cgroup leads to it. But the kernel
 * has it in a struct oom_control, whose address its functions hand on, so it lies on the stack of the task
 * whose allocation failed for as long as victims are chosen. It is looked for there, by its shape and by what
 * must be true of it, from the outermost frame inwards: what old calls have left lies below all frames in
 * use.
 *
 *	top   ┌ frames of the system call or the page fault
 *	      ├ mem_cgroup_out_of_memory() or __alloc_pages_may_oom(): struct oom_control
 *	      ├ out_of_memory(), oom_kill_process(), the tracepoint, this program
 *	      └ what earlier calls left
 */
#ifndef HUATUO_KERNEL_OOM_H
#define HUATUO_KERNEL_OOM_H

#include "kernel/mm.h"
#include "kernel/sched.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

enum oom_constraint { CONSTRAINT_NONE, CONSTRAINT_CPUSET, CONSTRAINT_MEMORY_POLICY, CONSTRAINT_MEMCG };

struct oom_control {
	void *zonelist;
	void *nodemask;
	struct mem_cgroup *memcg; /* whose limit was hit; NULL when the host ran out */
	u32 gfp_mask;
	s32 order;
	unsigned long totalpages;
	struct task_struct *chosen;
	enum oom_constraint constraint;
};

#pragma clang attribute pop

/* Words of a stack of 128 KiB: the largest any architecture has, with KASAN. */
#define MAX_STACK_WORDS 16384
#define MAX_ORDER_TRIED 16
#define SYSRQ_ORDER	-1

struct oom_search {
	u64 top;
	u64 bottom;
	struct task_struct *victim;
	bool is_trigger; /* the victim is the task whose stack it is */
	struct page_counter *victim_counter;
	struct oom_control *found;
};

static __always_inline bool is_kernel_pointer(u64 word)
{
	return (s64)word < 0;
}

/* Whether `memcg` is that of `counter`, or above it. */
static __always_inline bool is_ancestor(struct mem_cgroup *memcg, struct page_counter *counter)
{
	struct page_counter *wanted = (void *)memcg + bpf_core_field_offset(struct mem_cgroup, memory);

	for (int depth = 0; depth < MAX_CGROUP_DEPTH && counter; depth++) {
		if (counter == wanted)
			return true;
		counter = BPF_CORE_READ(counter, parent);
	}
	return false;
}

/* The victim is a thread of what was chosen, or is killed with it (memory.oom.group). */
static __always_inline bool was_chosen_with(struct task_struct *chosen, struct task_struct *victim)
{
	return chosen == victim ||
	       (is_kernel_pointer((u64)chosen) && BPF_CORE_READ(chosen, signal, oom_mm) != NULL);
}

static __always_inline bool is_memcg_control(struct oom_control *oc, struct mem_cgroup *memcg,
					     const struct oom_search *search)
{
	struct task_struct *chosen = BPF_CORE_READ(oc, chosen);

	if (BPF_CORE_READ(oc, zonelist) || BPF_CORE_READ(oc, nodemask) ||
	    !is_ancestor(memcg, search->victim_counter))
		return false;
	/* A task that dies anyway is marked before anything is chosen. */
	if (!chosen)
		return search->is_trigger;
	return BPF_CORE_READ(oc, constraint) == CONSTRAINT_MEMCG && was_chosen_with(chosen, search->victim);
}

static __always_inline bool is_host_control(struct oom_control *oc, const struct oom_search *search)
{
	return is_kernel_pointer((u64)BPF_CORE_READ(oc, zonelist)) &&
	       BPF_CORE_READ(oc, constraint) < CONSTRAINT_MEMCG && BPF_CORE_READ(oc, totalpages) != 0 &&
	       was_chosen_with(BPF_CORE_READ(oc, chosen), search->victim);
}

static long oom_control_at(u32 index, struct oom_search *search)
{
	struct oom_control *oc = (void *)(search->top - (index + 1) * sizeof(u64));
	struct mem_cgroup *memcg;
	s32 order;

	if ((u64)oc < search->bottom)
		return 1;
	memcg = BPF_CORE_READ(oc, memcg);
	order = BPF_CORE_READ(oc, order);
	if (order < SYSRQ_ORDER || order > MAX_ORDER_TRIED ||
	    is_kernel_pointer(BPF_CORE_READ(oc, totalpages)))
		return 0;
	if (is_kernel_pointer((u64)memcg) ? !is_memcg_control(oc, memcg, search)
					  : memcg || !is_host_control(oc, search))
		return 0;
	search->found = oc;
	return 1;
}

/*
 * The oom_control for which `victim` is being marked, on the stack of the current task; NULL when there is
 * none of the shape known here: then nothing says which limit it was. Linux >= 5.17 (bpf_loop).
 * @param memcg the victim's
 */
static __always_inline struct oom_control *current_oom_control(struct task_struct *victim,
							       struct mem_cgroup *memcg)
{
	struct task_struct *task = bpf_get_current_task_btf();
	void *top = (void *)bpf_task_pt_regs(task);
	struct oom_search search = {
	    .bottom = (u64)BPF_CORE_READ(task, stack),
	    .victim = victim,
	    .is_trigger = BPF_CORE_READ(task, signal) == BPF_CORE_READ(victim, signal),
	    .victim_counter = (void *)memcg + bpf_core_field_offset(struct mem_cgroup, memory),
	};

	if (!bpf_core_type_exists(struct oom_control))
		return NULL;
	/* A pointer of this type may not be moved; read from memory it is a number. */
	bpf_probe_read_kernel(&search.top, sizeof(search.top), &top);
	bpf_loop(MAX_STACK_WORDS, oom_control_at, &search, 0);
	return search.found;
}

#endif
