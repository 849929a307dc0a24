// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * A CPU that took no interrupts, or did not switch to another task, for milliseconds, and who held it.
 *
 * A CPU that runs something has a tick, CONFIG_HZ times a second. Everything here is seen from it:
 *
 *     due     comes                          asked    ticks     over
 *      ├─ late ─┤                              ├──┬──┬──┬──┬──┤
 *      interrupts are held off                 scheduling is held off
 *
 * interrupts: the tick is a timer, which says itself when it is due. When it comes later, the CPU took no
 * interrupts meanwhile. It comes as soon as they are let in again, so what it interrupts is the code that
 * had turned them off. Or other handlers of interrupts were served before it, and what these have
 * interrupted has nothing to do with it. So handlers of devices and callbacks of timers are timed: where
 * they fill most of the time until the tick, the one that took longest is named. Inter-processor calls are
 * not timed, there may be too many: where no frame of the stack turns interrupts on, it was one.
 *
 * scheduling: ticks come, but the task that was told to make room for another one (TIF_NEED_RESCHED) does
 * not, from one tick to the next. Preemption is off, a softirq does not end, or a kernel without preemption
 * is on a long way without cond_resched().
 *
 * What a softirq or an interrupt does is on the account of the task it has interrupted: the stack tells.
 *
 * Idle CPUs give no false positives: a tick that is stopped is not due, and the idle task keeps none
 * waiting. A tick is late there, too, because it takes time to wake up; that is counted, and no event, unless
 * a handler was the cause. Counted as well, and subtracted, is what the hypervisor ran instead, where it
 * reports that (steal time).
 *
 * False positives: a virtual machine that was stopped, or whose hypervisor reports no steal time; firmware
 * (SMM). Not seen: what is shorter than until the next tick; CPUs without a tick (nohz_full, in user mode);
 * kernels without high-resolution timers (highres=off), whose ticks pass no tracepoint. What never lets the
 * CPU switch again has no document here: see softlockup.bpf.c.
 *
 * Linux >= 5.10; scheduling with CONFIG_THREAD_INFO_IN_TASK, on arm64 before 6.18.
 */
#include "cgroup_counters.h"
#include "event.h"
#include "kernel/current_task.h"
#include "kernel/interrupt.h"
#include "kernel/need_resched.h"
#include "kernel/runqueue.h"
#include "ratelimit.h"
#include "stack.h"

#define MAX_CGROUPS 4096

enum gap_kind { interrupts, scheduling };
#define GAP_KINDS 2
enum gap_culprit { code, interrupt_handler, timer_callback };

struct sched_tick_event {
	ktime_ns time DOC("interrupts: when they were let in again; scheduling: when the end was seen");
	dur_ns held_off_ns DOC("interrupts: from when the tick was due until it came; scheduling: from the "
			       "first to the last tick at which the CPU ought to have switched; without "
			       "what the hypervisor took");
	cpu_cgroup_id cgroup_id OPTIONAL
	    DOC("cpu cgroup of the task that was on the CPU, when its code has held off what came");
	dur_ns threshold_ns DOC("The limit in force when the event was made");
	dur_ns stolen_ns DOC("What the hypervisor took meanwhile");
	dur_ns handler_ns OPTIONAL DOC("How long the handler took");
	kframe_t handler OPTIONAL DOC("Handler or callback that took longest, when these have held it off");
	enum gap_kind kind DOC("What was held off");
	enum gap_culprit held_by DOC("code: what the stack shows; else the handler");
	index32 irq OPTIONAL DOC("Number of the interrupt that was handled, as in /proc/interrupts");
	cpu_nr cpu DOC("The CPU");
	pid_nr pid DOC("Process that was on it");
	pid_nr tid DOC("Its thread");
	text16_t irq_name OPTIONAL DOC("Whose interrupt it is, as in /proc/interrupts");
	comm_t comm DOC("Name of the thread");
	kstack_t stack DOC("Kernel stack, innermost first. It begins with the tick's own interrupt; below is "
			   "what it has interrupted");
	ustack_t user_stack DOC("Its user stack: the system call it is in");
} DOC("A CPU took no interrupts, or did not switch to another task, for longer than the threshold")
    SEVERITY(warning) SCHEMA(1);
EVENT_RING(sched_tick_event, 1 << 18);
QUESTION(
    "Which CPUs took no interrupts, or did not switch to another task, for milliseconds: because of which "
    "code, of which task, whose, or because of which handler of a device or timer? How late ticks are");
KERNEL("5.10 with high-resolution timers; what holds off switches with CONFIG_THREAD_INFO_IN_TASK, on arm64 "
       "before 6.18");
