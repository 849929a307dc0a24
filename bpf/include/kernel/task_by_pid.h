/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * task_by_pid() goes the way of find_task_by_pid_ns() (kernel/pid.c), through the IDR of the initial pid
 * namespace, a radix tree of struct pid; include/linux/pid.h, xarray.h. It needs no kernel function that
 * programs may call only since Linux 6.2 (bpf_task_from_pid), and no symbol.
 */
#ifndef HUATUO_KERNEL_TASK_BY_PID_H
#define HUATUO_KERNEL_TASK_BY_PID_H

#include "kernel/list.h"
#include "kernel/task_reads.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct xarray {
	void *xa_head;
};

struct xa_node {
	u8 shift;
	void *slots[64];
};

struct idr {
	struct xarray idr_rt;
};

struct pid_namespace {
	struct idr idr;
};

struct upid {
	struct pid_namespace *ns;
};

struct pid {
	struct hlist_head tasks[4]; /* the first is PIDTYPE_PID */
	struct upid numbers[1];	    /* the first is of the initial namespace */
};

struct task_struct___of_pid {
	struct pid *thread_pid;
	struct hlist_node pid_links[4];
};

#pragma clang attribute pop

/* More than 32 bits need in a tree with 16 slots in a node, which is the fewest (CONFIG_BASE_SMALL). */
#define MAX_TREE_HEIGHT 8

/* xa_is_node(): the address of a node has this in its lowest bits. */
#define NODE_MASK 3
#define NODE_TAG  2

/*
 * The task with that id in the initial pid namespace. Runs under RCU, as programs at tracepoints do.
 * @returns its address; NULL when there is none, and when the current task has given up its own pid
 */
static __always_inline struct task_struct *task_by_pid(u32 nr)
{
	struct task_struct___of_pid *current = (void *)bpf_get_current_task();
	u64 entry = (u64)BPF_CORE_READ(current, thread_pid, numbers[0].ns, idr.idr_rt.xa_head);
	u32 last_slot = bpf_core_field_size(struct xa_node, slots) / sizeof(void *) - 1;
	struct hlist_node *link;

	for (int height = 0; height < MAX_TREE_HEIGHT && (entry & NODE_MASK) == NODE_TAG; height++) {
		struct xa_node *node = (void *)(entry - NODE_TAG);
		u32 slot = nr >> (BPF_CORE_READ(node, shift) & 31);

		/* The root's slots are all there is. */
		if (height == 0 && slot > last_slot)
			return NULL;
		entry = 0;
		bpf_probe_read_kernel(&entry, sizeof(entry),
				      (void *)node + bpf_core_field_offset(struct xa_node, slots) +
					  (slot & last_slot) * sizeof(void *));
	}
	link = entry ? BPF_CORE_READ((struct pid *)entry, tasks[0].first) : NULL;
	return link ? (void *)link - bpf_core_field_offset(struct task_struct___of_pid, pid_links) : NULL;
}

#endif
