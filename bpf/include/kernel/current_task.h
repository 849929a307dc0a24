/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The task that runs. Since Linux 5.11 programs get it as a pointer the verifier knows
 * (bpf_get_current_task_btf), and its cgroup costs a few loads. Before, it is a number, and all is read by
 * probes. libbpf decides when the object is loaded, and the verifier drops the other branch unseen.
 */
#ifndef HUATUO_KERNEL_CURRENT_TASK_H
#define HUATUO_KERNEL_CURRENT_TASK_H

#include "kernel/task_reads.h"

static __always_inline bool knows_current_task(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf);
}

/* For BPF_CORE_READ() only. */
static __always_inline void *current_task_address(void)
{
	return (void *)bpf_get_current_task();
}

/*
 * `*found` becomes the cgroup, for cgroup_counters.h; NULL before Linux 5.11. Then what a task at its end
 * does is counted for its cgroup, also when that was removed.
 */
static __always_inline cpu_cgroup_id current_cpu_cgroup_found(struct cgroup **found)
{
	if (knows_current_task())
		return task_cpu_cgroup_found((void *)bpf_get_current_task_btf(), found);
	*found = NULL;
	return read_task_cpu_cgroup(current_task_address());
}

static __always_inline cpu_cgroup_id current_cpu_cgroup(void)
{
	struct cgroup *found;

	return current_cpu_cgroup_found(&found);
}

/* By probes, for what is rare: task_reads.h says why. */
static __always_inline cpu_cgroup_id read_current_cpu_cgroup(void)
{
	return read_task_cpu_cgroup(current_task_address());
}

/* As current_cpu_cgroup_found(). */
static __always_inline memory_cgroup_id current_memory_cgroup_found(struct cgroup **found)
{
	if (knows_current_task())
		return task_memory_cgroup_found((void *)bpf_get_current_task_btf(), found);
	*found = NULL;
	return read_task_memory_cgroup(current_task_address());
}

static __always_inline memory_cgroup_id current_memory_cgroup(void)
{
	struct cgroup *found;

	return current_memory_cgroup_found(&found);
}

/* As read_current_cpu_cgroup(). */
static __always_inline memory_cgroup_id read_current_memory_cgroup(void)
{
	return read_task_memory_cgroup(current_task_address());
}

#endif
