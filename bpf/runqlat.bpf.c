// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Time a runnable task waits for a CPU: from its wake-up, or from being preempted, until it is switched in.
 * Counted for the host and for the cpu cgroup of the task.
 */
#include "kernel/sched.h"
#include "cgroup_counters.h"
#include "span.h"

COLLECTOR_DOC("How long runnable tasks wait for a CPU, for the host and for each container");
QUESTION("How long do runnable tasks wait for a CPU, on the host and in each container?");
KERNEL("5.8; before 5.19 what a removed cgroup has counted is lost, and counted as that");
FALSE_POSITIVES(
    "The time a container is throttled by its own CPU quota is in its waits, and a task of low weight waits "
    "by intention. A virtual CPU that the hypervisor does not run makes no wait here");

#define MAX_WAITING_TASKS 32768
#define MAX_CGROUPS	  4096
#define ZONES		  "zone 0 is below 10 ms, 1 below 20 ms, 2 below 50 ms, 3 the rest."

struct host_waits {
	struct time_histogram waits HISTOGRAM("huatuo_runqueue_wait_seconds",
					      "Time runnable tasks waited for a CPU.");
	u64 zones[4] COUNTER("huatuo_bamai_runqlat_latency", "Waits of runnable tasks for a CPU; " ZONES)
	    EACH("zone");
};
METRIC_SLOT(host, struct host_waits);

struct cgroup_waits {
	u64 zones[4] COUNTER("huatuo_bamai_runqlat_container_latency",
			     "Waits of the container's runnable tasks for a CPU; " ZONES) EACH("zone");
};
CGROUP_COUNTERS(cgroups, cpu, struct cgroup_waits, MAX_CGROUPS);

u64 untracked COUNTER("huatuo_runqueue_untracked_total",
		      "Wake-ups that could not be timed because too many tasks were runnable.");

TASK_SPANS(waits, MAX_WAITING_TASKS);

static __always_inline void became_runnable(struct task_struct *task, u64 now)
{
	/* The idle tasks share id 0 and never wait. */
	if (task->pid != 0 && !waits_start(task, now))
		__sync_fetch_and_add(&untracked, 1);
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(task_woken, struct task_struct *task)
{
	became_runnable(task, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(task_woken_first, struct task_struct *task)
{
	became_runnable(task, bpf_ktime_get_ns());
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

SEC("tp_btf/sched_switch")
int BPF_PROG(task_switched, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u64 now = bpf_ktime_get_ns(), waited_ns;
	struct cgroup_waits *of_cgroup;
	struct host_waits *of_host;
	struct cgroup *directory;
	cpu_cgroup_id cgroup;
	u32 zone;

	if (task_is_runnable(prev))
		became_runnable(prev, now);
	waited_ns = waits_end(next, now);
	if (!waited_ns)
		return 0;

	/* Interrupts are off: no other program counts on this CPU meanwhile. */
	zone = zone_of(waited_ns);
	of_host = metric_at(&host, 0);
	if (of_host) {
		of_host->zones[zone]++;
		histogram_observe(&of_host->waits, waited_ns);
	}
	cgroup = task_cpu_cgroup_found(next, &directory);
	of_cgroup = cgroups_of(&cgroup, directory);
	if (of_cgroup)
		of_cgroup->zones[zone]++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
