/**
 * A collector in its thread: context, life cycle, control. The entry point is workers/collector.ts.
 *
 *   start() ──returned──► waiting `interval` s ──► start() …
 *      │ threw
 *      ▼
 *   `failed` notice, the worker ends; the supervisor decides whether and when there is another one
 */
import type { MessagePort } from 'node:worker_threads';
import { parentPort } from 'node:worker_threads';
import { answerHeartbeat } from '../actor/heartbeat.ts';
import { expose, wrap } from '../actor/rpc.ts';
import { useSmallBuffers } from '../actor/small-buffers.ts';
import { ActorStats } from '../actor/stats.ts';
import { threadId } from '../actor/thread.ts';
import { ContainersClient } from '../containers/client.ts';
import { HuatuoError } from '../error.ts';
import { createLog } from '../log.ts';
import { limitRepeats } from '../log-limit.ts';
import { CollectorMetrics } from '../map-metrics/collector-metrics.ts';
import { metricMaps } from '../map-metrics/map-metrics.ts';
import type { ProfileCalls } from '../profile/protocol.ts';
import type { MapLayout } from '../schema/manifest.ts';
import type { Collector } from '../sdk/collector.ts';
import type { CollectorContext, Log } from '../sdk/context.ts';
import { SharedState } from '../sdk/shared-state.ts';
import { createBpf, type OwnBpf } from './bpf.ts';
import { createClock, documentKind } from './context.ts';
import { CriticalLog } from './critical-log.ts';
import { JournalClient } from './journal-client.ts';
import { createNetlink } from './netlink.ts';
import { Overdue } from './overdue.ts';
import type { CollectorControl, CollectorNotice, CollectorWorkerData } from './protocol.ts';
import { Sampler } from './sampler.ts';
import { Saver } from './saver.ts';
import { allocateChanges, answerScrapes, type Scraped } from './scraping.ts';

const REPEATS_MS = 10_000;
/** One update() or enrich() may take this long; then the supervisor gets no answers, and its timeout begins to run. */
const OVERDUE_MS = 4000;

type RuntimeContext = CollectorContext & { readonly bpf: OwnBpf };

export class CollectorRuntime {
  readonly #data: CollectorWorkerData;
  readonly #collector: Collector;
  readonly #stats: ActorStats;
  readonly #log: Log;
  readonly #journal = new JournalClient();
  readonly #containers: ContainersClient;
  readonly #stop = new AbortController();
  readonly #overdue = new Overdue(OVERDUE_MS, (underWay) => this.#answer(underWay));
  #answer: (underWay: number) => void = () => undefined;
  readonly #saver: Saver;
  readonly #sampler: Sampler | undefined;
  readonly #ctx: RuntimeContext;
  /** That are read here. */
  readonly #maps: readonly MapLayout[];
  readonly #changes = allocateChanges();
  readonly #metrics: CollectorMetrics;
  #running: Promise<void> = Promise.resolve();
  readonly #ready = Promise.withResolvers<void>();

