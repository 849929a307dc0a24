// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * How long tasks wait, for the host and for the cpu cgroup of the task:
 *
 *      runs │ blocked (D) or asleep (S) │ runnable, waits for a CPU │ runs │
 *           ▲ left                  woken                  arrived  ▲      ▲ left: both waits are counted
 *
 * The kernel itself notes what a task has waited for CPUs and when it was last switched in, by the clock of
 * the CPU's run queue (kernel/sched/stats.h, CONFIG_SCHED_INFO). So wake-ups need no program, no clock is
 * read, and a wait in which the task was moved to another CPU is one wait. What the program remembers of a
 * task are these numbers as they were when it last left a CPU. A wait is counted when the run that ended it
 * is over; under a load that makes others wait, that is a few milliseconds.
 *
 * Linux >= 5.9 with CONFIG_FAIR_GROUP_SCHED, and CONFIG_SCHED_INFO, which TASK_DELAY_ACCT and SCHEDSTATS
 * select.
 */
#include "cgroup_counters.h"
#include "iterator.h"
#include "kernel/runqueue.h"
#include "task_data.h"

COLLECTOR_DOC("How long tasks wait for a CPU, are blocked or asleep, on the host and in each container");
QUESTION(
    "How long do tasks wait for a CPU, for a disk or for work, and which run or are blocked now, on the host "
    "and in each container?");
KERNEL("5.10 with CONFIG_SCHED_INFO and CONFIG_FAIR_GROUP_SCHED");
FALSE_POSITIVES(
    "The time a container is throttled by its own CPU quota is in its waits, and a task of low weight waits "
    "by intention. A virtual CPU that the hypervisor does not run makes no wait here. A wait is counted when "
    "the run after it ends. Interruptible sleep is mostly that of tasks that have nothing to do");

#define MAX_TASKS 32768
/* Of each CPU 320 bytes for each, taken when the object is loaded. */
#define MAX_CGROUPS 2048
#define ZONES	    "zone 0 is below 10 ms, 1 below 20 ms, 2 below 50 ms, 3 the rest."

struct host_waits {
	struct time_histogram runnable HISTOGRAM("huatuo_runqueue_wait_seconds",
						 "Time runnable tasks waited for a CPU.");
	struct time_histogram
	    blocked HISTOGRAM("huatuo_blocked_wait_seconds",
			      "Time tasks were in uninterruptible sleep (D) until they were woken.");
	struct time_histogram
	    asleep HISTOGRAM("huatuo_interruptible_wait_seconds",
			     "Time tasks were in interruptible sleep (S) until they were woken.");
	u64 zones[4] COUNTER("huatuo_bamai_runqlat_latency", "Waits of runnable tasks for a CPU; " ZONES)
	    EACH("zone");
};
PERCPU_SLOT(host, struct host_waits);

struct cgroup_waits {
	struct coarse_time_histogram
	    runnable HISTOGRAM("huatuo_container_runqueue_wait_seconds",
			       "Time the container's runnable tasks waited for a CPU.");
	struct coarse_time_histogram blocked
	    HISTOGRAM("huatuo_container_blocked_wait_seconds",
		      "Time the container's tasks were in uninterruptible sleep (D) until they were woken.");
	struct coarse_time_histogram asleep
	    HISTOGRAM("huatuo_container_interruptible_wait_seconds",
		      "Time the container's tasks were in interruptible sleep (S) until they were woken.");
	u64 zones[4] COUNTER("huatuo_bamai_runqlat_container_latency",
			     "Waits of the container's runnable tasks for a CPU; " ZONES) EACH("zone");
};
CGROUP_COUNTERS(cgroups, cpu, struct cgroup_waits, MAX_CGROUPS);

/* How a task left its CPU. A state that is neither, such as that of an idle kernel thread, is no wait. */
enum leaving { RUNNABLE_OR_OTHER, BLOCKED, ASLEEP };

struct task_times {
	u64 left_ns;
	u64 run_delay_ns;
	u32 arrivals;
	u32 left_as; /* enum leaving */
};
TASK_DATA(times, struct task_times, MAX_TASKS);

