/**
 * One built-in collector in this process: its object in the kernel, its ring read by its real decoder, its own `enrich` and
 * `update`, with options as the config file gives them. No agent, no threads, no journal: a test provokes, then looks.
 *
 *   await using softirq = await CollectorHarness.load('softirq', { options: { threshold: '1ns' } });
 *   … provoke …
 *   const documents = await softirq.documents();     // decoded, enriched, held against what the collector declares
 *   const page = await softirq.scrape();
 *
 * A collector of files has a fixture's tree for `paths`, and takes a sample when the test says so.
 */
import assert from 'node:assert/strict';
import { MessageChannel } from 'node:worker_threads';
import type { SharedRing } from '../../src/actor/kernel-calls.ts';
import { expose } from '../../src/actor/rpc.ts';
import { ActorStats } from '../../src/actor/stats.ts';
import { createBpf, type OwnBpf } from '../../src/collector/bpf.ts';
import { enrichLines } from '../../src/collector/enrich.ts';
import { JournalClient } from '../../src/collector/journal-client.ts';
import { createNetlink } from '../../src/collector/netlink.ts';
import type { CollectorWorkerData } from '../../src/collector/protocol.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { NetlinkOwner } from '../../src/kernel/netlink-owner.ts';
import { KernelOwner } from '../../src/kernel/object-owner.ts';
import { RingWatch } from '../../src/kernel/ring-watch.ts';
import type { Collector, EventData } from '../../src/sdk/collector.ts';
import type { CollectorContext, SavedDocument } from '../../src/sdk/context.ts';
import { SharedState } from '../../src/sdk/shared-state.ts';
import { memoryLog } from '../storage/journal/fixture.ts';
import { builtInProblems } from './document-schema.ts';
import { familiesOf, type MetricFamily, pageOf } from './families.ts';
import { HarnessContainers } from './harness-containers.ts';
import { HarnessMetrics } from './harness-metrics.ts';
import { type HarnessOptions, prepare, type Setup } from './harness-setup.ts';
import { type JournalDocument, parseDocument } from './journal-reader.ts';
import { dumpMaps, recordMaps } from './map-recording.ts';
import { type PageFamily, parsePage } from './prometheus-text.ts';
import { ringRecords } from './ring-recording.ts';
import { TestClock } from './test-clock.ts';

keepClock();

export class CollectorHarness implements AsyncDisposable {
  readonly ctx: CollectorContext;
  readonly clock: TestClock;
  readonly containers: HarnessContainers;
  /** What it has saved. */
  readonly saved: SavedDocument[] = [];
  /** `<level> <message>` of what it has logged. */
  readonly logged: readonly string[];
  readonly #name: string;
  readonly #isBuiltIn: boolean;
  readonly #collector: Collector;
  readonly #kernel: KernelOwner | undefined;
  readonly #bpf: OwnBpf;
  readonly #metrics: HarnessMetrics;
  readonly #cleanups = new DisposableStack();
  readonly #stop = new AbortController();
  #ring: SharedRing | undefined;
  #running: Promise<void> = Promise.resolve();

  private constructor(name: string, collector: Collector, setup: Setup) {
    this.#name = name;
    this.#isBuiltIn = setup.sources === undefined;
    this.#collector = collector;
    this.#kernel = setup.source && new KernelOwner(setup.source);
    this.clock = setup.clock ?? new TestClock();
    const log = memoryLog();
    this.logged = log.lines;
    this.containers = new HarnessContainers(setup.hostCgroups);
    this.#cleanups.use(this.containers);
    const { client: containers } = this.containers;
    this.#metrics = new HarnessMetrics(collector, setup, containers);
    const data = { ...setup.data, control: this.#control() };
    this.#bpf = createBpf({
      data,
      journal: new JournalClient(),
      stats: new ActorStats(data.stats),
      containers,
      // Readers of the ring end when it is empty instead of waiting for more.
      signal: AbortSignal.abort(),
      log,
      enrich: undefined,
      attached: () => undefined,
    });
    this.ctx = {
      name,
      options: data.options,
      paths: data.paths,
      containers,
      log,
      metrics: this.#metrics.instruments,
      clock: this.clock,
      signal: this.#stop.signal,
      netlink: setup.netlink ?? createNetlink(data.control, this.#stop.signal),
      state: new SharedState(data.state),
      save: async (document) => this.#save(document),
      bpf: this.#bpf,
    };
  }

