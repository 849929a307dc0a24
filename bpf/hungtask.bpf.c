// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The kernel's hung-task detector (khungtaskd) has found a task in uninterruptible sleep (state D) that was
 * not scheduled for kernel.hung_task_timeout_secs. It reports the task again at every check; one document for
 * each of these would say the same again and again, so the times between documents of one hang grow
 * threefold.
 *
 *   sched_process_hang ──► document of the hung task ──► its collector asks for the others
 *                                                              │
 *   iter/task, once for each task <─────────────────────────────┘
 *        └── in state D, and not reported itself ──► document of a task that waits too
 *
 * Who hangs is often not who is at fault: the others show who holds the lock, and which disk no longer
 * answers.
 *
 * Where the kernel does not look (kernel.hung_task_timeout_secs is 0, or it was built without the detector),
 * the collector has stuck_tasks() look from time to time, by the same measure: a task in state D that was not
 * scheduled since it was first seen, `threshold_ns` ago.
 */
#include "cgroup_counters.h"
#include "event.h"
#include "iterator.h"
#include "kernel/lock.h"
#include "ratelimit.h"
#include "stack.h"

#define MAX_HANGS   1024
#define MAX_WAITS   4096
#define MAX_CGROUPS 4096

enum hang_role {
	hung,	/* the detector has reported it */
	waiting /* it was in state D when another one was reported */
};

enum hang_detector { not_hung, kernel, agent };

struct hungtask_event {
	ktime_ns time DOC("When the hang was reported, or the other task was looked at");
	cpu_cgroup_id cgroup_id DOC("cpu cgroup of the task");
	hex64 snapshot_id OPTIONAL DOC(
	    "The same in the document of a hang and in those of the tasks that waited "
	    "at that moment");
	dur_ns reported_for_ns OPTIONAL DOC("Time since the first report of this hang; the task waits for "
					    "hung_task_timeout_secs, or the threshold, longer");
	dur_ns waited_ns OPTIONAL DOC("agent: for how long it has been seen waiting, without having run");
	kaddr lock_addr OPTIONAL
	    DOC("Lock it waits for, where the kernel notes that; the same for all its waiters");
	enum hang_role
	    role DOC("hung: it was reported; waiting: it was in uninterruptible sleep when another "
		     "one was reported");
	enum hang_detector
	    detected_by OPTIONAL DOC("Of one that is hung, who has reported it: the kernel, or the "
				     "agent where the kernel does not look");
	enum lock_kind lock_kind OPTIONAL DOC("Kind of that lock");
	pid_nr
	    lock_holder_tid OPTIONAL DOC("Thread that holds it; absent when readers do, or it is not known");
	comm_t lock_holder_comm OPTIONAL DOC("Its name");
	pid_nr pid DOC("Process");
	pid_nr tid DOC("Thread that waits");
	count32 reports_count OPTIONAL JSON("reports") DOC("Reports of this hang, this one included");
	comm_t comm DOC("Its name");
	bool8 in_iowait DOC("Whether it counts as waiting for I/O");
	u8 _pad[3];
	kstack_t stack DOC("Its kernel stack, innermost first");
} DOC("A task has been in uninterruptible sleep for longer than kernel.hung_task_timeout_secs, or where that "
      "is "
      "0 than the threshold, or waited uninterruptibly while another one did") SEVERITY(warning) SCHEMA(1);
EVENT_RING(hungtask_event, 1 << 18);
QUESTION("Which tasks hang in uninterruptible sleep, where, on which lock, who holds it, and which other "
	 "tasks wait at that moment, with their containers?");
KERNEL("5.10; the kernel's own detector with CONFIG_DETECT_HUNG_TASK, otherwise the agent looks; locks and "
       "their holders since 6.16 with CONFIG_DETECT_HUNG_TASK_BLOCKER");
FALSE_POSITIVES(
    "A disk or a file system on the network that is slow and not broken makes tasks hang just so; a task may "
    "also wait by intention, and no one can tell. Not seen: waits that a fatal signal ends (TASK_KILLABLE), "
    "such as most of NFS, and of the 4,096 that the agent follows where the kernel does not, those beyond");

OPTION(u64, max_events_per_second_per_cpu, 10,
       "Hung tasks beyond this rate are counted as rate limited, not written, 0 is no limit");
OPTION(u64, threshold_ns, 120000000000,
       "How long a task waits before the agent reports it, where the kernel does not look for hung tasks");
OPTION(u64, max_waiting_tasks, 64,
       "Documents of tasks that wait while another one hangs; the rest is counted");

u64 reports COUNTER("huatuo_bamai_hungtask_total",
		    "Reports of hung tasks, whether there is a document or not.");
u64 waiting_tasks_cut COUNTER("huatuo_hungtask_waiting_tasks_cut_total",
			      "Tasks that waited while another one hung, and for which there was no document "
			      "because they were too many.");

struct cgroup_hangs {
	u64 reports COUNTER("huatuo_container_hung_tasks_total", "Reports of hung tasks of the container.");
};
CGROUP_COUNTERS(cgroups, cpu, struct cgroup_hangs, MAX_CGROUPS);

/* One hang lasts for as long as its task is not switched to. */
struct hang {
	u64 switches;
	u64 first_ns;
	u64 next_ns;
	u64 reports;
	u64 documents;
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_HANGS);
	__type(key, u32);
	__type(value, struct hang);
} hangs SEC(".maps");

