// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * A task that allocates memory where there is none has to make room first, and waits for it. Two reasons,
 * each with its own pair of tracepoints around the work:
 *
 *   direct   the host has run out of free pages, kswapd does not keep up
 *   memcg    a memory cgroup is at its limit (max or high), whatever the host has
 *
 *	begin ──► lru_shrink_inactive (scanned, reclaimed), again and again ──► end
 *
 * What kswapd does in the background delays no task, and is not looked at.
 */
#include "event.h"
#include "cgroup_counters.h"
#include "kernel/mm.h"
#include "kernel/current_task.h"
#include "metric.h"
#include "ratelimit.h"
#include "stack.h"

#define MAX_CGROUPS	     4096
#define MAX_RECLAIMING_TASKS 8192

enum reclaim_kind { direct, memcg };
#define RECLAIM_KINDS 2

struct memory_reclaim_events_event {
	ktime_ns time DOC("When the reclaim ended");
	dur_ns reclaim_duration_ns DOC("How long the task was held up");
	dur_ns threshold_ns DOC("The limit in force when the event was made");
	memory_cgroup_id cgroup_id DOC("Memory cgroup of the task");
	memory_cgroup_id reclaimed_cgroup_id OPTIONAL OWNER DOC(
	    "The cgroup at its limit, whose pages were taken: the task's or a parent. Left out when the "
	    "host ran out, or when the reclaim was asked for from outside");
	bytes64 reclaimed_cgroup_usage_bytes OPTIONAL DOC("Memory charged to it at the beginning");
	bytes64 reclaimed_cgroup_limit_bytes OPTIONAL DOC("The limit that was hit");
	count64 scanned_pages DOC("Pages that were looked at on the inactive lists");
	count64 reclaimed_pages DOC("Pages that were freed, of slabs too");
	index32 order DOC("direct: 2^order pages in one piece were asked for; memcg: 0");
	enum reclaim_kind kind DOC("What had run out: direct is the host, memcg a memory cgroup");
	pid_nr pid DOC("Process that was held up");
	pid_nr tid DOC("Thread that was held up");
	comm_t comm DOC("Name of the thread");
	kstack_t stack DOC("Kernel stack at the end of the reclaim, innermost first");
} DOC("A task waited long for memory to be reclaimed before it got what it asked for") SEVERITY(warning)
    SCHEMA(1);
EVENT_RING(memory_reclaim_events_event, 1 << 19);
QUESTION("Which tasks waited long for memory to be reclaimed, of the host or of a memory cgroup, whose limit "
	 "was it, how many pages were looked at and freed, and from where was it asked for? Distribution of "
	 "all waits, and totals for each container: of its tasks, and for limits of its own");
KERNEL("5.10; the cgroup at its limit with CONFIG_MEMCG");
FALSE_POSITIVES("Time that the task had no CPU meanwhile, preempted or throttled, counts as waiting. A "
		"container that fills its limit with page cache reclaims all the time, in waits that are "
		"short and no documents. Which limit was hit is concluded from the room that each has, as "
		"the tracepoint does not say. Not seen: kswapd, which delays no task");

OPTION(u64, threshold_ns, 900000000, "Reclaims that take at least this long become events");
OPTION(u64, max_events_per_second_per_cpu, 100,
       "Events beyond this rate are counted as rate limited, not written, 0 is no limit");

METRIC_ARRAY(stalls, "kind", reclaim_kind, struct time_histogram, RECLAIM_KINDS)
HISTOGRAM("huatuo_memory_reclaim_stall_seconds", "Time tasks were held up to reclaim memory.");

