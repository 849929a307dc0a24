// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * How long softirqs wait between being raised and being served. A raise of a vector that is already pending
 * does not restart its clock: the wait is measured from the first one.
 */
#include "event.h"
#include "kernel/sched.h"
#include "metric.h"
#include "ratelimit.h"
#include "stack.h"

enum softirq_vector { HI, TIMER, NET_TX, NET_RX, BLOCK, IRQ_POLL, TASKLET, SCHED, HRTIMER, RCU };
#define VECTORS 10

struct softirq_event {
	ktime_ns time DOC("When the softirq was entered");
	dur_ns latency_ns DOC("From the first raise to the entry of its handler");
	dur_ns threshold_ns DOC("The limit in force when the event was made");
	cpu_cgroup_id cgroup_id DOC("cpu cgroup of the interrupted task");
	enum softirq_vector vector DOC("Which softirq");
	cpu_nr cpu DOC("CPU that raised and served it");
	pid_nr pid DOC("Process that was interrupted");
	pid_nr tid DOC("Thread that was interrupted");
	comm_t comm DOC("Name of the interrupted thread");
	kstack_t stack DOC("Kernel stack at the entry, innermost first");
} DOC("A softirq waited longer than the threshold before it was served") SEVERITY(warning) SCHEMA(1);
EVENT_RING(softirq_event, 1 << 20);
QUESTION("Which softirqs were served late, on which CPU, and which task and code did they interrupt? "
	 "Distribution of all delays");
KERNEL("5.12");
FALSE_POSITIVES("Left to ksoftirqd under load, softirqs wait for the scheduler, which is by design; so are "
		"all with PREEMPT_RT. A virtual CPU that the hypervisor does not run looks the same. The "
		"interrupted task is where the softirq was served, and need not be what has delayed it");

OPTION(u64, threshold_ns, 10000000, "Waits at least this long become events");
OPTION(u64, max_events_per_second_per_cpu, 100,
       "Events beyond this rate are counted as rate limited, not written");

METRIC_ARRAY(latency, "vector", softirq_vector, struct time_histogram, VECTORS)
HISTOGRAM("huatuo_softirq_delay_seconds", "Time from the raise of a softirq to its entry.");

/* Upstream has one series for each CPU, and only of the network vectors. */
struct network_zone {
	enum softirq_vector type;
	index32 zone;
};
COUNTER_MAP(
    network_zones, struct network_zone, 8, "huatuo_bamai_softirq_latency",
    "Softirqs by delay from raise to entry; zone 0 is below 10 us, 1 below 100 us, 2 below 1 ms, 3 the rest.")
PER_CPU("cpuid");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, VECTORS);
	__type(key, u32);
	__type(value, u64);
} raised_at_ns SEC(".maps");

SEC("tp_btf/softirq_raise")
int BPF_PROG(softirq_raised, u32 vector)
{
	u64 *raised = bpf_map_lookup_elem(&raised_at_ns, &vector);

	if (raised && *raised == 0)
		*raised = bpf_ktime_get_boot_ns();
	return 0;
}

static __always_inline u32 zone_of(u64 latency_ns)
{
	if (latency_ns < 10000)
		return 0;
	if (latency_ns < 100000)
		return 1;
	return latency_ns < 1000000 ? 2 : 3;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(softirq_entered, u32 vector)
{
	u64 *raised = bpf_map_lookup_elem(&raised_at_ns, &vector);
	struct time_histogram *delays;
	struct softirq_event *event;
	struct task_struct *task;
	u64 now, waited_ns;

	if (!raised || *raised == 0)
		return 0;
	now = bpf_ktime_get_boot_ns();
	waited_ns = now - *raised;
	*raised = 0;

	delays = metric_at(&latency, vector);
	if (delays)
		histogram_observe(delays, waited_ns);
	if (vector == NET_TX || vector == NET_RX) {
		struct network_zone zone = {vector, zone_of(waited_ns)};

		counter_add(&network_zones, &zone, 1);
	}

	if (waited_ns < threshold_ns)
		return 0;
	if (!rate_allows(now, max_events_per_second_per_cpu))
		return 0;
	event = event_reserve(struct softirq_event);
	if (!event)
		return 0;
	event_clear(event);
	task = (void *)bpf_get_current_task_btf();
	event->time = now;
	event->latency_ns = waited_ns;
	event->threshold_ns = threshold_ns;
	event->cgroup_id = task_cpu_cgroup(task);
	event->vector = vector;
	event->cpu = bpf_get_smp_processor_id();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->tid = bpf_get_current_pid_tgid();
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	kernel_stack(ctx, event->stack);
	event_submit(event);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
