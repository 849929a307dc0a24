// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The kernel chose a task to kill because memory ran out. `current` is the task whose allocation started it;
 * whose limit it was is in the kernel's struct oom_control (kernel/oom.h), Linux >= 5.17.
 *
 * raw_tp rather than tp_btf: since Linux 6.8, and releases of older ones that took it over, the tracepoint
 * passes the task, before that its pid. The one is the address of something in the kernel, the other is not,
 * so the argument itself tells which it is; and BPF_PROG_TEST_RUN takes the program, so that a test can pass
 * a pid.
 */
#include "event.h"
#include "kernel/oom.h"
#include "kernel/percpu.h"
#include "kernel/task_by_pid.h"
#include "metric.h"

/* The first is what kernel/oom.h does not recognise; from `host` on as the kernel's enum oom_constraint. */
enum oom_limit { unknown_limit, memory, memory_and_swap, host, host_cpuset, host_memory_policy };

struct oom_trigger {
	pid_nr pid DOC("Process whose allocation started the kill");
	pid_nr tid DOC("Thread whose allocation started the kill");
	memory_cgroup_id cgroup_id OWNER DOC("Its memory cgroup");
	cgroup_id unified_cgroup_id OPTIONAL DOC("Its v2 cgroup, where memory is a controller of v1");
	comm_t comm DOC("Its name");
	text128_t command_line OPTIONAL DOC("How it begins; none of the kernel's own threads");
};

struct oom_victim {
	pid_nr pid DOC("Process that was chosen");
	index32 uid DOC("Its user id in the initial namespace");
	signed32 oom_score_adj DOC("What its owner has added to its score, from -1000 to 1000");
	u8 _pad[4];
	memory_cgroup_id cgroup_id OWNER DOC("Its memory cgroup");
	cgroup_id unified_cgroup_id OPTIONAL DOC("Its v2 cgroup, where memory is a controller of v1");
	bytes64 total_vm_bytes DOC("Its address space");
	bytes64 anon_rss_bytes DOC(
	    "Its resident anonymous memory; before Linux 6.2, of this and of the next two, "
	    "up to 64 pages of each thread are not in it yet");
	bytes64 file_rss_bytes DOC("Its resident file pages");
	bytes64 shmem_rss_bytes DOC("Its resident shared memory");
	count64 cgroup_kills_count DOC("Kills in its memory cgroup by the kernel's own count (oom_kill)");
	comm_t comm DOC("Its name");
	text128_t command_line OPTIONAL
	    DOC("How it begins, where it asked for the memory itself or could still be read");
};

struct oom_event {
	ktime_ns time DOC("When the victim was chosen");
	memory_cgroup_id cgroup_id DOC("Memory cgroup of the victim");
	count32 kills_count DOC(
	    "By how much the kernel's own count of kills in that cgroup (oom_kill) has risen since "
	    "the document before, if there was one: 1; 0 when the victim was dying already and was "
	    "only given what memory is left");
	enum oom_limit
	    limit OPTIONAL DOC("Which limit left no room: of memory, or of memory and swap, of the cgroup "
			       "memcg_id; or memory of the host, or of the nodes that a cpuset or a "
			       "policy allows");
	memory_cgroup_id memcg_id OPTIONAL
	    DOC("The cgroup at its limit, the kernel's oom_memcg: the victim's or a parent");
	bytes64 memcg_limit_bytes OPTIONAL DOC("That limit");
	bytes64 memcg_usage_bytes OPTIONAL DOC("What was charged to it at that moment");
	struct oom_trigger trigger DOC("Who asked for the memory that was not there");
	struct oom_victim victim DOC("Who is killed for it");
} DOC("The kernel killed a process because a memory cgroup or the host ran out of memory") SEVERITY(critical)
    SCHEMA(1);
EVENT_RING(oom_event, 1 << 18);
QUESTION("Who ran out of memory, who was killed for it, whose limit was it (the kernel's oom_memcg), and "
	 "what was the memory used for? Kills by container");
KERNEL("5.8; the limit that was hit since 5.17");
FALSE_POSITIVES(
    "None: the kernel tells of each victim. A task that was dying already is no kill, and has kills_count 0. "
    "Not seen: kills by daemons in user space (systemd-oomd, earlyoom), which are signals to the kernel");

u64 unfound_victims
    COUNTER("huatuo_oom_unfound_victims_total",
	    "OOM victims without a document: before Linux 6.8 the kernel tells their pid, and no "
	    "task had it.");