struct cgroup_stalls {
	count64 stalls_total COUNTER("huatuo_memory_reclaim_container_stalls_total",
				     "How often tasks of the container were held up to reclaim memory.");
	dur_ns stalled_ns COUNTER("huatuo_memory_reclaim_container_stall_seconds_total",
				  "How long tasks of the container were held up to reclaim memory.");
	count64 stalled_time COUNTER("huatuo_bamai_memory_others_container_directstall_time",
				     "How long tasks of the container were held up to reclaim memory, "
				     "in nanoseconds.");
	/* Of the cgroup that was reclaimed, whichever of those below it the task is in. */
	count64 own_limit_stalls COUNTER("huatuo_bamai_memory_reclaim_container_directstall",
					 "How often the container was at a limit of its own, and a task had "
					 "to reclaim memory of it.");
	count64 own_limit_time COUNTER("huatuo_bamai_memory_others_container_local_direct_reclaim_time",
				       "How long tasks were held up to reclaim memory of the container "
				       "because of a limit of its own, in nanoseconds.");
};
CGROUP_COUNTERS(cgroups, memory, struct cgroup_stalls, MAX_CGROUPS);

dur_ns stalled_directly_ns COUNTER("huatuo_bamai_memory_free_allocpages_stall",
				   "How long tasks were held up to reclaim memory because the host had none "
				   "free, in milliseconds.") IN_MILLISECONDS;

u64 untracked COUNTER("huatuo_memory_reclaim_untracked_total",
		      "Reclaims that could not be timed because too many were under way.");

/* One that is under way. */
struct reclaim {
	u64 began_ns;
	u64 scanned_pages;
	u64 cgroup_id;
	u64 usage_bytes;
	u64 limit_bytes;
	u32 order;
	u32 kind;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_RECLAIMING_TASKS);
	__type(key, u32);
	__uint(value_size, sizeof(struct reclaim));
} reclaims SEC(".maps");

/* Of one charge: a huge page. */
#define MOST_CHARGED_PAGES 512

/*
 * The kernel charges upwards and stops at the first counter that has no room (page_counter_try_charge in
 * mm/page_counter.c); memory.high is looked at upwards too (reclaim_high in mm/memcontrol.c). The tracepoint
 * tells neither the cgroup nor how much was charged. Below the counter that refused all had room for the
 * charge, so it is the one with the least room, the nearest of several. One that has room for any charge
 * did not refuse: the reclaim was asked for from outside (memory.reclaim, a limit that was lowered). With
 * v1, memory and swap together are charged as well.
 */
static __always_inline void consider(struct page_counter *counter, u64 cgroup_id, u64 *least,
				     struct reclaim *found)
{
	u64 usage_pages = BPF_CORE_READ(counter, usage.counter);
	u64 limit_pages = BPF_CORE_READ(counter, max);
	u64 high_pages = BPF_CORE_READ(counter, high);
	u64 room_pages;

	if (high_pages < usage_pages)
		limit_pages = high_pages;
	room_pages = usage_pages < limit_pages ? limit_pages - usage_pages : 0;
	if (room_pages >= *least)
		return;
	*least = room_pages;
	found->cgroup_id = cgroup_id;
	found->usage_bytes = usage_pages * page_bytes;
	found->limit_bytes = limit_pages * page_bytes;
}

static __always_inline void find_full(struct task_struct *task, struct reclaim *found)
{
	int index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	struct cgroup_subsys_state *css = BPF_CORE_READ(task, cgroups, subsys[index]);
	u64 least = MOST_CHARGED_PAGES;

	for (int depth = 0; depth < MAX_CGROUP_DEPTH && css; depth++) {
		struct mem_cgroup *memcg = (void *)css - bpf_core_field_offset(struct mem_cgroup, css);
		u64 id = BPF_CORE_READ(css, cgroup, kn, id);

		consider(&memcg->memory, id, &least, found);
		if (BPF_CORE_READ(css, cgroup, root, hierarchy_id) != 0)
			consider(&memcg->memsw, id, &least, found);
		css = BPF_CORE_READ(css, parent);
	}
}

static __always_inline int reclaim_began(enum reclaim_kind kind, int order)
{
	struct reclaim reclaim = {.began_ns = bpf_ktime_get_boot_ns(), .order = order, .kind = kind};
	u32 tid = bpf_get_current_pid_tgid();

	if (kind == memcg)
		find_full(current_task_address(), &reclaim);
	if (bpf_map_update_elem(&reclaims, &tid, &reclaim, BPF_ANY) != 0)
		__sync_fetch_and_add(&untracked, 1);
	return 0;
}

