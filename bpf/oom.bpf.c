// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The kernel chose a task to kill because memory ran out. `current` is the task whose allocation started it.
 * The limit that was hit may be that of a parent of the victim's cgroup, so the program looks for the nearest
 * ancestor at its limit. Linux >= 6.8: before, the tracepoint passed a pid instead of the task.
 */
#include "event.h"
#include "kernel/mm.h"
#include "kernel/sched.h"

#define MAX_CGROUP_DEPTH 16

struct oom_trigger {
	pid_nr pid DOC("Process whose allocation started the kill");
	pid_nr tid DOC("Thread whose allocation started the kill");
	memory_cgroup_id cgroup_id OWNER DOC("Its memory cgroup");
	comm_t comm DOC("Its name");
};

struct oom_victim {
	pid_nr pid DOC("Process that was chosen");
	index32 uid DOC("Its user id in the initial namespace");
	memory_cgroup_id cgroup_id OWNER DOC("Its memory cgroup");
	bytes64 total_vm_bytes DOC("Its address space");
	bytes64 anon_rss_bytes DOC("Its resident anonymous memory");
	bytes64 file_rss_bytes DOC("Its resident file pages");
	bytes64 shmem_rss_bytes DOC("Its resident shared memory");
	comm_t comm DOC("Its name");
};

struct oom_event {
	ktime_ns time DOC("When the victim was chosen");
	memory_cgroup_id cgroup_id DOC("Memory cgroup of the victim");
	memory_cgroup_id memcg_id DOC("The cgroup at its limit: the victim's or a parent");
	bytes64 memcg_limit_bytes DOC("Limit of that cgroup; 0 when the host as a whole ran out");
	bytes64 memcg_usage_bytes DOC("Memory charged to it at that moment");
	struct oom_trigger trigger DOC("Who asked for the memory that was not there");
	struct oom_victim victim DOC("Who is killed for it");
} DOC("The kernel killed a process because a memory cgroup or the host ran out of memory") SEVERITY(critical)
    SCHEMA(1);
EVENT_RING(oom_event, 1 << 18);

/* Pages that fit in the address space of a counter: what the kernel stores for "no limit". */
static __always_inline u64 unlimited_pages(void)
{
	return 0x7fffffffffffffffULL / page_bytes;
}

static __always_inline void fill_memcg(struct oom_event *event, struct mem_cgroup *memcg)
{
	struct page_counter *counter = &memcg->memory;

	for (int depth = 0; depth < MAX_CGROUP_DEPTH && counter; depth++) {
		u64 max_pages = BPF_CORE_READ(counter, max);
		u64 usage_pages = BPF_CORE_READ(counter, usage.counter);

		/* Charging is batched by CPU (64 pages), so a full cgroup may show a little less than its
		 * limit. */
		if (max_pages < unlimited_pages() && usage_pages + 64 >= max_pages) {
			struct mem_cgroup *owner =
			    (void *)counter - bpf_core_field_offset(struct mem_cgroup, memory);

			event->memcg_id = BPF_CORE_READ(owner, css.cgroup, kn, id);
			event->memcg_limit_bytes = max_pages * page_bytes;
			event->memcg_usage_bytes = usage_pages * page_bytes;
			return;
		}
		counter = BPF_CORE_READ(counter, parent);
	}
}

SEC("tp_btf/mark_victim")
int BPF_PROG(victim_marked, struct task_struct *victim, u32 uid)
{
	struct oom_event *event = event_begin(struct oom_event);
	struct cgroup_subsys_state *css;
	struct task_struct *trigger;
	struct mm_struct *mm;

	if (!event)
		return 0;

	trigger = (void *)bpf_get_current_task_btf();
	event->trigger.pid = bpf_get_current_pid_tgid() >> 32;
	event->trigger.tid = bpf_get_current_pid_tgid();
	event->trigger.cgroup_id = task_memory_cgroup(trigger);
	bpf_get_current_comm(event->trigger.comm, sizeof(event->trigger.comm));

	event->victim.pid = BPF_CORE_READ(victim, tgid);
	event->victim.uid = uid;
	event->victim.cgroup_id = task_memory_cgroup(victim);
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

	css = BPF_CORE_READ(victim, cgroups,
			    subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)]);
	if (css)
		fill_memcg(event, (void *)css - bpf_core_field_offset(struct mem_cgroup, css));
	event_submit_urgent(event);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