  /** Loads and attaches it. @throws what the kernel says against it */
  static async load(name: string, options: HarnessOptions = {}): Promise<CollectorHarness> {
    const setup = await prepare(name, options);
    const module: { readonly default?: Collector } =
      setup.modulePath === undefined ? {} : await import(setup.modulePath);
    const collector = module.default ?? { kind: 'event', doc: name };
    const harness = new CollectorHarness(name, collector, setup);
    try {
      await harness.containers.add(...(options.containers ?? []));
      if (!harness.#kernel) return harness;
      const object = await harness.#bpf.load();
      if (collector.kind !== 'metric') await collector.prepare?.(object, harness.ctx);
      await object.attach();
      return harness;
    } catch (error) {
      // What is left open would keep the test's process from ending.
      await harness[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What the ring holds now, as documents; they are committed. */
  async documents(): Promise<JournalDocument[]> {
    const { ctx } = this;
    const enrich =
      this.#collector.kind === 'metric' ? undefined : this.#collector.enrich?.bind(this.#collector);
    const found: JournalDocument[] = [];
    for await (const { lines } of (await ctx.bpf.load()).events.batches()) {
      const options = {
        enrich: async (event: EventData) => enrich?.(event, ctx),
        log: ctx.log,
        limit_bytes: Number.POSITIVE_INFINITY,
        failed: () => undefined,
      };
      const whole = enrich ? Buffer.concat(await enrichLines(lines, options)) : Buffer.from(lines);
      const text = whole.toString();
      found.push(...text.trimEnd().split('\n').map(parseDocument));
    }
    if (this.#isBuiltIn)
      for (const { data, text } of found) assert.deepEqual(builtInProblems(this.#name, data), [], text);
    return found;
  }

  /**
   * Runs the collector's own loop until it ends by itself or the harness is disposed of; what it saves is in `saved`.
   * @returns settles with the loop
   */
  start(): Promise<void> {
    const collector = this.#collector;
    assert.ok(collector.kind !== 'metric' && collector.start);
    const running = collector.start(this.ctx);
    // Whoever waits for it hears of its failure.
    this.#running = running.catch(() => undefined);
    return running;
  }

  /** Ends that loop as the agent does. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.clock.cancel();
    await this.#running;
  }

  /** Takes one sample of files, at the time its clock shows. */
  async sample(): Promise<void> {
    await this.#metrics.sample(this.ctx);
  }

  /** Its metrics as it gives them. */
  async families(): Promise<readonly MetricFamily[]> {
    return familiesOf(await this.#metrics.answer(this.ctx, this.#bpf));
  }

  /** Its metrics page, as text. */
  async page(): Promise<string> {
    return pageOf(this.#name, await this.#metrics.answer(this.ctx, this.#bpf));
  }

  /** The same, read as a scraper does. */
  async scrape(): Promise<ReadonlyMap<string, PageFamily>> {
    return parsePage(await this.page());
  }

  /** Records what the maps hold that are metrics, as the kernel gives it; for `replayMaps`. */
  async recordMaps(): Promise<void> {
    const calls = this.#kernel?.calls;
    assert.ok(calls);
    const batch = (map: string, position: Uint8Array | undefined) => calls.mapBatch(map, position);
    recordMaps(this.#name, await dumpMaps(this.#metrics.maps, batch));
  }

  /** The records that the ring holds now, as the kernel wrote them; for `replay`. They stay there. */
  records(): Buffer[] {
    return this.#ring ? ringRecords(this.#ring) : [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#kernel?.release();
    this.#cleanups.dispose();
  }

  #save(document: SavedDocument): void {
    const data = JSON.parse(JSON.stringify(document.data)) as object;
    if (this.#isBuiltIn) assert.deepEqual(builtInProblems(this.#name, data), []);
    this.saved.push({ ...document, data });
  }

  /** The supervisor's end of the control port. */
  #control(): CollectorWorkerData['control'] {
    const { port1, port2 } = new MessageChannel();
    const calls = this.#kernel?.calls;
    const netlink = this.#cleanups.use(new NetlinkOwner(this.#cleanups.use(new RingWatch())));
    expose(
      {
        ...netlink.calls,
        ...(calls && {
          ...calls,
          shareRing: async (needs: Parameters<typeof calls.shareRing>[0]) => {
            this.#ring = await calls.shareRing(needs);
            return this.#ring;
          },
        }),
      },
      port1,
    );
    this.#cleanups.defer(() => port1.close());
    return port2;
  }
}