static __always_inline void fill_task(struct hungtask_event *event, struct task_struct *task)
{
	struct awaited_lock lock = {};

	event->cgroup_id = read_task_cpu_cgroup(task);
	event->pid = BPF_CORE_READ(task, tgid);
	event->tid = BPF_CORE_READ(task, pid);
	BPF_CORE_READ_STR_INTO(&event->comm, task, comm);
	event->in_iowait = BPF_CORE_READ_BITFIELD_PROBED(task, in_iowait);
	read_awaited_lock(task, &lock);
	event->lock_addr = lock.addr;
	event->lock_kind = lock.kind;
	event->lock_holder_tid = lock.holder_tid;
	__builtin_memcpy(event->lock_holder_comm, lock.holder_comm, sizeof(lock.holder_comm));
	bpf_get_task_stack(task, event->stack, sizeof(event->stack), 0);
}

static __always_inline int hang_found(struct task_struct *task, enum hang_detector detector, u64 waited_ns)
{
	u64 now = bpf_ktime_get_boot_ns(), switches = switches_of(task);
	struct cgroup *directory;
	cpu_cgroup_id cgroup = task_cpu_cgroup_found(task, &directory);
	u32 tid = BPF_CORE_READ(task, pid);
	struct hang fresh = {.switches = switches, .first_ns = now, .next_ns = now};
	struct cgroup_hangs *of_cgroup;
	struct hungtask_event *event;
	struct hang *hang;

	__sync_fetch_and_add(&reports, 1);
	of_cgroup = cgroups_of(&cgroup, directory);
	if (of_cgroup)
		of_cgroup->reports++;

	hang = bpf_map_lookup_elem(&hangs, &tid);
	if (!hang || hang->switches != switches) {
		bpf_map_update_elem(&hangs, &tid, &fresh, BPF_ANY);
		hang = bpf_map_lookup_elem(&hangs, &tid);
		if (!hang)
			return 0;
	}
	hang->reports++;
	if (now < hang->next_ns) {
		event_rate_limited();
		return 0;
	}
	if (!rate_allows(now, max_events_per_second_per_cpu))
		return 0;
	hang->next_ns = now + 2 * (now - hang->first_ns);
	event = event_begin(struct hungtask_event);
	if (!event)
		return 0;
	event->role = hung;
	event->detected_by = detector;
	event->waited_ns = waited_ns;
	event->reported_for_ns = now - hang->first_ns;
	event->reports_count = hang->reports;
	hang->documents++;
	fill_task(event, task);
	event_submit_urgent(event);
	return 0;
}

SEC("?tp_btf/sched_process_hang")
int BPF_PROG(task_hangs, struct task_struct *task)
{
	return hang_found(task, kernel, 0);
}

/* include/linux/sched.h: a wait that a fatal signal ends. */
#define TASK_WAKEKILL 0x100

/* A task that was in state D at the last look, by its id. */
struct seen_wait {
	u64 switches;
	u64 seen_ns;
	u64 reported_ns; /* at first as seen_ns */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, MAX_WAITS);
	__type(key, u32);
	__type(value, struct seen_wait);
} seen_waits SEC(".maps");

/* kernel/hung_task.c check_hung_task(): it too reports a hang again after the same time. */
SEC("?iter/task")
int stuck_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct seen_wait *seen, fresh = {};
	u64 now = bpf_ktime_get_ns();
	u32 state, tid;

	if (!task)
		return 0;
	state = task_state(task);
	if (!state_is_blocked(state) || state & TASK_WAKEKILL)
		return 0;
	tid = task->pid;
	fresh.switches = switches_of(task);
	seen = bpf_map_lookup_elem(&seen_waits, &tid);
	if (!seen || seen->switches != fresh.switches) {
		fresh.seen_ns = fresh.reported_ns = now;
		bpf_map_update_elem(&seen_waits, &tid, &fresh, BPF_ANY);
		return 0;
	}
	if (now - seen->reported_ns < threshold_ns)
		return 0;
	seen->reported_ns = now;
	return hang_found(task, agent, now - seen->seen_ns);
}

/* What the iterator answers, behind the last task. */
struct snapshot {
	u64 id;
	u32 waiting_tasks;
	u32 cut_tasks;
};
/* One run at a time: the collector waits for its end. */
static struct snapshot snapshot;
static u32 written_tasks;

static __always_inline bool has_own_document(struct task_struct *task)
{
	u32 tid = task->pid;
	struct hang *hang = bpf_map_lookup_elem(&hangs, &tid);

	return hang && hang->documents > 0 && hang->switches == switches_of(task);
}

SEC("?iter/task")
int waiting_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct hungtask_event *event;

	if (ctx->meta->seq_num == 0) {
		snapshot.id = ctx->meta->session_id;
		snapshot.waiting_tasks = 0;
		snapshot.cut_tasks = 0;
		written_tasks = 0;
	}
	if (!task) {
		iterator_write(ctx, &snapshot);
		return 0;
	}
	if (!state_is_blocked(task_state(task)))
		return 0;
	snapshot.waiting_tasks++;
	if (has_own_document(task))
		return 0;
	if (written_tasks >= max_waiting_tasks) {
		snapshot.cut_tasks++;
		__sync_fetch_and_add(&waiting_tasks_cut, 1);
		return 0;
	}
	written_tasks++;
	event = event_begin(struct hungtask_event);
	if (!event)
		return 0;
	event->role = waiting;
	event->snapshot_id = snapshot.id;
	fill_task(event, task);
	event_submit(event);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