static __always_inline u32 zone_of(u64 waited_ns)
{
	if (waited_ns < 10000000)
		return 0;
	if (waited_ns < 20000000)
		return 1;
	return waited_ns < 50000000 ? 2 : 3;
}

/*
 * A task that is preempted on its way into sleep goes on when it has a CPU again. One that is woken on its
 * way (TASK_WAKING) has slept for less than a switch takes, which is not counted.
 */
static __always_inline u32 leaves_as(struct task_struct *task, bool preempted)
{
	u32 state = task_state(task);

	if (preempted)
		return RUNNABLE_OR_OTHER;
	if (state_is_blocked(state))
		return BLOCKED;
	return state & TASK_INTERRUPTIBLE ? ASLEEP : RUNNABLE_OR_OTHER;
}

/* Interrupts are off: no other program counts on this CPU meanwhile. */
static __always_inline void count_waits(struct task_struct *task, u64 waited_ns, u64 slept_ns, u32 left_as)
{
	struct host_waits *of_host = slot_of(&host);
	struct cgroup *directory;
	cpu_cgroup_id cgroup = task_cpu_cgroup_found(task, &directory);
	/* Looked for before anything is counted: the verifier follows its way up to the root for each way
	 * there. */
	struct cgroup_waits *of_cgroup = cgroups_of(&cgroup, directory);
	u32 zone = zone_of(waited_ns);

	if (of_host) {
		of_host->zones[zone]++;
		histogram_add_alone(&of_host->runnable, waited_ns);
		if (left_as == BLOCKED)
			histogram_add_alone(&of_host->blocked, slept_ns);
		else if (left_as == ASLEEP)
			histogram_add_alone(&of_host->asleep, slept_ns);
	}
	if (of_cgroup) {
		of_cgroup->zones[zone]++;
		coarse_histogram_add_alone(&of_cgroup->runnable, waited_ns);
		if (left_as == BLOCKED)
			coarse_histogram_add_alone(&of_cgroup->blocked, slept_ns);
		else if (left_as == ASLEEP)
			coarse_histogram_add_alone(&of_cgroup->asleep, slept_ns);
	}
}

SEC("tp_btf/sched_switch")
int BPF_PROG(task_switched, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct task_struct___scheduled *scheduled = (void *)prev;
	u64 run_delay_ns, waited_ns;
	s64 asleep_ns;
	struct task_times *of;
	u32 arrivals;

	/* The idle tasks share id 0 and never wait. */
	if (prev->pid == 0)
		return 0;
	of = times_of(prev);
	if (!of)
		return 0;
	arrivals = prev->sched_info.pcount;
	run_delay_ns = prev->sched_info.run_delay;
	/* Any other number: it was not seen when it left, or the kernel did not note the wait. */
	if (arrivals == of->arrivals + 1) {
		waited_ns = run_delay_ns - of->run_delay_ns;
		/* Clocks of two run queues may differ. */
		asleep_ns = prev->sched_info.last_arrival - of->left_ns - waited_ns;
		count_waits(prev, waited_ns, asleep_ns > 0 ? asleep_ns : 0, of->left_as);
	}
	of->left_ns = scheduled->se.cfs_rq->rq->clock;
	of->run_delay_ns = run_delay_ns;
	of->arrivals = arrivals;
	of->left_as = leaves_as(prev, preempt);
	return 0;
}

/* What the iterator answers: tasks that make up the load, and processes that have ended and are not reaped.
 */
enum task_kind { RUNNING_TASK, BLOCKED_TASK, ZOMBIE };
struct counted_task {
	cpu_cgroup_id cgroup;
	u32 kind; /* enum task_kind */
	u32 _pad;
};

static __always_inline bool is_counted(struct task_struct *task, u32 *kind)
{
	if (task->exit_state) {
		*kind = ZOMBIE;
		return task->exit_state == EXIT_ZOMBIE && task->pid == task->tgid;
	}
	*kind = task_is_runnable(task) ? RUNNING_TASK : BLOCKED_TASK;
	return *kind == RUNNING_TASK || state_is_blocked(task_state(task));
}

SEC("iter/task")
int counted_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct counted_task counted = {};

	if (!task || !is_counted(task, &counted.kind))
		return 0;
	counted.cgroup = task_cpu_cgroup(task);
	iterator_write(ctx, &counted);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
