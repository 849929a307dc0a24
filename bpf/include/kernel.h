/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The kernel types our programs look into, with the fields they use and nothing else. Offsets here mean
 * nothing: preserve_access_index makes clang emit relocations, and libbpf resolves them against the running
 * kernel's BTF. So the build needs no vmlinux.h and does not depend on the kernel it runs on.
 */
#ifndef HUATUO_KERNEL_H
#define HUATUO_KERNEL_H

#include "huatuo.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	u64 id;
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

/* Indices differ from kernel to kernel: use bpf_core_enum_value(). */
enum cgroup_subsys_id { cpu_cgrp_id, memory_cgrp_id, CGROUP_SUBSYS_COUNT = 16 };

struct css_set {
	struct cgroup_subsys_state *subsys[CGROUP_SUBSYS_COUNT];
};

struct percpu_counter {
	s64 count;
};

struct mm_struct {
	unsigned long total_vm;
	struct percpu_counter rss_stat[4]; /* Linux >= 6.2; file, anon, swap entries, shmem */
};

struct task_struct {
	unsigned int __state;
	int pid;
	int tgid;
	char comm[16];
	struct css_set *cgroups;
	struct mm_struct *mm;
};

/* Before Linux 5.14 the field was called `state`. */
struct task_struct___before_5_14 {
	long state;
};

typedef struct {
	s64 counter;
} atomic_long_t;

struct page_counter {
	atomic_long_t usage;
	unsigned long max;
	struct page_counter *parent;
};

struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
};

#pragma clang attribute pop

/* Set by the loader before the object is loaded. */
const volatile u64 page_bytes = 4096;

#define TASK_RUNNING 0

static __always_inline bool task_is_runnable(struct task_struct *task)
{
	struct task_struct___before_5_14 *old = (void *)task;

	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state) == TASK_RUNNING;
	return BPF_CORE_READ(old, state) == TASK_RUNNING;
}

/* Inode of the task's cgroup directory in the hierarchy of one controller, v1 and v2 alike. */
static __always_inline u64 task_cgroup_id(struct task_struct *task, int subsys)
{
	return BPF_CORE_READ(task, cgroups, subsys[subsys], cgroup, kn, id);
}

#endif
