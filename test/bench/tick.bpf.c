// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Fills its ring to the brim with 72-byte records when a thread renames itself to `fill:ticks`. The values
 * are spread as those of a busy host are: the lengths of numbers and names differ from one record to the
 * next.
 */
#include "event.h"

struct tick_event {
	ktime_ns time DOC("When it was made");
	dur_ns delay_ns DOC("A number of one to eight digits");
	bytes64 size_bytes DOC("A size");
	cgroup_id cgroup_id DOC("Whose event it is; one of 64");
	pid_nr pid DOC("A process");
	pid_nr tid DOC("Its thread");
	cpu_nr cpu DOC("CPU it was made on");
	count32 softirq_count DOC("A small number");
	comm_t comm DOC("One of four names");
	kaddr function_addr DOC("A kernel address");
} DOC("An event made for the benchmarks") SEVERITY(info) SCHEMA(1);
EVENT_RING(tick_event, 1 << 24);

static long make_one(u64 index, void *ctx)
{
	static const char names[4][16] = {"nginx", "ksoftirqd/12", "kworker/3:1-evt", "java"};
	u64 spread = ((index + 1) * 0x9e3779b97f4a7c15ULL) >> 32;
	struct tick_event *event = event_reserve(struct tick_event);

	if (!event)
		return 1;
	event->time = bpf_ktime_get_boot_ns();
	event->delay_ns = spread % 50000000;
	event->size_bytes = spread << 6;
	event->cgroup_id = (spread >> 8) % 64 + 1;
	event->pid = (spread >> 7) % 4000000;
	event->tid = (spread >> 6) % 4000000;
	event->cpu = (spread >> 9) % 96;
	event->softirq_count = (spread >> 5) % 5;
	__builtin_memcpy(event->comm, names[spread & 3], sizeof(event->comm));
	event->function_addr = 0xffffffff81000000ULL + spread % 0x1000000;
	event_submit(event);
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(renamed, void *task, const char *name)
{
	static const char wanted[11] = "fill:ticks";
	char comm[16] = {};

	bpf_probe_read_kernel_str(comm, sizeof(comm), name);
	for (int i = 0; i < 11; i++)
		if (comm[i] != wanted[i])
			return 0;
	bpf_loop(1 << 20, make_one, 0, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
