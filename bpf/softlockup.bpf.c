// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * A CPU that ought to switch to another task and does not, for seconds: something in the kernel loops, holds
 * a spinlock, or serves one softirq after the other.
 *
 * The kernel's own watchdog says so after 2 * kernel.watchdog_thresh, 20 s, when everything else has felt it
 * already. The program here looks at each CPU a few times a second. A CPU is locked up when, at every look
 * for `threshold_ns`,
 *
 *   - another task waits for it: one is on its run queue beside the one that runs. Beside a real-time task
 *     others may wait for long, so there it must be the stopper, which goes before all and by which the
 *     kernel's watchdog tries whether the CPU switches;
 *   - it has not switched: the task is the same, and has been switched out as often as before;
 *   - it was interrupted in the kernel. From user mode it could switch on the way back from this very
 *     interrupt.
 *
 * So it does not matter how the kernel preempts, whether preemption is off there or a cond_resched() is
 * missing, and what else is busy does not look like it. On a CPU that idles no task waits. A task that
 * computes alone on its CPU, in user mode or in the kernel, keeps no task waiting; when one comes, it is
 * preempted within a time slice. That no switch was made would not tell these apart: a CPU with one task on
 * it switches only for the kernel's watchdog, each 4 s, and never where that is off. need_resched would be as
 * good as a waiting task, but on x86 no program can see it where the kernel has no symbols of its data
 * (CONFIG_KALLSYMS_ALL).
 *
 * False positives: a task that spends all its time in one system call beside another one of less than a
 * thousandth of its weight, which gets its slice only after seconds. Not seen: a CPU with interrupts off runs
 * no program (a hard lockup, for the kernel's NMI watchdog). Time without a look counts as one second at
 * most: a virtual machine that was stopped was not locked up meanwhile.
 *
 *   look ───► begun, goes_on at 2, 4, 8 … times the threshold, over       one episode of one CPU
 *   printk ─► the kernel's own report, as one more document of it
 *
 * Linux >= 5.8 with CONFIG_FAIR_GROUP_SCHED.
 */
#include "cgroup_counters.h"
#include "event.h"
#include "kernel/current_task.h"
#include "kernel/runqueue.h"
#include "ratelimit.h"
#include "sample.h"
#include "stack.h"
#include "text.h"

#define MAX_CGROUPS 4096

enum lockup_phase { begun, goes_on, over };
enum lockup_reporter { sampler, kernel_watchdog };

struct softlockup_event {
	ktime_ns time DOC("When the CPU was looked at");
	cpu_cgroup_id cgroup_id DOC("cpu cgroup of the task that was on the CPU");
	hex64 episode_id DOC("The same in all documents of one lock-up");
	dur_ns stuck_ns DOC("For how long it has been seen like that");
	dur_ns threshold_ns DOC("The limit in force when the event was made");
	enum lockup_phase phase DOC(
	    "begun: the threshold is reached; goes_on: told again at twice the time; over: the CPU has "
	    "switched, or went back to user mode");
	enum lockup_reporter
	    reported_by DOC("sampler: by looking at the CPU; kernel_watchdog: the kernel itself, in its log");
	index32 kernel_seconds OPTIONAL DOC("What the kernel's watchdog says, in seconds");
	cpu_nr cpu DOC("The CPU");
	pid_nr pid DOC("Process that was on it");
	pid_nr tid DOC("Its thread");
	comm_t comm DOC("Its name");
	kstack_t stack DOC("Kernel stack, innermost first; of the kernel's report it begins with the "
			   "interrupt that reports");
	ustack_t user_stack DOC("Its user stack: the system call it is in");
} DOC("A CPU ought to switch to another task and does not") SEVERITY(critical) SCHEMA(1);
EVENT_RING(softlockup_event, 1 << 18);
QUESTION("Which CPUs are stuck in the kernel, after 3 s and while it lasts, with which task, whose, in which "
	 "code, and what does the kernel's own watchdog say?");
KERNEL("5.10 with CONFIG_FAIR_GROUP_SCHED, and perf events; the kernel's own words where it has the "
       "tracepoint console");
FALSE_POSITIVES("A task that spends all its time in one system call, beside one of less than a thousandth of "
		"its weight. Not seen: a CPU whose interrupts are off, and a lock-up that is shorter than a "
		"few looks. Time in which a virtual machine was stopped counts as one second at most");

SAMPLES_PER_SECOND(4);
OPTION(u64, threshold_ns, 3000000000, "Lock-ups at least this long become events");
OPTION(u64, max_events_per_second_per_cpu, 10,
       "Events beyond this rate are counted as rate limited, not written, 0 is no limit");

u64 kernel_reports COUNTER("huatuo_bamai_softlockup_total",
			   "Soft lockups that the kernel's watchdog has reported.");
u64 episodes COUNTER("huatuo_soft_lockups_total",
		     "Lock-ups of CPUs that were at least as long as the threshold.");

struct cgroup_lockups {
	u64 episodes COUNTER("huatuo_container_soft_lockups_total",
			     "Lock-ups of CPUs with a task of the container on them.");
};
CGROUP_COUNTERS(cgroups, cpu, struct cgroup_lockups, MAX_CGROUPS);

/* What one CPU was found doing at the last look. */
struct cpu_watch {
	u64 switches;
	u64 looked_ns;
	u64 stuck_ns;
	u64 episode_id;
	/* Of stuck_ns, when there is to be a document. */
	u64 due_ns;
	/* Whether it is one of `episodes`; documents may be left out. */
	u64 is_counted;
	/* Of the last document. */
	cpu_cgroup_id cgroup_id;
	u32 pid;
	u32 tid;
	comm_t comm;
	u32 documents;
	/* The thread that was on it. */
	u32 current;
};
PERCPU_SLOT(watches, struct cpu_watch);

/* include/linux/sched/prio.h */
#define MAX_RT_PRIO 100

/* Whether another task waits for this CPU, and is one that goes first or takes turns. */
static __always_inline bool is_waited_for(struct task_struct___scheduled *current, u32 tid)
{
	struct rq *rq = BPF_CORE_READ(current, se.cfs_rq, rq);

	if (BPF_CORE_READ(current, prio) < MAX_RT_PRIO)
		return BPF_CORE_READ(rq, stop, on_rq) != 0;
	/* The idle task is not on the queue. */
	return BPF_CORE_READ(rq, nr_running) > (tid ? 1 : 0);
}

/* NULL: already accounted for. */
static __always_inline struct softlockup_event *begin(struct cpu_watch *watch)
{
	struct softlockup_event *event;

	if (!rate_allows(bpf_ktime_get_boot_ns(), max_events_per_second_per_cpu))
		return 0;
	event = event_begin(struct softlockup_event);
	if (!event)
		return 0;
	event->episode_id = watch->episode_id;
	event->stuck_ns = watch->stuck_ns;
	event->threshold_ns = threshold_ns;
	event->cpu = bpf_get_smp_processor_id();
	return event;
}

/* What is on the CPU. It is remembered, for the document that says it is over. */
static __always_inline void fill_culprit(struct softlockup_event *event, struct cpu_watch *watch)
{
	watch->cgroup_id = read_current_cpu_cgroup();
	watch->pid = bpf_get_current_pid_tgid() >> 32;
	watch->tid = bpf_get_current_pid_tgid();
	bpf_get_current_comm(watch->comm, sizeof(watch->comm));
	event->phase = watch->documents++ ? goes_on : begun;
	event->cgroup_id = watch->cgroup_id;
	event->pid = watch->pid;
	event->tid = watch->tid;
	__builtin_memcpy(event->comm, watch->comm, sizeof(event->comm));
}

static __always_inline void end_episode(struct cpu_watch *watch)
{
	struct softlockup_event *event;

	if (watch->documents) {
		event = begin(watch);
		if (event) {
			event->phase = over;
			event->cgroup_id = watch->cgroup_id;
			event->pid = watch->pid;
			event->tid = watch->tid;
			__builtin_memcpy(event->comm, watch->comm, sizeof(event->comm));
			event_submit_urgent(event);
		}
	}
	watch->documents = 0;
	watch->episode_id = 0;
	watch->stuck_ns = 0;
	watch->is_counted = 0;
	watch->due_ns = threshold_ns;
}

static __always_inline void count_episode(struct cpu_watch *watch)
{
	struct cgroup *directory;
	cpu_cgroup_id cgroup = current_cpu_cgroup_found(&directory);
	struct cgroup_lockups *of_cgroup = cgroups_of(&cgroup, directory);

	watch->is_counted = 1;
	__sync_fetch_and_add(&episodes, 1);
	if (of_cgroup)
		of_cgroup->episodes++;
}

#define MAX_GAP_NS NSEC_PER_SEC

SEC("perf_event")
int cpu_looked_at(void *ctx)
{
	struct task_struct___scheduled *current = (void *)bpf_get_current_task();
	struct cpu_watch *watch = slot_of(&watches);
	u64 now = bpf_ktime_get_ns(), switches = switches_of(current), gap_ns, frame;
	u32 tid = bpf_get_current_pid_tgid();
	struct softlockup_event *event;
	bool is_due;

	if (!watch)
		return 0;
	/* In user mode there is no kernel stack. */
	is_due = is_waited_for(current, tid) && bpf_get_stack(ctx, &frame, sizeof(frame), 0) > 0;
	gap_ns = now - watch->looked_ns;
	watch->looked_ns = now;
	if (!is_due || watch->current != tid || watch->switches != switches) {
		if (watch->episode_id)
			end_episode(watch);
		watch->current = tid;
		watch->switches = switches;
		if (!is_due)
			return 0;
	}
	if (!watch->episode_id) {
		watch->episode_id = (now & ~0xfffULL) | bpf_get_smp_processor_id();
		watch->due_ns = threshold_ns;
		return 0;
	}
	watch->stuck_ns += gap_ns < MAX_GAP_NS ? gap_ns : MAX_GAP_NS;
	if (watch->stuck_ns >= threshold_ns && !watch->is_counted)
		count_episode(watch);
	if (watch->stuck_ns < watch->due_ns)
		return 0;
	event = begin(watch);
	if (!event)
		return 0;
	watch->due_ns = 2 * watch->stuck_ns;
	fill_culprit(event, watch);
	bpf_get_stack(ctx, event->stack, sizeof(event->stack), 0);
	user_stack(ctx, event->user_stack);
	event_submit_urgent(event);
	return 0;
}

/*
 * The text of a message for the console; kernel/watchdog.c: "watchdog: BUG: soft lockup - CPU#1 stuck for
 * 22s! [comm:pid]", before Linux 5.19 with a time in front. The task's name may hold anything and is not
 * looked at. What a process writes to /dev/kmsg comes here too, so the message counts only where the CPU was
 * seen like that itself: such a process is not stuck for a second.
 */
SEC("?tp_btf/console")
int BPF_PROG(kernel_has_reported, const char *text, u64 length)
{
	struct cpu_watch *watch = slot_of(&watches);
	struct softlockup_event *event;

	if (!watch || watch->stuck_ns < NSEC_PER_SEC ||
	    watch->switches != switches_of((void *)bpf_get_current_task()))
		return 0;
	skip_stamp(&text);
	if (!skip_word(&text, "watchdog: BUG: soft lockup - CPU#") ||
	    take_number(&text) != bpf_get_smp_processor_id() || !skip_word(&text, " stuck for "))
		return 0;
	__sync_fetch_and_add(&kernel_reports, 1);
	event = begin(watch);
	if (!event)
		return 0;
	fill_culprit(event, watch);
	event->reported_by = kernel_watchdog;
	event->kernel_seconds = take_number(&text);
	kernel_stack(ctx, event->stack);
	user_stack(ctx, event->user_stack);
	event_submit_urgent(event);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