/*
 * Kills in each memory cgroup by the kernel's count at the last document. A cgroup that is forgotten is one
 * that is met for the first time.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, u64);
} counted_kills SEC(".maps");

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct user_id {
	u32 val;
};

struct cred {
	struct user_id uid;
};

struct task_struct___with_user {
	struct cred *real_cred;
};

#pragma clang attribute pop

static __always_inline struct mem_cgroup *task_memcg(struct task_struct *task)
{
	struct cgroup_subsys_state *css =
	    BPF_CORE_READ(task, cgroups, subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]);

	return css ? (void *)css - bpf_core_field_offset(struct mem_cgroup, css) : NULL;
}

/*
 * The kernel counts a kill right before it marks the victim, all under oom_lock, so no other kill comes
 * between. It also marks tasks that are dying already, which it does not count. Of a cgroup that is met for
 * the first time the count before is not known: if there is one, this is taken for the newest of it.
 */
static __always_inline void count_kills(struct oom_event *event, struct mem_cgroup *memcg)
{
	u64 index = bpf_core_enum_value(enum memcg_memory_event, MEMCG_OOM_KILL);
	u64 id = BPF_CORE_READ(memcg, css.cgroup, kn, id);
	u64 *before = bpf_map_lookup_elem(&counted_kills, &id);
	u64 now = BPF_CORE_READ(memcg, memory_events_local[index].counter);

	event->victim.cgroup_kills_count = now;
	event->kills_count = before ? now - *before : now > 0;
	bpf_map_update_elem(&counted_kills, &id, &now, BPF_ANY);
}

static __always_inline u64 room_pages(struct page_counter *counter)
{
	u64 max_pages = BPF_CORE_READ(counter, max);
	u64 usage_pages = BPF_CORE_READ(counter, usage.counter);

	return max_pages > usage_pages ? max_pages - usage_pages : 0;
}

static __always_inline void fill_limit(struct oom_event *event, struct oom_control *oc)
{
	struct page_counter *counter;
	struct mem_cgroup *memcg;

	if (!oc)
		return;
	memcg = BPF_CORE_READ(oc, memcg);
	if (!memcg) {
		event->limit = host + BPF_CORE_READ(oc, constraint);
		return;
	}
	event->limit = memory;
	counter = (void *)memcg + bpf_core_field_offset(struct mem_cgroup, memory);
	/* mm/memcontrol.c, try_charge_memcg(): with v1, memory and swap are charged before memory alone. */
	if (BPF_CORE_READ(memcg, css.cgroup, root, hierarchy_id) != 0) {
		struct page_counter *memsw = (void *)memcg + bpf_core_field_offset(struct mem_cgroup, memsw);

		if (room_pages(memsw) <= room_pages(counter)) {
			event->limit = memory_and_swap;
			counter = memsw;
		}
	}
	event->memcg_id = BPF_CORE_READ(memcg, css.cgroup, kn, id);
	event->memcg_limit_bytes = BPF_CORE_READ(counter, max) * page_bytes;
	event->memcg_usage_bytes = BPF_CORE_READ(counter, usage.counter) * page_bytes;
}

/*
 * A container that only the v2 hierarchy knows may be in a memory cgroup of its user's or service's: which of
 * them tells whose the task is, the collector finds out. 0: v2 has the task in its root, or has the
 * controller.
 */
static __always_inline u64 other_cgroup(struct task_struct *task)
{
	struct cgroup *unified = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	int memory = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);

	if (BPF_CORE_READ(unified, root, subsys_mask) >> memory & 1)
		return 0;
	return BPF_CORE_READ(unified, level) > 0 ? BPF_CORE_READ(unified, kn, id) : 0;
}

/* What a kernel has that runs the program. */
enum reach {
	before_bpf_loop, /* Linux < 5.17 */
	with_bpf_loop,
};

static __always_inline bytes64 resident_bytes(struct mm_struct *mm, enum mm_counter kind, enum reach reach)
{
	struct mm_struct___before_6_2 *old = (void *)mm;
	/* A variable index is not relocated: the size of an element is that of this kernel. */
	void *counter = (void *)mm + bpf_core_field_offset(struct mm_struct, rss_stat) +
			kind * bpf_core_type_size(struct percpu_counter);
	s64 pages = 0;

	if (bpf_core_field_exists(old->rss_stat.count))
		pages = BPF_CORE_READ(old, rss_stat.count[kind].counter);
	else if (reach == with_bpf_loop)
		pages = percpu_counter_sum(counter);
	return pages > 0 ? pages * page_bytes : 0;
}