FALSE_POSITIVES(
    "A virtual machine that was stopped, or whose hypervisor reports no steal time; firmware (SMM). "
    "When an inter-processor call took long, the code it has interrupted is blamed. A task that is chosen "
    "again, and asked to make room just before each tick. Not seen: what is shorter than until the next "
    "tick, and "
    "CPUs without one (nohz_full, in user mode)");

OPTION(u64, threshold_ns, 10000000, "Times without interrupts at least this long become events");
OPTION(u64, scheduling_threshold_ns, 50000000,
       "Times at least this long in which a CPU ought to switch and does not become events");
OPTION(u64, max_events_per_second_per_cpu, 10,
       "Events beyond this rate are counted as rate limited, not written, 0 is no limit");

METRIC_ARRAY(gaps, "kind", gap_kind, u64, GAP_KINDS)
COUNTER("huatuo_tick_gaps_total",
	"Times at least as long as the thresholds in which a CPU took no interrupts, or did not switch.");
u64 stolen_ticks COUNTER("huatuo_ticks_late_by_hypervisor_total",
			 "Ticks that were late because the hypervisor ran something else; no events.");
u64 idle_ticks COUNTER("huatuo_ticks_late_in_idle_total",
		       "Ticks that were late because the CPU idled and had to wake up; no events.");
PERCPU_SLOT(tick_delays, struct time_histogram)
HISTOGRAM("huatuo_tick_delay_seconds", "How late ticks were.");
PERCPU_SLOT(holds, struct time_histogram)
HISTOGRAM("huatuo_scheduling_held_off_seconds",
	  "How long CPUs that ought to switch did not, when that was for a tick at least.");

struct cgroup_gaps {
	u64 interrupts
	    COUNTER("huatuo_container_interrupts_held_off_total",
		    "Times without interrupts of which code of the container's tasks was the cause.");
	u64 scheduling
	    COUNTER("huatuo_container_scheduling_held_off_total",
		    "Times in which a task of the container ought to have made room, and did not.");
};
CGROUP_COUNTERS(cgroups, cpu, struct cgroup_gaps, MAX_CGROUPS);

/* Handlers of interrupts that followed each other with less than this in between are one run. */
#define RUN_GAP_NS 100000

/* Touched with interrupts off on its own CPU. */
struct cpu_watch {
	/* The hard timer whose callback runs. */
	u64 timer;
	u64 function;
	u64 started_ns;
	/* The device's handler that runs. */
	u64 irq_started_ns;
	/* The last run of handlers, and the one that took longest of it. */
	u64 run_started_ns;
	u64 run_ended_ns;
	u64 longest_ns;
	u64 longest_function;
	u32 longest_irq;
	enum gap_culprit longest_kind;
	text16_t longest_name;
	/* By how much the tick that is being handled was late, and what the hypervisor had taken before it.
	 */
	u64 late_ns;
	u64 stolen_ns;
	/* When a tick has found the task asked, 0: it was not; and who that was. */
	u64 asked_ns;
	u64 asked_switches;
	u64 asked_stolen_ns;
	/* For how long it has not heard, as of the last tick. */
	u64 held_ns;
	u64 held_stolen_ns;
	u32 asked_tid;
	/* Whether `held` has what is known of it. */
	u32 is_described;
};
PERCPU_SLOT(watches, struct cpu_watch);

/* Of a hold that lasts: the event it becomes. */
PERCPU_SLOT(held, struct sched_tick_event);

/* The tick's callback: since Linux 6.9, and before. */
extern const void tick_nohz_handler __ksym __weak;
extern const void tick_sched_timer __ksym __weak;

#define is_tick(function) ((function) == (u64)&tick_nohz_handler || (function) == (u64)&tick_sched_timer)

/* Whether the task that runs is the CPU's idle task. */
static __always_inline bool is_idle(void)
{
	return (u32)bpf_get_current_pid_tgid() == 0;
}

/* What the hypervisor took of this CPU, as of the last tick. */
static __always_inline u64 stolen_until_now(struct task_struct___scheduled *task)
{
	if (!bpf_core_field_exists(((struct rq *)0)->prev_steal_time))
		return 0;
	return BPF_CORE_READ(task, se.cfs_rq, rq, prev_steal_time);
}

static __always_inline void count_gap(enum gap_kind kind)
{
	u64 *count = metric_at(&gaps, kind);

	if (count)
		*count += 1;
}

static __always_inline void count_for_cgroup(enum gap_kind kind)
{
	struct cgroup *directory;
	cpu_cgroup_id cgroup = current_cpu_cgroup_found(&directory);
	struct cgroup_gaps *of_cgroup = cgroups_of(&cgroup, directory);

	if (!of_cgroup)
		return;
	if (kind == interrupts)
		of_cgroup->interrupts++;
	else
		of_cgroup->scheduling++;
}

