/**
 * What one task of the pool does: load the module of a collector over files and call one of its functions.
 *
 * Tasks keep nothing between two calls but what is only a cache (the module, the parsed list of containers, the text of series): the
 * list, the samples and the loss counters come with the task and go back with its result, because the next task may run in another thread.
 * What a collector keeps itself is in shared memory, which outlives the threads.
 */
import { pathToFileURL } from 'node:url';
import { boottime_ns } from '../actor/clock.ts';
import { type CaptureRequest, packLook } from '../capture/request.ts';
import type { Look } from '../capture/tracer.ts';
import { Watch, type WatchMemory } from '../capture/watch.ts';
import type { ContainersSnapshot, SnapshotContainers } from '../containers/snapshot.ts';
import { HuatuoError, type WireError } from '../error.ts';
import type { AnyAutotracer, Collector } from '../sdk/collector.ts';
import type { Bpf, HostPaths, Log, SampleContext } from '../sdk/context.ts';
import { createInstruments, type InstrumentSet, type SeriesLosses } from '../sdk/instruments.ts';
import type { MetricSpecs, MetricsAnswer } from '../sdk/metrics.ts';
import type { NetlinkRequests } from '../sdk/netlink.ts';
import { SharedState, type StateMemory } from '../sdk/shared-state.ts';

/** A collector over files as the supervisor names it to the Prometheus worker. */
export interface PoolCollector {
  readonly name: string;
  /** Absolute path of the compiled module; its default export is the collector. */
  readonly modulePath: string;
  /** As the collector's own schema returned them. */
  readonly options: unknown;
  readonly maxSeries: number;
  /** Changes with the contents of the module and of what it imports. */
  readonly contents: string;
  /** `ctx.state` of a metric collector; the memory of an autotracer's watch. */
  readonly state: StateMemory;
}

export interface StoredSample {
  readonly boottime_ns: bigint;
  /** Plain data, as `take` returned it. */
  readonly state: unknown;
}

/** `describe`: has it a clock? `take`: one sample. `update`: the families. `look`: one sample of an autotracer, and its triggers. */
export type FileTask =
  | { readonly type: 'describe'; readonly collector: PoolCollector }
  | {
      readonly type: 'take' | 'look';
      readonly collector: PoolCollector;
      readonly containers: ContainersSnapshot;
    }
  | {
      readonly type: 'update';
      readonly collector: PoolCollector;
      readonly containers: ContainersSnapshot;
      readonly samples: readonly StoredSample[];
      readonly losses: SeriesLosses;
      /** Token of the answer whose text the asker has. */
      readonly known: string | undefined;
    };

/** Errors travel as values: the pool's own way loses their code. */
export type FileTaskResult =
  | { readonly type: 'described'; readonly every_seconds: number | undefined }
  | { readonly type: 'taken'; readonly sample: StoredSample }
  | { readonly type: 'updated'; readonly answer: MetricsAnswer; readonly losses: SeriesLosses }
  | { readonly type: 'looked'; readonly look: Look<CaptureRequest> }
  | { readonly type: 'failed'; readonly error: WireError };

/** What a thread of the pool has ready for every collector. */
export interface TaskHost {
  readonly paths: HostPaths;
  readonly containers: SnapshotContainers;
  readonly netlink: NetlinkRequests;
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
      `the stack of collector ${task.collector.name} is in the log at level debug`,
    );
    return { type: 'failed', error: HuatuoError.toWire(error) };
  }
}

