// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Memory that is free in small pieces only has to be moved together before a large piece can be had:
 *
 *   direct       a task that asked for a piece does it, and waits
 *   background   kcompactd does it
 *
 *	begin ──► end, for each zone; a task may go through several
 *
 * What a task does before and between is short: what is measured is nearly all of its wait. A process that
 * writes to /proc/sys/vm/compact_memory waits, too.
 */
#include "kernel/current_task.h"
#include "cgroup_counters.h"
#include "span.h"

COLLECTOR_DOC("How long memory was moved together for large pieces, and tasks waited for it");
QUESTION("How long did tasks wait, on the host and in each container, because memory was free in small "
	 "pieces only, and how long did the kernel put it together in the background?");
KERNEL("5.10 with CONFIG_COMPACTION; before 5.19 what a removed cgroup has counted is lost, and counted as "
       "that");
FALSE_POSITIVES("A process that writes to /proc/sys/vm/compact_memory waits, too. Time that the task had no "
		"CPU meanwhile counts as waiting. What a task does between two zones is not counted; reclaim "
		"is, by memory_reclaim_events");

#define MAX_CGROUPS	     4096
#define MAX_COMPACTING_TASKS 4096

enum compaction_kind { direct, background };
struct compaction_key {
	enum compaction_kind kind;
};
HISTOGRAM_MAP(compactions, struct compaction_key, 2, "huatuo_memory_compaction_seconds",
	      "Time to move the memory of one zone together: direct holds up a task, background none.");

struct cgroup_stalls {
	dur_ns stalled_ns COUNTER("huatuo_memory_compaction_container_stall_seconds_total",
				  "How long tasks of the container were held up to move memory together.");
};
CGROUP_COUNTERS(cgroups, memory, struct cgroup_stalls, MAX_CGROUPS);

dur_ns stalled_ns COUNTER("huatuo_bamai_memory_free_compaction_stall",
			  "How long tasks were held up to move memory together, in milliseconds.")
    IN_MILLISECONDS;

/* By thread id. */
SPAN_MAP(compacting, u32, MAX_COMPACTING_TASKS);

SEC("tp_btf/mm_compaction_begin")
int BPF_PROG(compaction_began)
{
	u32 tid = bpf_get_current_pid_tgid();

	span_start(&compacting, &tid);
	return 0;
}

SEC("tp_btf/mm_compaction_end")
int BPF_PROG(compaction_ended)
{
	struct task_struct *task = current_task_address();
	u32 tid = bpf_get_current_pid_tgid();
	u64 passed_ns = span_end(&compacting, &tid);
	struct compaction_key key = {BPF_CORE_READ(task, flags) & PF_KTHREAD ? background : direct};
	struct cgroup_stalls *of_cgroup;
	struct cgroup *directory;
	memory_cgroup_id cgroup;

	if (!passed_ns)
		return 0;
	histogram_record(&compactions, &key, passed_ns);
	if (key.kind != direct)
		return 0;
	__sync_fetch_and_add(&stalled_ns, passed_ns);
	cgroup = current_memory_cgroup_found(&directory);
	of_cgroup = cgroups_of(&cgroup, directory);
	if (of_cgroup)
		__sync_fetch_and_add(&of_cgroup->stalled_ns, passed_ns);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
