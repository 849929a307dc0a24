// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * How long softirqs wait between being raised and being served, and how long their handlers run.
 *
 *	raise ───► entry ───► exit                an event, when one of the two was long
 *	    waits      runs
 *
 * A raise of a vector that is already pending does not restart its clock: the wait is measured from the first
 * one. The kernel takes all that is pending at once and serves it one vector after the other. What is raised
 * again after it was taken and before its own turn looks the same here, but is served twice, and of the
 *second time the raise is not known. So there are fewer waits than runs, mostly of SCHED, which the tick
 *raises while others before it are served. Entries are counted where the kernel counts for /proc/softirqs.
 *
 * Where in its handler a softirq was slow is not seen: a vector serves many. If a task waits meanwhile,
 * sched_tick shows its stack. Under PREEMPT_RT a run includes the time in which others went before it.
 */
#include "event.h"
#include "kernel/current_task.h"
#include "metric.h"
#include "ratelimit.h"
#include "stack.h"

enum softirq_vector { HI, TIMER, NET_TX, NET_RX, BLOCK, IRQ_POLL, TASKLET, SCHED, HRTIMER, RCU };
#define VECTORS 10

struct softirq_event {
	ktime_ns time DOC("When the softirq was entered");
	dur_ns run_ns DOC("For how long its handler ran");
	dur_ns run_threshold_ns DOC("The limit of runs in force when the event was made");
	dur_ns
	    latency_ns OPTIONAL DOC("From the first raise to the entry of its handler, where that was seen");
	dur_ns threshold_ns DOC("The limit of waits in force when the event was made");
	cpu_cgroup_id cgroup_id DOC("cpu cgroup of the interrupted task");
	enum softirq_vector vector DOC("Which softirq");
	cpu_nr cpu DOC("CPU that raised and served it");
	pid_nr pid DOC("Process that was interrupted");
	pid_nr tid DOC("Thread that was interrupted");
	comm_t comm DOC("Name of the interrupted thread");
	kstack_t stack DOC("Kernel stack from which it was served, innermost first");
} DOC("A softirq waited longer than the threshold before it was served, or its handler ran for longer")
    SEVERITY(warning) SCHEMA(1);
EVENT_RING(softirq_event, 1 << 20);
QUESTION("Which softirqs were served late or ran for long, on which CPU, and which task and code did they "
	 "interrupt? Distributions of all delays and runs, and how many each CPU has served");
KERNEL("5.10");
FALSE_POSITIVES("Left to ksoftirqd under load, softirqs wait for the scheduler, which is by design; so are "
		"all with PREEMPT_RT. A virtual CPU that the hypervisor does not run looks the same. The "
		"interrupted task is where the softirq was served, and need not be what has delayed it. Not "
		"seen: where in its handler it was slow");

OPTION(u64, threshold_ns, 10000000, "Waits at least this long become events");
OPTION(u64, run_threshold_ns, 10000000, "Runs of handlers at least this long become events");
OPTION(u64, max_events_per_second_per_cpu, 100,
       "Events beyond this rate are counted as rate limited, not written, 0 is no limit");

/* Softirqs of one CPU do not interrupt each other, so nothing here needs atomics. */
struct vector {
	/* The first raise since it was last served; 0: there was none. */
	u64 raised_at_ns;
	u64 entered_at_ns;
	/* Before the run that is under way; 0: not known. */
	u64 waited_ns;
	u64 served COUNTER("huatuo_softirq_served_total",
			   "Times that a CPU has served a softirq, as in /proc/softirqs.") PER_CPU("cpu");
	struct time_histogram waits HISTOGRAM("huatuo_softirq_delay_seconds",
					      "Time from the raise of a softirq to its entry.");
	struct time_histogram runs HISTOGRAM("huatuo_softirq_run_seconds",
					     "Time from the entry of a softirq to its exit.");
};
METRIC_ARRAY(vectors, "vector", softirq_vector, struct vector, VECTORS);

/* Upstream has one series for each CPU, and only of the network vectors. */
struct network_zone {
	enum softirq_vector type;
	index32 zone;
};
COUNTER_MAP(
    network_zones, struct network_zone, 8, "huatuo_bamai_softirq_latency",
    "Softirqs by delay from raise to entry; zone 0 is below 10 us, 1 below 100 us, 2 below 1 ms, 3 the rest.")
PER_CPU("cpuid");

static __always_inline void observe(struct time_histogram *histogram, u64 value)
{
	histogram->slots[histogram_slot(value, 10)]++;
	histogram->sum += value;
}

SEC("tp_btf/softirq_raise")
int BPF_PROG(softirq_raised, u32 number)
{
	struct vector *vector = metric_at(&vectors, number);

	if (vector && vector->raised_at_ns == 0)
		vector->raised_at_ns = bpf_ktime_get_boot_ns();
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
int BPF_PROG(softirq_entered, u32 number)
{
	struct vector *vector = metric_at(&vectors, number);
	u64 raised_at_ns, now;

	if (!vector)
		return 0;
	/* Interrupts are on, and one may raise it here: what was raised is read before the time. */
	raised_at_ns = vector->raised_at_ns;
	barrier();
	now = bpf_ktime_get_boot_ns();
	vector->served++;
	vector->entered_at_ns = now;
	vector->waited_ns = 0;
	if (raised_at_ns == 0)
		return 0;
	vector->waited_ns = now - raised_at_ns;
	vector->raised_at_ns = 0;
	observe(&vector->waits, vector->waited_ns);
	if (number == NET_TX || number == NET_RX) {
		struct network_zone zone = {number, zone_of(vector->waited_ns)};

		counter_add(&network_zones, &zone, 1);
	}
	return 0;
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(softirq_exited, u32 number)
{
	struct vector *vector = metric_at(&vectors, number);
	struct softirq_event *event;
	u64 now, ran_ns;

	/* It was entered before the program was attached. */
	if (!vector || vector->entered_at_ns == 0)
		return 0;
	now = bpf_ktime_get_boot_ns();
	ran_ns = now - vector->entered_at_ns;
	observe(&vector->runs, ran_ns);
	if (vector->waited_ns < threshold_ns && ran_ns < run_threshold_ns)
		return 0;
	if (!rate_allows(now, max_events_per_second_per_cpu))
		return 0;
	event = event_reserve(struct softirq_event);
	if (!event)
		return 0;
	event_clear(event);
	event->time = vector->entered_at_ns;
	event->run_ns = ran_ns;
	event->run_threshold_ns = run_threshold_ns;
	event->latency_ns = vector->waited_ns;
	event->threshold_ns = threshold_ns;
	event->cgroup_id = read_current_cpu_cgroup();
	event->vector = number;
	event->cpu = bpf_get_smp_processor_id();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->tid = bpf_get_current_pid_tgid();
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	kernel_stack(ctx, event->stack);
	event_submit(event);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