async function run(task: FileTask, host: TaskHost): Promise<FileTaskResult> {
  const { name, options } = task.collector;
  if (task.type !== 'describe') host.containers.use(task.containers);
  const context = { options, paths: host.paths, containers: host.containers, log: host.log(name) };
  const state = new SharedState(task.collector.state);
  const { netlink } = host;
  if (task.type === 'look') {
    const tracer = await loadCollector(task.collector, 'defineAutotracing', isAutotracer);
    return { type: 'looked', look: await takeLook(name, tracer, context, state) };
  }
  const collector = await loadCollector(task.collector, 'defineMetric', isMetric);
  switch (task.type) {
    case 'describe':
      return { type: 'described', every_seconds: collector.sample?.every };
    case 'take': {
      const taken_ns = boottime_ns();
      const taken = await collector.sample?.take({ ...context, state, netlink });
      return { type: 'taken', sample: { boottime_ns: taken_ns, state: taken } };
    }
    case 'update': {
      const set = instrumentsOf(task.collector, collector);
      set.restart(task.losses);
      const { instruments: metrics } = set;
      await collector.update({ ...context, state, netlink, metrics, samples: task.samples, bpf: NO_BPF });
      const losses = { refusedSeries: set.refusedSeries, truncatedLabels: set.truncatedLabels };
      return { type: 'updated', answer: set.collect(task.known), losses };
    }
  }
}

/** Of the collectors that this thread has updated: series come again, and so does their text. */
const instruments = new Map<
  string,
  { readonly maxSeries: number; readonly set: InstrumentSet<MetricSpecs> }
>();

function instrumentsOf(
  { name, modulePath, maxSeries }: PoolCollector,
  { metrics = {} }: MetricCollector,
): InstrumentSet<MetricSpecs> {
  const known = instruments.get(modulePath);
  if (known?.maxSeries === maxSeries) return known.set;
  const set = createInstruments(name, metrics, { maxSeries });
  instruments.set(modulePath, { maxSeries, set });
  return set;
}

/** What the looks in this thread have left, by tracer: to open windows again costs more than all else of a look. */
const left = new Map<string, { readonly version: string; readonly memory: WatchMemory }>();

/** Each look goes on with the windows of the one before, whichever thread that was in. */
async function takeLook(
  name: string,
  tracer: AnyAutotracer,
  context: SampleContext<unknown>,
  memory: SharedState,
): Promise<Look<CaptureRequest>> {
  const here = left.get(name);
  const former = here?.version === memory.version ? here.memory : memory.get<WatchMemory>();
  const watch = new Watch(tracer, context, former);
  const look = await watch.look(boottime_ns());
  keep(memory, watch.memory);
  left.set(name, { version: memory.version, memory: watch.memory });
  return packLook(look, (error) => context.log.error('a trigger failed', { error }));
}

/** @throws OVERLOADED: later there may be fewer subjects */
function keep(memory: SharedState, kept: WatchMemory): void {
  try {
    memory.set(kept);
  } catch (cause) {
    throw new HuatuoError('OVERLOADED', {
      expected: 'windows of all subjects that can be kept',
      found: cause instanceof Error ? cause.message : String(cause),
      remedy: 'set a smaller window, or return less from sample()',
      cause,
    });
  }
}

type MetricCollector = Extract<Collector, { readonly kind: 'metric' }>;

const isMetric = (collector: Collector | undefined): collector is MetricCollector =>
  collector?.kind === 'metric';

const isAutotracer = (collector: Collector | undefined): collector is AnyAutotracer =>
  collector?.kind === 'autotracing' && 'trigger' in collector;

/** What this thread has imported, by path. Node caches modules too, but resolves the name of each anew: a sixth of all that tasks cost. */
const modules = new Map<string, { readonly default?: Collector }>();

async function importOnce(path: string): Promise<{ readonly default?: Collector }> {
  const known = modules.get(path);
  if (known) return known;
  const module = (await import(pathToFileURL(path).href)) as { readonly default?: Collector };
  modules.set(path, module);
  return module;
}

async function loadCollector<Wanted extends Collector>(
  { modulePath }: PoolCollector,
  made: string,
  isWanted: (collector: Collector | undefined) => collector is Wanted,
): Promise<Wanted> {
  const { default: collector } = await importOnce(modulePath);
  if (isWanted(collector)) return collector;
  throw new HuatuoError('COLLECTOR_INVALID', {
    expected: `${modulePath} to export the result of ${made} by default`,
    found: `${collector?.kind ?? 'no collector'}`,
    remedy: `export default ${made}({ … })`,
  });
}