/*
 * How the command line of the process that runs begins, with a space where an argument ends. No other's
 * memory can be read here, and what is not in memory now is left out.
 */
static __always_inline void current_command_line(struct task_struct *task, u8 *line)
{
	unsigned long start = BPF_CORE_READ(task, mm, arg_start);
	u64 bytes = BPF_CORE_READ(task, mm, arg_end) - start;
	bool is_inside = false;

	if (!start)
		return;
	if (bytes > sizeof(text128_t) - 1)
		bytes = sizeof(text128_t) - 1;
	if (bpf_probe_read_user(line, bytes, (void *)start))
		return;
	for (int i = sizeof(text128_t) - 2; i >= 0; i--) {
		if (line[i])
			is_inside = true;
		else if (is_inside)
			line[i] = ' ';
	}
}

static __always_inline void fill_trigger(struct oom_trigger *trigger)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	trigger->pid = bpf_get_current_pid_tgid() >> 32;
	trigger->tid = bpf_get_current_pid_tgid();
	trigger->cgroup_id = read_task_memory_cgroup(task);
	trigger->unified_cgroup_id = other_cgroup(task);
	bpf_get_current_comm(trigger->comm, sizeof(trigger->comm));
	current_command_line(task, trigger->command_line);
}

static __always_inline void fill_victim(struct oom_victim *victim, struct task_struct *task,
					struct mm_struct *mm, enum reach reach)
{
	victim->pid = BPF_CORE_READ(task, tgid);
	victim->uid = BPF_CORE_READ((struct task_struct___with_user *)task, real_cred, uid.val);
	victim->oom_score_adj = BPF_CORE_READ(task, signal, oom_score_adj);
	victim->cgroup_id = read_task_memory_cgroup(task);
	victim->unified_cgroup_id = other_cgroup(task);
	BPF_CORE_READ_STR_INTO(&victim->comm, task, comm);
	if (!mm)
		return;
	victim->total_vm_bytes = BPF_CORE_READ(mm, total_vm) * page_bytes;
	victim->file_rss_bytes = resident_bytes(mm, MM_FILEPAGES, reach);
	victim->anon_rss_bytes = resident_bytes(mm, MM_ANONPAGES, reach);
	victim->shmem_rss_bytes = resident_bytes(mm, MM_SHMEMPAGES, reach);
}

/* @param marked what the tracepoint passes: the task, before Linux 6.8 its pid */
static __always_inline int victim_marked(u64 marked, enum reach reach)
{
	struct task_struct *victim = is_kernel_pointer(marked) ? (void *)marked : task_by_pid(marked);
	struct task_struct *owner;
	struct mem_cgroup *memcg;
	struct oom_event *event;
	struct mm_struct *mm;

	if (!victim) {
		__sync_fetch_and_add(&unfound_victims, 1);
		return 0;
	}
	event = event_begin(struct oom_event);
	if (!event)
		return 0;
	mm = BPF_CORE_READ(victim, mm);
	fill_trigger(&event->trigger);
	fill_victim(&event->victim, victim, mm, reach);
	if (event->victim.pid == event->trigger.pid)
		__builtin_memcpy(event->victim.command_line, event->trigger.command_line, sizeof(text128_t));
	event->cgroup_id = event->victim.cgroup_id;

	/* The kernel counts in the cgroup of the task that the memory is accounted to. */
	owner = mm ? BPF_CORE_READ(mm, owner) : NULL;
	memcg = task_memcg(victim);
	if (memcg) {
		count_kills(event, owner ? task_memcg(owner) : memcg);
		if (reach == with_bpf_loop)
			fill_limit(event, current_oom_control(victim, memcg));
	}
	event_submit_urgent(event);
	return 0;
}

SEC("raw_tp/mark_victim")
int BPF_PROG(victim_marked___with_limit, u64 marked)
{
	return victim_marked(marked, with_bpf_loop);
}

SEC("raw_tp/mark_victim")
int BPF_PROG(victim_marked___before_5_17, u64 marked)
{
	return victim_marked(marked, before_bpf_loop);
}

char LICENSE[] SEC("license") = "GPL";