static __always_inline void describe_task(void *ctx, struct sched_tick_event *event)
{
	event->cgroup_id = read_current_cpu_cgroup();
	event->cpu = bpf_get_smp_processor_id();
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->tid = bpf_get_current_pid_tgid();
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	kernel_stack(ctx, event->stack);
	user_stack(ctx, event->user_stack);
}

/* ---- Handlers */

/* True: it took longer than the others of its run. */
static __always_inline bool handler_has_run(struct cpu_watch *watch, u64 started_ns, u64 function)
{
	u64 now = bpf_ktime_get_ns(), took_ns = now - started_ns;

	if (started_ns - watch->run_ended_ns > RUN_GAP_NS) {
		watch->run_started_ns = started_ns;
		watch->longest_ns = 0;
	}
	watch->run_ended_ns = now;
	if (took_ns <= watch->longest_ns)
		return false;
	watch->longest_ns = took_ns;
	watch->longest_function = function;
	return true;
}

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(irq_handler_began)
{
	struct cpu_watch *watch = slot_of(&watches);

	if (watch)
		watch->irq_started_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(irq_handler_ended, int irq, struct irqaction *action)
{
	struct cpu_watch *watch = slot_of(&watches);

	/* It began before the program was attached. */
	if (!watch || !watch->irq_started_ns)
		return 0;
	if (!handler_has_run(watch, watch->irq_started_ns, (u64)action->handler))
		return 0;
	watch->longest_kind = interrupt_handler;
	watch->longest_irq = irq;
	watch->longest_name[0] = 0;
	/* Its name costs as much as all the rest. */
	if (watch->longest_ns * 2 >= threshold_ns)
		bpf_probe_read_kernel_str(watch->longest_name, sizeof(watch->longest_name), action->name);
	return 0;
}

/* ---- Interrupts */

/* Whether handlers fill most of the time before the tick. */
static __always_inline bool was_kept_by_handlers(struct cpu_watch *watch)
{
	u64 due_ns = watch->started_ns - watch->late_ns;
	u64 began_ns = watch->run_started_ns > due_ns ? watch->run_started_ns : due_ns;

	return watch->run_ended_ns > began_ns && (watch->run_ended_ns - began_ns) * 2 >= watch->late_ns;
}

/* At the end of the tick's callback: it has looked what the hypervisor took. */
static __always_inline void tick_was_late(void *ctx, struct cpu_watch *watch)
{
	struct task_struct___scheduled *task = current_task_address();
	u64 stolen_ns = stolen_until_now(task) - watch->stolen_ns;
	bool by_handlers = was_kept_by_handlers(watch);
	struct sched_tick_event *event;

	if (watch->late_ns < threshold_ns + stolen_ns) {
		__sync_fetch_and_add(&stolen_ticks, 1);
		return;
	}
	if (is_idle() && !by_handlers) {
		__sync_fetch_and_add(&idle_ticks, 1);
		return;
	}
	count_gap(interrupts);
	if (!by_handlers)
		count_for_cgroup(interrupts);
	if (!rate_allows(bpf_ktime_get_boot_ns(), max_events_per_second_per_cpu))
		return;
	event = event_begin(struct sched_tick_event);
	if (!event)
		return;
	event->held_off_ns = watch->late_ns - stolen_ns;
	event->threshold_ns = threshold_ns;
	event->stolen_ns = stolen_ns;
	describe_task(ctx, event);
	if (by_handlers) {
		event->cgroup_id = 0;
		event->held_by = watch->longest_kind;
		event->handler = watch->longest_function;
		event->handler_ns = watch->longest_ns;
		if (watch->longest_kind == interrupt_handler) {
			event->irq = watch->longest_irq;
			__builtin_memcpy(event->irq_name, watch->longest_name, sizeof(event->irq_name));
		}
	}
	event_submit(event);
}

/* ---- Scheduling */

/* It becomes an event, if it was long enough. */
static __always_inline void end_hold(struct cpu_watch *watch)
{
	struct sched_tick_event *event, *described = slot_of(&held);
	struct time_histogram *lengths = slot_of(&holds);

	if (watch->held_ns && lengths)
		histogram_observe(lengths, watch->held_ns);
	watch->asked_ns = 0;
	if (!watch->is_described || !described)
		return;
	watch->is_described = 0;
	if (!rate_allows(bpf_ktime_get_boot_ns(), max_events_per_second_per_cpu))
		return;
	event = event_reserve(struct sched_tick_event);
	if (!event)
		return;
	for (u32 i = 0; i < sizeof(*event) / 8; i++)
		((u64 *)event)[i] = ((u64 *)described)[i];
	event->time = bpf_ktime_get_boot_ns();
	event->held_off_ns = watch->held_ns;
	event->stolen_ns = watch->held_stolen_ns;
	event_submit(event);
}

/* At the first tick beyond the threshold, while the code is there to be seen. */
static __always_inline void describe_hold(void *ctx, struct cpu_watch *watch)
{
	struct sched_tick_event *described = slot_of(&held);

	if (!described)
		return;
	event_clear(described);
	described->threshold_ns = scheduling_threshold_ns;
	described->kind = scheduling;
	describe_task(ctx, described);
	watch->is_described = 1;
	count_gap(scheduling);
	count_for_cgroup(scheduling);
}

/*
 * Whether what a tick has found asked for is still the same request: whether the task is the same, and was
 * not switched out. One that is chosen again has the flag cleared meanwhile, and would have to be asked anew
 * before each tick to be taken for one that does not hear.
 */
static __always_inline bool is_same_request(struct cpu_watch *watch, struct task_struct___scheduled *task)
{
	return watch->asked_tid == (u32)bpf_get_current_pid_tgid() &&
	       watch->asked_switches == switches_of(task);
}

/* When a tick begins, and has not yet asked for anything itself. */
static __always_inline void look_whether_heard(void *ctx, struct cpu_watch *watch)
{
	struct task_struct___scheduled *task = current_task_address();
	u64 passed_ns, stolen_ns;

	if (!watch->asked_ns)
		return;
	if (!ought_to_switch(task) || !is_same_request(watch, task)) {
		end_hold(watch);
		return;
	}
	passed_ns = watch->started_ns - watch->asked_ns;
	stolen_ns = stolen_until_now(task) - watch->asked_stolen_ns;
	watch->held_stolen_ns = stolen_ns < passed_ns ? stolen_ns : passed_ns;
	watch->held_ns = passed_ns - watch->held_stolen_ns;
	if (watch->held_ns >= scheduling_threshold_ns && !watch->is_described)
		describe_hold(ctx, watch);
}

/* When it ends, and may have asked. */
static __always_inline void look_whether_asked(struct cpu_watch *watch)
{
	struct task_struct___scheduled *task = current_task_address();

	if (watch->asked_ns || is_idle() || !ought_to_switch(task))
		return;
	watch->asked_ns = bpf_ktime_get_ns();
	watch->asked_stolen_ns = stolen_until_now(task);
	watch->held_ns = 0;
	watch->asked_tid = bpf_get_current_pid_tgid();
	watch->asked_switches = switches_of(task);
}

/* The CPU idles, and there may be no tick for long. */
SEC("?tp_btf/tick_stop")
int BPF_PROG(tick_is_stopped)
{
	struct cpu_watch *watch = slot_of(&watches);

	if (watch && watch->asked_ns && is_idle())
		end_hold(watch);
	return 0;
}

/* ---- Timers */

/* Timers that run as a softirq hold off no interrupts. The others are served one after the other. */
SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(timer_callback_began, struct hrtimer *timer)
{
	struct cpu_watch *watch;
	s64 late_ns;

	if (timer->is_soft)
		return 0;
	watch = slot_of(&watches);
	if (!watch)
		return 0;
	watch->timer = (u64)timer;
	watch->function = (u64)timer->function;
	watch->started_ns = bpf_ktime_get_ns();
	if (!is_tick(watch->function))
		return 0;
	late_ns = watch->started_ns - timer->node.expires;
	watch->late_ns = late_ns > 0 ? late_ns : 0;
	if (watch->late_ns >= threshold_ns)
		watch->stolen_ns = stolen_until_now(current_task_address());
	look_whether_heard(ctx, watch);
	return 0;
}

/* The timer may be gone by now: its address is compared, and nothing of it is read. */
SEC("tp_btf/hrtimer_expire_exit")
int BPF_PROG(timer_callback_ended, u64 timer)
{
	struct cpu_watch *watch = slot_of(&watches);
	struct time_histogram *delays;

	if (!watch || watch->timer != timer)
		return 0;
	watch->timer = 0;
	if (!is_tick(watch->function)) {
		if (handler_has_run(watch, watch->started_ns, watch->function))
			watch->longest_kind = timer_callback;
		return 0;
	}
	delays = slot_of(&tick_delays);
	if (delays)
		histogram_observe(delays, watch->late_ns);
	if (watch->late_ns >= threshold_ns)
		tick_was_late(ctx, watch);
	look_whether_asked(watch);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
