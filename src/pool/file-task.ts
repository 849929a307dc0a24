/**
 * What one task of the pool does: load the module of a file collector and call one of its functions.
 *
 * Tasks keep nothing between two calls but what is only a cache (the module, the parsed list of containers): the list, the
 * samples and the loss counters come with the task and go back with its result, because the next task may run in another thread.
 */
import { pathToFileURL } from 'node:url';
import { boottime_ns } from '../actor/clock.ts';
import type { ContainersSnapshot, SnapshotContainers } from '../containers/snapshot.ts';
import { HuatuoError, type WireError } from '../error.ts';
import type { Collector } from '../sdk/collector.ts';
import type { Bpf, HostPaths, Log } from '../sdk/context.ts';
import { createInstruments, type SeriesLosses } from '../sdk/instruments.ts';
import type { MetricFamily } from '../sdk/metrics.ts';

/** A file collector as the supervisor names it to the Prometheus worker. */
export interface PoolCollector {
  readonly name: string;
  /** Absolute path of the compiled module; its default export is the collector. */
  readonly modulePath: string;
  /** As the collector's own schema returned them. */
  readonly options: unknown;
  readonly maxSeries: number;
  /** Changes with the contents of the module and of what it imports. */
  readonly contents: string;
}

export interface StoredSample {
  readonly boottime_ns: bigint;
  /** Plain data, as `take` returned it. */
  readonly state: unknown;
}

/** `describe`: has it a clock? `take`: one sample. `update`: the families. */
export type FileTask =
  | { readonly type: 'describe'; readonly collector: PoolCollector }
  | {
      readonly type: 'take';
      readonly collector: PoolCollector;
      readonly containers: ContainersSnapshot;
    }
  | {
      readonly type: 'update';
      readonly collector: PoolCollector;
      readonly containers: ContainersSnapshot;
      readonly samples: readonly StoredSample[];
      readonly losses: SeriesLosses;
    };

/** Errors travel as values: the pool's own way loses their code. */
export type FileTaskResult =
  | { readonly type: 'described'; readonly every_seconds: number | undefined }
  | { readonly type: 'taken'; readonly sample: StoredSample }
  | { readonly type: 'updated'; readonly families: readonly MetricFamily[]; readonly losses: SeriesLosses }
  | { readonly type: 'failed'; readonly error: WireError };

/** What a thread of the pool has ready for every collector. */
export interface TaskHost {
  readonly paths: HostPaths;
  readonly containers: SnapshotContainers;
  log(collector: string): Log;
}

/** What runs here has no object. */
const NO_BPF: Bpf = {
  load: () => Promise.reject(noObject()),
  kernelEnum: () => Promise.reject(noObject()),
  packetFilter: () => Promise.reject(noObject()),
};

function noObject(): HuatuoError {
  return new HuatuoError('COLLECTOR_INVALID', {
    expected: 'a BPF object of the same name',
    found: 'a collector without one',
    remedy: 'add the program, or do not call ctx.bpf.load()',
  });
}

/** Runs one task. Never throws. */
export async function runFileTask(task: FileTask, host: TaskHost): Promise<FileTaskResult> {
  try {
    return await run(task, host);
  } catch (thrown) {
    const error = HuatuoError.from(
      thrown,
      'COLLECTOR_FAILED',
      `see the log of collector ${task.collector.name}`,
    );
    return { type: 'failed', error: HuatuoError.toWire(error) };
  }
}

async function run(task: FileTask, host: TaskHost): Promise<FileTaskResult> {
  const { name, modulePath, options, maxSeries } = task.collector;
  const collector = await load(modulePath);
  if (task.type !== 'describe') host.containers.use(task.containers);
  const context = { options, paths: host.paths, containers: host.containers, log: host.log(name) };
  switch (task.type) {
    case 'describe':
      return { type: 'described', every_seconds: collector.sample?.every };
    case 'take': {
      const taken_ns = boottime_ns();
      return {
        type: 'taken',
        sample: { boottime_ns: taken_ns, state: await collector.sample?.take(context) },
      };
    }
    case 'update': {
      const set = createInstruments(name, collector.metrics ?? {}, { maxSeries, losses: task.losses });
      await collector.update({ ...context, metrics: set.instruments, samples: task.samples, bpf: NO_BPF });
      const losses = { refusedSeries: set.refusedSeries, truncatedLabels: set.truncatedLabels };
      return { type: 'updated', families: set.collect(), losses };
    }
  }
}

type MetricCollector = Extract<Collector, { readonly kind: 'metric' }>;

/** Imported once for each thread: Node caches the module. */
async function load(modulePath: string): Promise<MetricCollector> {
  const module = (await import(pathToFileURL(modulePath).href)) as { readonly default?: Collector };
  const collector = module.default;
  if (collector?.kind === 'metric') return collector;
  throw new HuatuoError('COLLECTOR_INVALID', {
    expected: `${modulePath} to export the result of defineMetric by default`,
    found: `${collector?.kind ?? 'no collector'}`,
    remedy: 'export default defineMetric({ … })',
  });
}
