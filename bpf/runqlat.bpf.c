// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Time a runnable task waits for a CPU: from its wake-up, or from being preempted, until it is switched in.
 * Counted for the host and for the cpu cgroup of the task.
 */
#include "kernel/sched.h"
#include "histogram.h"

COLLECTOR_DOC("How long runnable tasks wait for a CPU, for the host and for each container");

#define MAX_WAITING_TASKS 32768
#define MAX_CGROUPS	  2048

struct wait_histogram {
	u64 zones[4];
	u64 slots[HISTOGRAM_SLOTS];
	u64 sum_ns;
	u64 untracked;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct wait_histogram);
} host SEC(".maps");

struct cgroup_zones {
	u64 zones[4];
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, MAX_CGROUPS);
	__type(key, cpu_cgroup_id);
	__type(value, struct cgroup_zones);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_WAITING_TASKS);
	__type(key, u32);
	__type(value, u64);
} runnable_since_ns SEC(".maps");

static __always_inline void became_runnable(u32 tid)
{
	u64 now = bpf_ktime_get_ns();
	u32 zero = 0;
	struct wait_histogram *counts;

	/* The idle tasks share id 0 and never wait. */
	if (tid == 0)
		return;
	if (bpf_map_update_elem(&runnable_since_ns, &tid, &now, BPF_ANY) == 0)
		return;
	counts = bpf_map_lookup_elem(&host, &zero);
	if (counts)
		counts->untracked++;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(task_woken, struct task_struct *task)
{
	became_runnable(task->pid);
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(task_woken_first, struct task_struct *task)
{
	became_runnable(task->pid);
	return 0;
}

static __always_inline u32 zone_of(u64 waited_ns)
{
	if (waited_ns < 10000000)
		return 0;
	if (waited_ns < 20000000)
		return 1;
	return waited_ns < 50000000 ? 2 : 3;
}

static __always_inline void count_for_cgroup(struct task_struct *task, u32 zone)
{
	cpu_cgroup_id id = task_cpu_cgroup(task);
	struct cgroup_zones *counts = bpf_map_lookup_elem(&cgroups, &id);

	if (!counts) {
		struct cgroup_zones none = {};

		bpf_map_update_elem(&cgroups, &id, &none, BPF_NOEXIST);
		counts = bpf_map_lookup_elem(&cgroups, &id);
	}
	if (counts && zone < 4)
		counts->zones[zone]++;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(task_switched, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u32 tid = next->pid, zero = 0, zone;
	struct wait_histogram *counts;
	u64 *since, waited_ns;

	if (task_is_runnable(prev))
		became_runnable(prev->pid);

	since = bpf_map_lookup_elem(&runnable_since_ns, &tid);
	if (!since)
		return 0;
	waited_ns = bpf_ktime_get_ns() - *since;
	bpf_map_delete_elem(&runnable_since_ns, &tid);

	zone = zone_of(waited_ns);
	counts = bpf_map_lookup_elem(&host, &zero);
	if (counts) {
		counts->zones[zone]++;
		counts->slots[histogram_slot(waited_ns)]++;
		counts->sum_ns += waited_ns;
	}
	count_for_cgroup(next, zone);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
