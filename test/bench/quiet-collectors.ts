/** Collectors of a user that have nothing to say: one BPF object and one ring each, on a tracepoint that a healthy host never hits. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildDirectory } from '../../src/build/collectors.ts';

const source = (name: string): string => `// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
#include "kernel/sched.h"
#include "ratelimit.h"

struct ${name}_event {
	ktime_ns time DOC("When the kernel noticed");
	cgroup_id cgroup_id DOC("Whose task it is");
	pid_nr pid DOC("The task that hangs");
	cpu_nr cpu DOC("The CPU that noticed");
	comm_t comm DOC("Its name");
} DOC("A task has been in uninterruptible sleep for too long") SEVERITY(info) SCHEMA(1);
EVENT_RING(${name}_event, 1 << 18);

OPTION(u64, max_events_per_second_per_cpu, 10, "Most events for each CPU and second; 0 sets no limit");

SEC("tp_btf/sched_process_hang")
int BPF_PROG(hung, struct task_struct *task)
{
	struct ${name}_event *event;

	if (!rate_allows(bpf_ktime_get_boot_ns(), max_events_per_second_per_cpu))
		return 0;
	event = event_begin(struct ${name}_event);
	if (!event)
		return 0;
	event->pid = BPF_CORE_READ(task, pid);
	event->cpu = bpf_get_smp_processor_id();
	BPF_CORE_READ_STR_INTO(&event->comm, task, comm);
	event_submit_urgent(event);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
`;

/**
 * Builds some of them, two seconds each.
 * @param directory gets sources and result
 * @returns a directory for `path.collectors`
 */
export async function buildQuietCollectors(directory: string, count: number): Promise<string> {
  const [sources, out] = [join(directory, 'quiet-sources'), join(directory, 'quiet')];
  for (const path of [sources, out]) mkdirSync(path, { recursive: true });
  for (let index = 0; index < count; index++) {
    const name = `quiet_${index}`;
    writeFileSync(join(sources, `${name}.bpf.c`), source(name));
  }
  const { failures } = await buildDirectory(sources, out);
  if (failures[0]) throw failures[0];
  return out;
}
