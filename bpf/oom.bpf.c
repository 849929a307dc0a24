// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The kernel chose a task to kill because memory ran out. `current` is the task whose allocation started it;
 * whose limit it was is in the kernel's struct oom_control (kernel/oom.h). Linux >= 6.8: before, the
 * tracepoint passed a pid instead of the task.
 */
#include "event.h"
#include "kernel/oom.h"

/* The first is what kernel/oom.h does not recognise; from `host` on as the kernel's enum oom_constraint. */
enum oom_limit { unknown_limit, memory, memory_and_swap, host, host_cpuset, host_memory_policy };

struct oom_trigger {
	pid_nr pid DOC("Process whose allocation started the kill");
	pid_nr tid DOC("Thread whose allocation started the kill");
	memory_cgroup_id cgroup_id OWNER DOC("Its memory cgroup");
	cgroup_id unified_cgroup_id OPTIONAL DOC("Its v2 cgroup, where memory is a controller of v1");
	comm_t comm DOC("Its name");
};

struct oom_victim {
	pid_nr pid DOC("Process that was chosen");
	index32 uid DOC("Its user id in the initial namespace");
	memory_cgroup_id cgroup_id OWNER DOC("Its memory cgroup");
	cgroup_id unified_cgroup_id OPTIONAL DOC("Its v2 cgroup, where memory is a controller of v1");
	bytes64 total_vm_bytes DOC("Its address space");
	bytes64 anon_rss_bytes DOC("Its resident anonymous memory");
	bytes64 file_rss_bytes DOC("Its resident file pages");
	bytes64 shmem_rss_bytes DOC("Its resident shared memory");
	count64 cgroup_kills_count DOC("Kills in its memory cgroup by the kernel's own count (oom_kill)");
	comm_t comm DOC("Its name");
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
KERNEL("6.8: before, the tracepoint did not pass the task");
FALSE_POSITIVES(
    "None: the kernel tells of each victim. A task that was dying already is no kill, and has kills_count 0. "
    "Not seen: kills by daemons in user space (systemd-oomd, earlyoom), which are signals to the kernel");

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
	struct cgroup *unified = task->cgroups->dfl_cgrp;

	if (cgroup_has_controller(unified, bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)))
		return 0;
	return unified->level > 0 ? unified->kn->id : 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(victim_marked, struct task_struct *victim, u32 uid)
{
	struct oom_event *event = event_begin(struct oom_event);
	struct mem_cgroup *memcg = task_memcg(victim);
	struct task_struct *trigger, *owner;
	struct mm_struct *mm;

	if (!event)
		return 0;

	trigger = (void *)bpf_get_current_task_btf();
	event->trigger.pid = bpf_get_current_pid_tgid() >> 32;
	event->trigger.tid = bpf_get_current_pid_tgid();
	event->trigger.cgroup_id = task_memory_cgroup(trigger);
	event->trigger.unified_cgroup_id = other_cgroup(trigger);
	bpf_get_current_comm(event->trigger.comm, sizeof(event->trigger.comm));

	event->victim.pid = BPF_CORE_READ(victim, tgid);
	event->victim.uid = uid;
	event->victim.cgroup_id = task_memory_cgroup(victim);
	event->victim.unified_cgroup_id = other_cgroup(victim);
	event->cgroup_id = event->victim.cgroup_id;
	BPF_CORE_READ_STR_INTO(&event->victim.comm, victim, comm);
	mm = BPF_CORE_READ(victim, mm);
	if (mm) {
		event->victim.total_vm_bytes = BPF_CORE_READ(mm, total_vm) * page_bytes;
		if (bpf_core_field_exists(mm->rss_stat[0].count)) {
			event->victim.file_rss_bytes = BPF_CORE_READ(mm, rss_stat[0].count) * page_bytes;
			event->victim.anon_rss_bytes = BPF_CORE_READ(mm, rss_stat[1].count) * page_bytes;
			event->victim.shmem_rss_bytes = BPF_CORE_READ(mm, rss_stat[3].count) * page_bytes;
		}
	}

	/* The kernel counts in the cgroup of the task that the memory is accounted to. */
	owner = mm ? BPF_CORE_READ(mm, owner) : NULL;
	if (memcg) {
		count_kills(event, owner ? task_memcg(owner) : memcg);
		fill_limit(event, current_oom_control(victim, memcg));
	}
	event_submit_urgent(event);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
