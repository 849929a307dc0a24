/**
 * A file collector as a source of metrics: its sampling clock, its newest two samples.
 *
 *   clock (every n s) ──► take ──► [older, newer] ─┐      the first two a second apart, so that rates are there soon
 *                                                  ├──► update ──► families
 *   scrape ────────────────────────────────────────┘
 *
 * The clock and not the scrape decides which interval a rate covers, so two Prometheus servers and a curious curl
 * all see the same values.
 */
import type { ContainersSnapshot } from '../containers/snapshot.ts';
import { HuatuoError } from '../error.ts';
import { shareInFlight, withDeadline } from '../promises.ts';
import type { SeriesLosses } from '../sdk/instruments.ts';
import { AnswerReader, type Reading } from '../storage/prometheus/reader.ts';
import { LATE_REMEDY, type MetricSource } from '../storage/prometheus/source.ts';
import type { PoolCollector, StoredSample } from './file-task.ts';
import { HangRest } from './hang-rest.ts';
import type { FilePool } from './pool.ts';
import { SteadyCounters } from './steady-counters.ts';

const MIN_EVERY_SECONDS = 1;
/** Between the first two samples. */
const FIRST_REST_MS = 1_000;

export class FileSource implements MetricSource, Disposable {
  readonly name: string;
  readonly #collector: PoolCollector;
  readonly #pool: FilePool;
  readonly #containers: () => ContainersSnapshot;
  readonly #listed: Promise<void>;
  #samples: readonly StoredSample[] = [];
  #sampleError: HuatuoError | undefined;
  readonly #reader = new AnswerReader();
  readonly #counters: SteadyCounters;
  #losses: SeriesLosses = { refusedSeries: 0, truncatedLabels: 0 };
  #clock: NodeJS.Timeout | undefined;
  readonly #patience_ms: number;
  #started = false;
  #closed = false;
  readonly #rest: HangRest;
  readonly #sample = shareInFlight(() => this.#takeSample());
  readonly #update = shareInFlight((deadline) => this.#runUpdate(Number(deadline)));
  readonly #start = shareInFlight(() => this.#startClock());
  readonly #first: Promise<unknown>;

  /**
   * Starts the clock when the collector has one.
   * @param containers as they are known now
   * @param patience_ms longest wait for the module to load, and for a sample
   * @param listed settles when they are worth a sample
   */
  constructor(
    collector: PoolCollector,
    pool: FilePool,
    containers: () => ContainersSnapshot,
    patience_ms: number,
    listed: Promise<void> = Promise.resolve(),
  ) {
    this.#patience_ms = patience_ms;
    this.#listed = listed;
    this.#containers = containers;
    this.name = collector.name;
    this.#collector = collector;
    this.#pool = pool;
    this.#rest = new HangRest(collector.name);
    this.#counters = new SteadyCounters(collector.maxSeries);
    // A module that cannot be loaded shows at the next scrape, which tries again.
    this.#first = this.#start().catch(() => {});
  }

  /** Resolves when it can be scraped, or has shown that it cannot. */
  get ready(): Promise<unknown> {
    return this.#first;
  }

  /** What it runs; a source for another one has to be made anew. */
  get collector(): PoolCollector {
    return this.#collector;
  }

  /** @throws the failure of the newest sample, or of `update` */
  scrape(deadline_ms: number): Promise<Reading> {
    // The first scrapes may also have to wait for the module to load.
    const update = this.#update(String(deadline_ms));
    return withDeadline(update, deadline_ms, `scrape of collector ${this.name}`, LATE_REMEDY);
  }

  /** Stops the clock. */
  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#clock);
  }

  async #runUpdate(deadline_ms: number): Promise<Reading> {
    if (!this.#started) await this.#start();
    // Without this, a source that can no longer be sampled would show its last values for ever.
    if (this.#sampleError) throw this.#sampleError;
    const task = {
      type: 'update',
      collector: this.#collector,
      containers: this.#containers(),
      samples: this.#samples,
      losses: this.#losses,
      known: this.#reader.token,
    } as const;
    const { answer, losses } = await this.#rest.run(() => this.#pool.run(task, deadline_ms));
    this.#losses = losses;
    const reading = this.#reader.read(answer);
    this.#counters.hold(reading.families);
    return reading;
  }

  async #startClock(): Promise<void> {
    const task = { type: 'describe', collector: this.#collector } as const;
    const { every_seconds } = await this.#rest.run(() => this.#pool.run(task, this.#patience_ms));
    if (this.#started || this.#closed) return;
    this.#started = true;
    if (every_seconds === undefined) return;
    await this.#listed;
    await this.#sample();
    if (this.#closed) return;
    this.#clock = setTimeout(() => {
      void this.#sample();
      this.#clock = setInterval(() => this.#sample(), Math.max(every_seconds, MIN_EVERY_SECONDS) * 1000);
      this.#clock.unref();
    }, FIRST_REST_MS);
    this.#clock.unref();
  }

  /** Never rejects: the failure is kept for the next scrape. */
  async #takeSample(): Promise<void> {
    try {
      const task = { type: 'take', collector: this.#collector, containers: this.#containers() } as const;
      const { sample } = await this.#rest.run(() => this.#pool.run(task, this.#patience_ms));
      this.#samples = [...this.#samples.slice(-1), sample];
      this.#sampleError = undefined;
    } catch (error) {
      // A gap in the samples must not become a rate over a longer time.
      this.#samples = [];
      this.#sampleError = HuatuoError.from(error, 'COLLECTOR_FAILED', `check collector ${this.name}`);
    }
  }
}
