/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Counters for each cgroup that lose nothing of those that live: an entry goes when its cgroup is removed,
 * and not, as in an LRU map, when many short-lived ones come and go.
 *
 *   CGROUP_COUNTERS(cgroups, cpu, struct cgroup_waits, 4096);
 *   struct cgroup_waits *counts = metric_slot(&cgroups, &id);
 */
#ifndef HUATUO_CGROUP_COUNTERS_H
#define HUATUO_CGROUP_COUNTERS_H

#include "metric.h"
#include "kernel/cgroup.h"

u64 cgroup_evictions COUNTER("huatuo_bpf_cgroup_evictions_total",
			     "Counters that were dropped with their cgroup.") BY_COLLECTOR;

/* `controller`: cpu, memory or io. When more cgroups live than there are entries, the rest is counted as
 * overflow. */
#define CGROUP_COUNTERS(map, controller, value_type, entries)                                                \
	METRIC_MAP(map, controller##_cgroup_id, value_type, entries, 0);                                     \
                                                                                                             \
	SEC("tp_btf/cgroup_rmdir")                                                                           \
	int BPF_PROG(map##_cgroup_removed, struct cgroup *removed)                                           \
	{                                                                                                    \
		int index = bpf_core_enum_value(enum cgroup_subsys_id, controller##_cgrp_id);                \
		/* Each v1 hierarchy numbers its directories by itself. */                                   \
		controller##_cgroup_id id = cgroup_has_controller(removed, index)                            \
						? BPF_CORE_READ(removed, kn, id)                             \
						: cgroup_of_other(removed);                                  \
                                                                                                             \
		if (bpf_map_delete_elem(&map, &id) == 0)                                                     \
			__sync_fetch_and_add(&cgroup_evictions, 1);                                          \
		return 0;                                                                                    \
	}                                                                                                    \
	_Static_assert(sizeof(controller##_cgroup_id) == 8, "")

#endif
