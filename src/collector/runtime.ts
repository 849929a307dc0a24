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
import { expose } from '../actor/rpc.ts';
import { ActorStats } from '../actor/stats.ts';
import { threadId } from '../actor/thread.ts';
import { ContainersClient } from '../containers/client.ts';
import { readSymbols, type SymbolTable } from '../decoder/kallsyms.ts';
import { HuatuoError } from '../error.ts';
import { createLog } from '../log.ts';
import { limitRepeats } from '../log-limit.ts';
import type { Collector } from '../sdk/collector.ts';
import type { CollectorContext, Log } from '../sdk/context.ts';
import { createInstruments, type InstrumentSet } from '../sdk/instruments.ts';
import type { MetricFamily, MetricSpecs } from '../sdk/metrics.ts';
import { createBpf } from './bpf.ts';
import { createClock, documentKind } from './context.ts';
import { JournalClient } from './journal-client.ts';
import { Overdue } from './overdue.ts';
import type { CollectorControl, CollectorNotice, CollectorWorkerData } from './protocol.ts';
import { Saver } from './saver.ts';
import { answerScrapes } from './scraping.ts';

const BEAT_MS = 500;
const REPEATS_MS = 10_000;
/** One update() or enrich() may take this long; then the heartbeat stops, and its timeout begins to run. */
const OVERDUE_MS = 4000;

export class CollectorRuntime {
  readonly #data: CollectorWorkerData;
  readonly #collector: Collector;
  readonly #stats: ActorStats;
  readonly #log: Log;
  readonly #journal = new JournalClient();
  readonly #containers: ContainersClient;
  readonly #stop = new AbortController();
  readonly #overdue = new Overdue(OVERDUE_MS);
  readonly #ctx: CollectorContext;
  readonly #instruments: InstrumentSet<MetricSpecs>;
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
    this.#instruments = createInstruments(data.name, collector.metrics ?? {}, { maxSeries: data.maxSeries });
    this.#ctx = this.#createContext();
  }

  /** Runs the collector until it is stopped; never rejects: a failure is told to the supervisor and ends the worker. */
  run(): void {
    notify({ type: 'thread', tid: threadId() });
    setInterval(() => this.#beat(), BEAT_MS).unref();
    expose(this.#control(), this.#data.control);
    this.#running = this.#loop().catch((error: unknown) => this.#fail(error));
  }

  #control(): CollectorControl {
    return {
      connectTo: (service, port) => this.#connectTo(service, port),
      stop: async (leavePinned) => {
        await this.#detach(leavePinned);
        this.#stop.abort();
        await this.#running;
      },
    };
  }

  #connectTo(service: string, port: MessagePort): void {
    if (service === 'journal') this.#journal.connect(port);
    else if (service === 'containers') this.#containers.connect(port);
    else if (service === 'prometheus') answerScrapes(port, this.#ready.promise, () => this.#collect());
    else port.close();
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#start();
      if (this.#stop.signal.aborted) return;
      const seconds = this.#data.interval_seconds;
      notify({ type: 'waiting', seconds });
      this.#ready.resolve();
      await this.#ctx.clock.sleep(seconds).catch(() => undefined);
    }
  }

  async #start(): Promise<void> {
    const collector = this.#collector;
    if ('start' in collector && collector.start) {
      // With a BPF object it runs once that is attached.
      if (!this.#data.bpf) this.#runs();
      return collector.start(this.#ctx);
    }
    const object = await this.#ctx.bpf.load();
    await object.attach();
    if (collector.kind === 'event') return object.events.toJournal();
    await new Promise((resolve) => this.#stop.signal.addEventListener('abort', resolve, { once: true }));
  }

  async #detach(leavePinned: boolean): Promise<void> {
    if (!this.#data.bpf || (leavePinned && this.#data.bpf.pinned)) return;
    await (await this.#ctx.bpf.load()).detach();
  }

  async #collect(): Promise<readonly MetricFamily[]> {
    if (this.#collector.update && this.#collector.kind !== 'metric')
      await this.#update(this.#collector.update);
    else if (this.#collector.kind === 'metric' && this.#collector.source === 'bpf')
      await this.#update(this.#collector.update);
    return this.#instruments.collect();
  }

  async #update(update: (ctx: CollectorContext) => void | Promise<void>): Promise<void> {
    await this.#overdue.watch((async () => update.call(this.#collector, this.#ctx))());
  }

  #beat(): void {
    if (!this.#overdue.any) this.#stats.beat();
  }

  #fail(error: unknown): void {
    notify({ type: 'failed', error: HuatuoError.toWire(error) });
    // The exit code is not read; `failed` says why. Messages posted before exit are delivered.
    process.exit(1);
  }

  #createContext(): CollectorContext {
    const data = this.#data;
    const log = this.#log;
    const containers = this.#containers;
    const saver = new Saver(this.#journal, data.agent, documentKind(data), containers);
    const signal = this.#stop.signal;
    const enrich = 'enrich' in this.#collector ? this.#collector.enrich : undefined;
    const ctx: CollectorContext = {
      name: data.name,
      options: data.options,
      paths: data.paths,
      containers,
      log,
      metrics: this.#instruments.instruments,
      clock: createClock(signal),
      signal,
      save: (containerId, time_ns, payload) => saver.save(containerId, time_ns, payload),
      bpf: createBpf({
        data,
        journal: this.#journal,
        stats: this.#stats,
        containers,
        signal,
        log,
        enrich:
          enrich &&
          ((event) => this.#overdue.watch((async () => enrich.call(this.#collector, event, ctx))())),
        attached: () => this.#runs(),
        symbols: () => this.#symbols(),
      }),
    };
    return ctx;
  }

  #runs(): void {
    notify({ type: 'running' });
    this.#ready.resolve();
  }

  #symbols(): SymbolTable {
    if (this.#data.symbols) return this.#data.symbols;
    const table = readSymbols(this.#data.paths.procfs);
    notify({ type: 'symbols', table });
    return table;
  }
}

function notify(notice: CollectorNotice): void {
  parentPort?.postMessage(notice);
}

/** The catalog has checked the module's shape before the worker was started. */
export async function loadModule(data: CollectorWorkerData): Promise<Collector> {
  if (data.modulePath === undefined) return { kind: 'event', doc: data.bpf?.manifest.doc ?? data.name };
  const module = (await import(data.modulePath)) as { readonly default: Collector };
  return module.default;
}