  constructor(data: CollectorWorkerData, collector: Collector) {
    this.#data = data;
    this.#collector = collector;
    this.#stats = new ActorStats(data.stats);
    this.#containers = new ContainersClient(data.containerWait_ms);
    const log = createLog({ component: data.name, ...data.log });
    // A line for each event would be an overload of its own.
    this.#log = limitRepeats(log, { interval_ms: REPEATS_MS });
    this.#maps = data.isMapped ? [] : metricMaps(data.bpf?.manifest);
    this.#metrics = new CollectorMetrics({
      collector: data.name,
      specs: collector.metrics ?? {},
      maps: this.#maps,
      changes: this.#changes,
      maxSeries: data.maxSeries,
      series: data.series,
      sysfs: data.paths.sysfs,
      containers: this.#containers,
      keepGone_ms: data.containerKeepGone_ms,
    });
    const critical = new CriticalLog(this.#log, collector.doc);
    this.#saver = new Saver({
      announce: (line) => critical.say([line], 1),
      journal: this.#journal,
      stats: this.#stats,
      agent: data.agent,
      document: documentKind(data),
      containers: this.#containers,
      signal: this.#stop.signal,
      origin: data.saveOrigin,
    });
    this.#ctx = this.#createContext();
    const sample = collector.kind === 'metric' ? collector.sample : undefined;
    const take = sample && (() => this.#watched(() => sample.take(this.#ctx)));
    this.#sampler = take && new Sampler(sample.every, take, this.#stop.signal);
  }

  /** Runs the collector until it is stopped; never rejects: a failure is told to the supervisor and ends the worker. */
  run(): void {
    useSmallBuffers();
    notify({ type: 'thread', tid: threadId() });
    this.#answer = answerHeartbeat(this.#data.stats, () => this.#overdue.any);
    expose(this.#control(), this.#data.control);
    this.#running = this.#loop().catch((error: unknown) => this.#fail(error));
  }

  #control(): CollectorControl {
    return {
      connectTo: (service, port) => this.#connectTo(service, port),
      stop: async (isSucceeded) => {
        if (!isSucceeded) await this.#ctx.bpf.detach();
        this.#stop.abort();
        await this.#running;
        await this.#saver.close();
      },
    };
  }

  #connectTo(service: string, port: MessagePort): void {
    if (service === 'journal') this.#journal.connect(port);
    else if (service === 'containers') this.#containers.connect(port);
    else if (service === 'prometheus') answerScrapes(port, this.#ready.promise, this.#scraped());
    else port.close();
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#start();
      } catch (error) {
        if (!this.#stop.signal.aborted) throw error;
        this.#log.debug('start() ended with an error when it was stopped', { error });
      }
      if (this.#stop.signal.aborted) return;
      const seconds = this.#data.interval_seconds;
      notify({ type: 'waiting', seconds });
      this.#ready.resolve();
      await this.#ctx.clock.sleep(seconds).catch(() => undefined);
    }
  }

  async #start(): Promise<void> {
    const collector = this.#collector;
    if (collector.kind !== 'metric' && collector.start) {
      // With a BPF object it runs once that is attached.
      if (!this.#data.bpf) this.#runs();
      return collector.start(this.#ctx);
    }
    if ('trigger' in collector) {
      this.#runs();
      // Loaded here: it is a fourth of what a collector's thread would load, and most are no autotracers.
      const { runAutotracer } = await import('../capture/run.ts');
      return runAutotracer(collector, {
        ...this.#ctx,
        profile: wrap<ProfileCalls>(this.#data.control),
      });
    }
    const object = await this.#ctx.bpf.load();
    if (collector.kind !== 'metric') await collector.prepare?.(object, this.#ctx);
    await object.attach();
    if (collector.kind === 'event') return object.events.toJournal();
    await new Promise((resolve) => this.#stop.signal.addEventListener('abort', resolve, { once: true }));
  }

  /** What neither updates its metrics at a scrape nor has maps to read changes them by itself, and says so. */
  #scraped(): Scraped {
    const collector = this.#collector;
    const metrics = this.#metrics;
    const update = (): Promise<void> =>
      this.#watched(() =>
        collector.kind === 'metric'
          ? collector.update({ ...this.#ctx, samples: this.#sampler?.samples ?? [] })
          : collector.update?.(this.#ctx),
      );
    return {
      ...(!collector.update && this.#maps.length === 0 && { changes: this.#changes }),
      get mayExpire() {
        return metrics.mayExpire;
      },
      collect: (known) => metrics.collect(update, this.#ctx.bpf, known),
    };
  }

  /** Runs one of the collector's functions, which must end. */
  #watched<T>(run: () => T | Promise<T>): Promise<T> {
    return this.#overdue.watch((async () => run())());
  }

  #fail(error: unknown): void {
    notify({ type: 'failed', error: HuatuoError.toWire(error) });
    // The exit code is not read; `failed` says why. Messages posted before exit are delivered.
    process.exit(1);
  }

  #createContext(): RuntimeContext {
    const data = this.#data;
    const log = this.#log;
    const containers = this.#containers;
    const signal = this.#stop.signal;
    const collector = this.#collector;
    const enrich = collector.kind === 'metric' ? undefined : collector.enrich?.bind(collector);
    const ctx: RuntimeContext = {
      name: data.name,
      options: data.options,
      paths: data.paths,
      containers,
      log,
      metrics: this.#metrics.instruments,
      clock: createClock(signal),
      signal,
      netlink: createNetlink(data.control, signal),
      state: new SharedState(data.state),
      save: (document) => this.#saver.save(document),
      bpf: createBpf({
        data,
        journal: this.#journal,
        stats: this.#stats,
        containers,
        signal,
        log,
        enrich: enrich && ((event) => this.#watched(() => enrich(event, ctx))),
        attached: () => this.#runs(),
      }),
    };
    return ctx;
  }

  #runs(): void {
    notify({ type: 'running' });
    this.#ready.resolve();
  }
}

function notify(notice: CollectorNotice): void {
  parentPort?.postMessage(notice);
}

/** The catalog has checked the module's shape before the worker was started. */
export async function loadModule(data: CollectorWorkerData): Promise<Collector> {
  if (data.modulePath === undefined) {
    const doc = data.bpf?.manifest.doc ?? data.name;
    return data.kind === 'metric' ? { kind: 'metric', doc, update() {} } : { kind: 'event', doc };
  }
  const module = (await import(data.modulePath)) as { readonly default: Collector };
  return module.default;
}
