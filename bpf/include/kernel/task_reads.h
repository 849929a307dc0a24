/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Tasks the verifier does not know: their addresses are numbers to it, so all of them is read by probes.
 *
 * Programs and branches that run rarely read those that it knows so, too. From Linux 6.2 on the verifier
 * looks in all types of the kernel, several times, whether a pointer that a plain load gives can be trusted:
 * a millisecond for each load, on each way that leads to it, when the object is loaded.
 */
#ifndef HUATUO_KERNEL_TASK_READS_H
#define HUATUO_KERNEL_TASK_READS_H

#include "kernel/sched.h"

static __always_inline u64 read_cgroup_of_other(struct cgroup *cgroup)
{
	u64 hierarchy = BPF_CORE_READ(cgroup, root, hierarchy_id);

	return ((hierarchy + 1) << CGROUP_HIERARCHY_SHIFT) | BPF_CORE_READ(cgroup, kn, id);
}

/* As cgroup_id_for(). */
static __always_inline u64 read_cgroup_id_for(struct cgroup *cgroup, int controller)
{
	if (BPF_CORE_READ(cgroup, root, subsys_mask) >> controller & 1)
		return BPF_CORE_READ(cgroup, kn, id);
	return read_cgroup_of_other(cgroup);
}

/* As cgroup_is_live(). */
static __always_inline bool read_cgroup_is_live(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, self.flags) & CSS_ONLINE;
}

/* As cgroup_parent(). */
static __always_inline struct cgroup *read_cgroup_parent(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, self.parent, cgroup);
}

/* As task_owner_cgroup(). */
static __always_inline u64 read_task_owner_cgroup(struct task_struct *task, int controller, int other)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup *own = BPF_CORE_READ(set, subsys[controller], cgroup);
	struct cgroup *unified = BPF_CORE_READ(set, dfl_cgrp);
	struct cgroup *of_other;

	if (!own || BPF_CORE_READ(own, root, hierarchy_id) == 0)
		return BPF_CORE_READ(unified, kn, id);
	if (BPF_CORE_READ(own, level) > 0)
		return BPF_CORE_READ(own, kn, id);
	if (BPF_CORE_READ(unified, level) > 0)
		return read_cgroup_of_other(unified);
	of_other = BPF_CORE_READ(set, subsys[other], cgroup);
	if (BPF_CORE_READ(of_other, level) > 0)
		return read_cgroup_of_other(of_other);
	return BPF_CORE_READ(own, kn, id);
}

/* As task_cpu_cgroup(). */
static __always_inline cpu_cgroup_id read_task_cpu_cgroup(struct task_struct *task)
{
	return read_task_owner_cgroup(task, bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id),
				      bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id));
}

/* As task_memory_cgroup(). */
static __always_inline memory_cgroup_id read_task_memory_cgroup(struct task_struct *task)
{
	return read_task_owner_cgroup(task, bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id),
				      bpf_core_enum_value(enum cgroup_subsys_id, cpu_cgrp_id));
}

#endif
