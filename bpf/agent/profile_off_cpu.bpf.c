// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Where tasks of a subject wait, and for how long: from the moment they are switched out until they are
 * runnable, and from there until they are switched in, each with the stack they went to wait with.
 *
 *   switched out ── sleeping, uninterruptible, I/O ──► woken ── run queue ──► switched in
 *   preempted ───────────────────────────────────────────────── run queue ──► switched in
 *
 * A wait that has begun is in the task's own storage, stack and all: nothing is looked up by its stack before
 * it has ended. Those that still last are added by the iterator, after the other programs were detached: with
 * all the time of the profile when they had begun before it. Waits that had begun before it and end within it
 * are left out, as what they began with was not seen.
 *
 * What costs is not the clock but the stack: to walk it, and to look it up. So of brief waits few are taken,
 * each for many, and where the kernel says in the context of a task that it goes on (sched_exit_tp, Linux >=
 * 6.15), a task whose last wait was brief has its stack walked then, if at all.
 *
 * Linux >= 5.11: keys of maps of more than 512 bytes.
 */
#include "profile.h"
#include "iterator.h"
#include "stack.h"

COLLECTOR_DOC("Where the tasks of a profile's subject wait, and for how long");

/* Waits for I/O only. */
const volatile bool io_only = false;
/*
 * A wait that is shorter is taken with the chance wait / whole_ns, and then stands for whole_ns: the sum over
 * any stacks is right on average, with a standard deviation of the square root of sum * whole_ns. 0: all are
 * taken.
 */
const volatile u64 whole_ns = 0;

struct wait {
	u64 since;     /* 0: it runs */
	u64 woken;     /* 0: it was not */
	u32 is_walked; /* the stack below is this wait's */
	u32 is_brief;  /* the last one was */
	struct profile_stack stack;
};
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct wait);
} waits SEC(".maps");
/* By thread id, where the kernel cannot keep data in a task (src/kernel/task-storage.ts). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__uint(value_size, sizeof(struct wait));
} waits_by_id SEC(".maps") TAG("without:task_storage");
/* Set by the loader. */
const volatile bool has_task_storage = false;
static const struct wait no_wait;

PERCPU_SLOT(drafts, struct profile_stack);

/* When the first program ran. */
u64 began;
/* A wait was lost to `waits_by_id` being full: a thread that is not in there may have run meanwhile. */
bool was_full;

/* linux/sched.h */
#define TASK_DEAD 0x80

static __always_inline u32 kind_of_wait(struct task_struct *task, u32 state)
{
	if (BPF_CORE_READ_BITFIELD(task, in_iowait))
		return IO_WAIT;
	return state_is_blocked(state) ? UNINTERRUPTIBLE : SLEEPING;
}

static __always_inline struct wait *wait_of(struct task_struct *task)
{
	u32 tid = task->pid;

	return has_task_storage ? bpf_task_storage_get(&waits, task, 0, 0)
				: bpf_map_lookup_elem(&waits_by_id, &tid);
}

