/** Bursts of memory: of processes, which nothing but its owner can give back, of page cache, and of the kernel's objects. */
import { readCgroupMemoryKinds, readHostMemoryKinds } from '../../procfs/memory-kinds.ts';
import * as sdk from '../../sdk/index.ts';
import { BURST_FIELDS, BURST_OPTIONS, GROWTH_FIELDS, growthOf, memoryBurst } from './memory-burst.ts';

export default sdk.defineAutotracing({
  doc: 'Shows who took the memory when that of the host, of a container or of a systemd unit has grown fast.',
  about: {
    question:
      'Which memory of the host, of a container or of a systemd unit has grown fast (of processes, page cache, objects of the kernel), which processes have taken it, with which files or caches, and which functions take more?',
    reads:
      '/proc/meminfo, memory.stat, memory.usage, memory.kmem.usage_in_bytes and limits of cgroups; at a capture /proc/<pid>, /proc/slabinfo and, by what has grown, profile_samples.bpf.c, page_cache_growth.bpf.c or slab_growth.bpf.c',
    kernel:
      'any with CONFIG_MEMCG; without it only the host; who takes more needs BPF: 5.11, of page cache 5.16, of slab 6.1',
    falsePositives:
      'A program that fills its heap at its start, as a database or a JVM does, or reads a large file is a burst, too: floor, share and ratio say from where on. Not seen: growth slower than the window, and a burst before there are as many samples as the window has. Who takes more is seen from the trigger on: of a burst that is over there are the processes alone. With cgroup v1, slab of a container or unit is all memory of the kernel that it is charged',
  },
  options: {
    ...sdk.WORKLOAD_FILTER,
    window: sdk.count(60, 'Samples that a burst may take; none is seen before as many', { min: 2, max: 720 }),
    ...BURST_OPTIONS,
    profile: sdk.duration('5s', 'How long is looked at who takes more', sdk.IN_CAPTURE),
    top: sdk.count(10, 'Processes, files and caches in a document', { max: 100 }),
  },
  document: {
    ...BURST_FIELDS,
    top_memory_usage: sdk.list(
      sdk.struct({
        PID: sdk.integer('Process'),
        ProcessName: sdk.keyword('Its name'),
        MemSize: sdk.bytes('Its resident memory'),
        growth_bytes: sdk.optional(sdk.bytes('How much of it came within a window, about')),
      }),
      'Processes with the most resident memory, largest first',
    ),
    ...GROWTH_FIELDS,
  },
  remembersProcesses: true,
  sample: (ctx) => {
    const isWanted = sdk.workloadFilter(ctx.options);
    const workloads = sdk.perWorkload(ctx, (one) =>
      isWanted(one) ? readCgroupMemoryKinds(one.cgroups) : undefined,
    );
    return [['host', readHostMemoryKinds(ctx.paths.procfs)] as const, ...workloads];
  },
  trigger: memoryBurst,
  // Page cache comes and goes: it must not keep the others from being captured.
  aspect: ({ grew }) => grew,
  async capture(subject, why, ctx) {
    // Before they end: a look at who takes more takes its time.
    const top = ctx.processes.top(subject, 'rss', ctx.options.top);
    const growth = await growthOf(why.grew, subject, ctx).catch((error: unknown) => {
      ctx.log.warn('where memory is taken cannot be seen', { error });
    });
    return {
      ...why,
      top_memory_usage: top.map(({ pid: PID, comm: ProcessName, rss_bytes: MemSize, growth_bytes }) => {
        return { PID, ProcessName, MemSize, growth_bytes };
      }),
      ...growth,
    };
  },
});
