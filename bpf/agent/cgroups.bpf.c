// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Cgroups that come and go, and processes that are moved into them: how the agent knows a container before
 * the first event of it is read. Not a collector: only the thread `containers` loads it.
 */
#include "event.h"
#include "kernel/sched.h"

/* As long as what the kernel prints for its tracepoints; some versions cut a longer path, others leave it
 * empty. */
typedef u8 text1024_t[1024];

enum cgroup_change { MADE, REMOVED, JOINED };

struct cgroup_event {
	ktime_ns time DOC("When it happened");
	hex64 cgroup DOC("Inode of the directory");
	index32 hierarchy DOC("Number of its hierarchy in /proc/self/cgroup; 0 is cgroup v2");
	enum cgroup_change change DOC("What happened");
	pid_nr pid DOC("Process that joined, else 0");
	u32 _pad;
	text1024_t path DOC("Directory below the root of the hierarchy");
} DOC("A cgroup was made or removed, or a process was moved into it") SEVERITY(info) SCHEMA(1);
EVENT_RING(cgroup_event, 1 << 21);

static __always_inline int report(struct cgroup *cgroup, const char *path, enum cgroup_change change, u32 pid)
{
	struct cgroup_event *event = event_reserve(struct cgroup_event);

	if (!event)
		return 0;
	/* Too long to be cleared: what is behind the end of the text is old, and is not read. */
	event->time = bpf_ktime_get_boot_ns();
	event->cgroup = BPF_CORE_READ(cgroup, kn, id);
	event->hierarchy = BPF_CORE_READ(cgroup, root, hierarchy_id);
	event->change = change;
	event->pid = pid;
	event->_pad = 0;
	if (bpf_probe_read_kernel_str(event->path, sizeof(event->path), path) < 0)
		event->path[0] = 0;
	event_submit(event);
	return 0;
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_made, struct cgroup *cgroup, const char *path)
{
	return report(cgroup, path, MADE, 0);
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_removed, struct cgroup *cgroup, const char *path)
{
	return report(cgroup, path, REMOVED, 0);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(task_joined, struct cgroup *cgroup, const char *path, struct task_struct *task, bool threadgroup)
{
	if (!threadgroup)
		return 0;
	return report(cgroup, path, JOINED, BPF_CORE_READ(task, tgid));
}

char LICENSE[] SEC("license") = "GPL";