/* NULL: there was no room. */
static __always_inline struct wait *new_wait_of(struct task_struct *task)
{
	u32 tid = task->pid;

	if (has_task_storage)
		return bpf_task_storage_get(&waits, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	return find_or_add(&waits_by_id, &tid, &no_wait);
}

static __always_inline void count_lost(void)
{
	struct profile_counts *counted = slot_of(&counts);

	if (counted) {
		counted->samples++;
		counted->lost++;
	}
}

/* For how many waits one of `ns` is taken; 0: it is not. */
static __always_inline u64 waits_of(u64 ns)
{
	if (ns == 0)
		return 0;
	if (ns >= whole_ns)
		return 1;
	return bpf_get_prandom_u32() % whole_ns < ns ? whole_ns / ns : 0;
}

static __always_inline u64 sum_of(u64 ns)
{
	return ns < whole_ns ? whole_ns : ns;
}

struct ended_wait {
	u64 waited_ns, queued_ns;
	u64 waits, queues; /* as waits_of() says */
};

/* Ends it. False: nothing of it is taken. */
static __always_inline bool end_wait(struct wait *wait, u64 now, struct ended_wait *ended)
{
	ended->waited_ns = (wait->woken ? wait->woken : now) - wait->since;
	ended->queued_ns = wait->woken ? now - wait->woken : 0;
	wait->since = 0;
	wait->is_brief = ended->waited_ns + ended->queued_ns < whole_ns;
	ended->waits = wait->stack.state == RUN_QUEUE ? 0 : waits_of(ended->waited_ns);
	ended->queues = io_only ? 0 : waits_of(ended->queued_ns);
	return ended->waits || ended->queues;
}

static __always_inline void add_wait(struct profile_stack *stack, const struct ended_wait *ended)
{
	if (ended->waits)
		profile_add(stack, ended->waits, sum_of(ended->waited_ns));
	if (ended->queues) {
		stack->state = RUN_QUEUE;
		profile_add(stack, ended->queues, sum_of(ended->queued_ns));
	}
}

typedef void (*btf_trace_sched_exit_tp)(void *, bool);
#define has_sched_exit() bpf_core_type_exists(btf_trace_sched_exit_tp)

SEC("tp_btf/sched_waking")
int BPF_PROG(profile_woken, struct task_struct *task)
{
	struct wait *wait = wait_of(task);

	if (wait && wait->since && !wait->woken)
		wait->woken = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(profile_switched, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	u64 now = bpf_ktime_get_ns();
	struct ended_wait ended;
	struct wait *wait;
	u32 state;

	if (!began)
		began = now;
	wait = has_sched_exit() ? NULL : wait_of(next);
	if (wait && wait->since && end_wait(wait, now, &ended)) {
		profile_remember(next);
		add_wait(&wait->stack, &ended);
	}
	if (prev->pid == 0 || !is_of_subject(prev))
		return 0;
	state = task_state(prev);
	if (state & TASK_DEAD)
		return 0;
	preempt = preempt || task_is_runnable(prev);
	if (io_only && (preempt || !BPF_CORE_READ_BITFIELD(prev, in_iowait)))
		return 0;
	wait = new_wait_of(prev);
	if (!wait) {
		if (!has_task_storage)
			was_full = true;
		count_lost();
		return 0;
	}
	wait->woken = preempt ? now : 0;
	wait->stack.process = prev->tgid;
	wait->stack.state = preempt ? RUN_QUEUE : kind_of_wait(prev, state);
	wait->is_walked = !has_sched_exit() || !wait->is_brief;
	if (wait->is_walked) {
		kernel_stack(ctx, wait->stack.kernel);
		bpf_get_stack(ctx, wait->stack.user, sizeof(wait->stack.user), BPF_F_USER_STACK);
	}
	wait->since = now;
	return 0;
}

/* The task that was switched in, and is where it was switched out. */
SEC("?tp_btf/sched_exit_tp")
int BPF_PROG(profile_resumed)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wait *wait = wait_of(task);
	struct profile_stack *draft;
	struct ended_wait ended;

	if (!wait || !wait->since || !end_wait(wait, bpf_ktime_get_ns(), &ended))
		return 0;
	profile_remember(task);
	if (wait->is_walked) {
		add_wait(&wait->stack, &ended);
		return 0;
	}
	draft = slot_of(&drafts);
	if (!draft)
		return 0;
	draft->process = wait->stack.process;
	draft->state = wait->stack.state;
	kernel_stack(ctx, draft->kernel);
	bpf_get_stack(ctx, draft->user, sizeof(draft->user), BPF_F_USER_STACK);
	add_wait(draft, &ended);
	return 0;
}

/* Thread ids are given again. */
SEC("tp_btf/sched_process_free")
int BPF_PROG(profile_freed, struct task_struct *task)
{
	u32 tid = task->pid;

	if (!has_task_storage)
		bpf_map_delete_elem(&waits_by_id, &tid);
	return 0;
}

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* As far as it is read. */
struct pt_regs {
#if defined(__TARGET_ARCH_arm64)
	u64 pc;
#else
	u64 ip;
#endif
};

#pragma clang attribute pop

/* Where a task that waits in the kernel has left its program; 0 when that cannot be told. Linux >= 5.15. */
static __always_inline u64 left_user_at(struct task_struct *task)
{
	struct pt_regs *registers;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs) ||
	    (task->flags & PF_KTHREAD))
		return 0;
	registers = (void *)bpf_task_pt_regs(task);
#if defined(__TARGET_ARCH_arm64)
	return registers->pc;
#else
	return registers->ip;
#endif
}

/*
 * Run once the programs above run no more. Of a task whose stack was not walked when it went to wait only the
 * innermost function of its program is told: callers are in its memory, and to read that of another task
 * takes a lock which the task may hold.
 */
SEC("iter/task")
int profile_waiting(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	u64 now = bpf_ktime_get_ns();
	struct profile_stack *draft;
	struct ended_wait ended;
	struct wait *wait;
	u32 state;

	if (!task || task->pid == 0 || !is_of_subject(task))
		return 0;
	wait = wait_of(task);
	if (wait && (!wait->since || !end_wait(wait, now, &ended)))
		return 0;
	if (wait && wait->is_walked) {
		profile_remember(task);
		add_wait(&wait->stack, &ended);
		return 0;
	}
	state = task_state(task);
	if (!wait) {
		if (!began || state == TASK_RUNNING || (state & TASK_DEAD))
			return 0;
		if (io_only && !BPF_CORE_READ_BITFIELD(task, in_iowait))
			return 0;
		if (was_full) {
			count_lost();
			return 0;
		}
	}
	draft = slot_of(&drafts);
	if (!draft)
		return 0;
	draft->process = task->tgid;
	draft->state = wait ? wait->stack.state : kind_of_wait(task, state);
	bpf_get_task_stack(task, draft->kernel, sizeof(draft->kernel), 0);
	__builtin_memset(draft->user, 0, sizeof(draft->user));
	draft->user[0] = left_user_at(task);
	profile_remember(task);
	if (wait)
		add_wait(draft, &ended);
	else
		profile_add(draft, 1, now - began);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