static __always_inline void count(const struct reclaim *reclaim, u64 passed_ns)
{
	struct cgroup *directory;
	memory_cgroup_id cgroup = current_memory_cgroup_found(&directory), reclaimed = reclaim->cgroup_id;
	struct time_histogram *of_host = metric_at(&stalls, reclaim->kind);
	struct cgroup_stalls *of_cgroup = cgroups_of(&cgroup, directory);

	if (of_host)
		histogram_observe(of_host, passed_ns);
	if (reclaim->kind == direct)
		__sync_fetch_and_add(&stalled_directly_ns, passed_ns);
	if (of_cgroup) {
		__sync_fetch_and_add(&of_cgroup->stalls_total, 1);
		__sync_fetch_and_add(&of_cgroup->stalled_ns, passed_ns);
		__sync_fetch_and_add(&of_cgroup->stalled_time, passed_ns);
	}
	/* It lives: the task that charged it is in it. */
	of_cgroup = reclaimed ? cgroups_of(&reclaimed, 0) : 0;
	if (of_cgroup) {
		__sync_fetch_and_add(&of_cgroup->own_limit_stalls, 1);
		__sync_fetch_and_add(&of_cgroup->own_limit_time, passed_ns);
	}
}

static __always_inline int reclaim_ended(void *ctx, u64 reclaimed_pages)
{
	u64 now = bpf_ktime_get_boot_ns(), passed_ns;
	struct memory_reclaim_events_event *event;
	u32 tid = bpf_get_current_pid_tgid();
	struct reclaim *known = bpf_map_lookup_elem(&reclaims, &tid);
	struct reclaim reclaim;

	if (!known)
		return 0;
	reclaim = *known;
	bpf_map_delete_elem(&reclaims, &tid);
	passed_ns = now - reclaim.began_ns;
	count(&reclaim, passed_ns);
	if (passed_ns < threshold_ns || !rate_allows(now, max_events_per_second_per_cpu))
		return 0;

	event = event_begin(struct memory_reclaim_events_event);
	if (!event)
		return 0;
	event->reclaim_duration_ns = passed_ns;
	event->threshold_ns = threshold_ns;
	event->cgroup_id = read_current_memory_cgroup();
	event->reclaimed_cgroup_id = reclaim.cgroup_id;
	event->reclaimed_cgroup_usage_bytes = reclaim.usage_bytes;
	event->reclaimed_cgroup_limit_bytes = reclaim.limit_bytes;
	event->scanned_pages = reclaim.scanned_pages;
	event->reclaimed_pages = reclaimed_pages;
	event->order = reclaim.order;
	event->kind = reclaim.kind;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->tid = tid;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	kernel_stack(ctx, event->stack);
	event_submit(event);
	return 0;
}

SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int BPF_PROG(direct_reclaim_began, int order)
{
	return reclaim_began(direct, order);
}

SEC("tp_btf/mm_vmscan_direct_reclaim_end")
int BPF_PROG(direct_reclaim_ended, unsigned long reclaimed_pages)
{
	return reclaim_ended(ctx, reclaimed_pages);
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int BPF_PROG(memcg_reclaim_began, int order)
{
	return reclaim_began(memcg, order);
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_end")
int BPF_PROG(memcg_reclaim_ended, unsigned long reclaimed_pages)
{
	return reclaim_ended(ctx, reclaimed_pages);
}

/* kswapd comes here too, and is in no map. */
SEC("tp_btf/mm_vmscan_lru_shrink_inactive")
int BPF_PROG(pages_scanned, int node, unsigned long scanned_pages)
{
	u32 tid = bpf_get_current_pid_tgid();
	struct reclaim *reclaim = bpf_map_lookup_elem(&reclaims, &tid);

	if (reclaim)
		reclaim->scanned_pages += scanned_pages;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
