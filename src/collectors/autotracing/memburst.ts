/** Bursts of anonymous memory, which nothing but its owner can give back. */
import { readCgroupAnonMemory, readHostAnonMemory } from '../../procfs/anon-memory.ts';
import * as sdk from '../../sdk/index.ts';

export default sdk.defineAutotracing({
  doc: 'Shows who took the memory when that of the host or of a container has grown fast.',
  about: {
    question:
      'Whose anonymous memory, of the host or of a container, has grown fast, which processes have taken it, and which functions take more?',
    reads:
      '/proc/meminfo, memory.stat, memory.usage and limits of cgroups; at a capture /proc/<pid> and profile_samples.bpf.c',
    kernel: 'any with CONFIG_MEMCG; without it only the host; the flame graph needs BPF, 5.10',
    falsePositives:
      'A program that fills its heap at its start, as a database or a JVM does, is a burst, too: floor, share and ratio say from where on. Not seen: growth slower than the window, page cache, and a burst before there are as many samples as the window has',
  },
  options: {
    window: sdk.count(60, 'Samples that a burst may take; none is seen before as many', { min: 2, max: 720 }),
    ratio: sdk.number(2, 'A burst multiplies anonymous memory by this', { min: 1 }),
    share: sdk.number(0.7, 'It fills this share of the limit, or of all memory', { min: 0, max: 1 }),
    floor: sdk.size('512MiB', 'It ends with at least this much'),
    profile: sdk.duration('5s', 'How long is looked at who takes more', sdk.IN_CAPTURE),
    top: sdk.count(10, 'Processes in a document', { max: 100 }),
  },
  document: {
    before_bytes: sdk.bytes('Anonymous memory at the start of the window'),
    after_bytes: sdk.bytes('The same at its end'),
    window_seconds: sdk.decimal('From the one to the other'),
    limit_bytes: sdk.optional(sdk.bytes('Limit of the container; memory of the host')),
    top_memory_usage: sdk.list(
      sdk.struct({
        PID: sdk.integer('Process'),
        ProcessName: sdk.keyword('Its name'),
        MemSize: sdk.bytes('Its resident memory'),
        growth_bytes: sdk.optional(sdk.bytes('How much of it came within a window, about')),
      }),
      'Processes with the most resident memory, largest first',
    ),
    flamedata: sdk.optional(sdk.PROFILE_FIELDS.flamedata),
    profile: sdk.optional(sdk.PROFILE_FIELDS.profile),
  },
  remembersProcesses: true,
  sample: (ctx) => [
    ['host', readHostAnonMemory(ctx.paths.procfs)] as const,
    ...sdk.perContainer(ctx, ({ cgroups }) => readCgroupAnonMemory(cgroups)),
  ],
  trigger({ full, seconds, oldest, newest }, { ratio, share, floor }) {
    const { used_bytes: before_bytes } = oldest.state;
    const { used_bytes: after_bytes, limit_bytes } = newest.state;
    const isBurst = after_bytes >= Math.max(ratio * before_bytes, share * (limit_bytes ?? 0), floor);
    return full && isBurst ? { before_bytes, after_bytes, window_seconds: seconds, limit_bytes } : undefined;
  },
  async capture(subject, why, { log, processes, profile, options }) {
    // Before they end: a profile takes its time.
    const top = processes.top(subject, 'rss', options.top);
    const taken = await profile.allocations({ seconds: options.profile }).catch((error: unknown) => {
      log.warn('where memory is taken cannot be seen', { error });
    });
    return {
      ...why,
      top_memory_usage: top.map(({ pid: PID, comm: ProcessName, rss_bytes: MemSize, growth_bytes }) => {
        return { PID, ProcessName, MemSize, growth_bytes };
      }),
      ...(taken && sdk.profileDocument(taken)),
    };
  },
});
