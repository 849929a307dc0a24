/**
 * Faults by schedule, one after the other, at an agent under steady load; then the kernel's count of what was made against
 * what is on disk.
 *
 *   this process ──renames itself──► BPF programs ──► ring ──► agent ──► journal
 *         │                               │                      ▲          │
 *         │                            witness                faults        │
 *         └────────────────────────────── account ◄─────────────────────────┘
 *
 * Lives follow each other on one journal. Each loads a ring of its own, except those that adopt a pinned one, and so does
 * each reload that changes the collector; the account is made ring by ring.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Footprint, footprint } from '../soak/footprint.ts';
import { Producer } from '../support/producer.ts';
import { samplesOf } from '../support/prometheus-text.ts';
import type { RingHistory } from './account.ts';
import { Books, type RingAccount } from './books.ts';
import { inject } from './faults.ts';
import { patiently, type Scene } from './scene.ts';
import type { End, Fault, Life } from './schedule.ts';
import { Stage } from './stage.ts';

interface ChaosOptions {
  readonly lives: readonly Life[];
  /** After this time only what has not been there yet is injected. */
  readonly length_ms: number;
  readonly progress: (line: string) => void;
  /** Breaks the run off at the next pause; everything it made is taken away as always. */
  readonly signal?: AbortSignal;
}

interface Tally {
  injected: number;
  readonly recovered_ms: number[];
}

export interface ChaosReport {
  readonly faults: ReadonlyMap<Fault | End, Tally>;
  /** Why faults of disks were left out. */
  readonly without_disk: string | undefined;
  readonly rings: readonly RingAccount[];
  /** What must not be; empty when the agent has kept its promises. */
  readonly problems: readonly string[];
  /** For each life, after each recovery. */
  readonly footprints: readonly (readonly (readonly [hours: number, Footprint])[])[];
}

const LOAD = { collector: 'flood', events: 10, every_ms: 10 } as const;
/** Of collectors that no fault is meant for. */
const OTHERS = ['huatuo_runqueue_wait_seconds_count', 'huatuo_bamai_loadavg_load1'] as const;
const ENDS_JOURNAL: ReadonlySet<Fault> = new Set<Fault>(['frozen disk', 'foreign files']);
/** Heaps and pools find their size. */
const WARM_UP_MS = 15_000;

/** Takes what the schedule says, and never throws for what the agent does: that is a problem in the report. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  using stage = await Stage.set(options.length_ms);
  using books = new Books();
  const chaos = new Chaos(options, stage, books);
  const problems: string[] = [];
  try {
    using _ = chaos;
    await chaos.run();
  } catch (error) {
    problems.push((error as Error).stack ?? String(error));
    books.breakOff();
  }
  const rings = books.close(stage.journal, stage.taken, stage.collector.path);
  return {
    faults: chaos.faults,
    without_disk: stage.without_disk,
    rings,
    problems: [...problems, ...rings.flatMap(({ faults }) => faults)],
    footprints: chaos.footprints,
  };
}

class Chaos implements Disposable {
  readonly faults = new Map<Fault | End, Tally>();
  readonly footprints: (readonly [number, Footprint])[][] = [];
  readonly #options: ChaosOptions;
  readonly #stage: Stage;
  readonly #books: Books;
  /** Everything of the schedule that this host can do. */
  readonly #wanted: ReadonlySet<Fault>;
  readonly #ends: ReadonlySet<End>;
  readonly #start_ms = performance.now();
  #producer: Producer | undefined;

  constructor(options: ChaosOptions, stage: Stage, books: Books) {
    this.#options = options;
    this.#stage = stage;
    this.#books = books;
    const faults = options.lives.flatMap(({ steps }) => steps.map(({ fault }) => fault));
    this.#wanted = new Set(faults.filter((fault) => stage.disk !== undefined || !fault.endsWith('disk')));
    this.#ends = new Set(options.lives.map(({ end }) => end));
  }

  async run(): Promise<void> {
    let killed: { readonly end: End; readonly at_ms: number } | undefined;
    for (const life of this.#options.lives) {
      this.#producer ??= new Producer(LOAD);
      await using agent = await this.#stage.start(life);
      const scene = await this.#stage.scene(agent, life, this.#books);
      if (killed) this.#recovered(killed.end, performance.now() - killed.at_ms);
      killed = undefined;
      await this.#live(scene, life);
      await this.#pause(life.end_after_ms);
      this.#begins(scene, life.end);
      if (life.end === 'SIGTERM') await this.#stop(scene, life);
      else killed = { end: life.end, at_ms: await this.#kill(scene, life) };
      // Who is killed must have somebody to go on.
      if (this.#over && !killed && this.#seen(this.#ends)) return;
    }
  }

  /** Every fault was there, and time is up. */
  get #over(): boolean {
    return this.#seen(this.#wanted) && performance.now() - this.#start_ms > this.#options.length_ms;
  }

  #seen(all: ReadonlySet<Fault | End>): boolean {
    return [...all].every((one) => this.faults.has(one));
  }

  async #live(scene: Scene, { steps }: Life): Promise<void> {
    const { agent } = scene;
    const samples: (readonly [number, Footprint])[] = [];
    this.footprints.push(samples);
    const begin_ms = performance.now();
    for (const { fault, after_ms } of steps) {
      if (this.#over) break;
      if (!this.#wanted.has(fault)) continue;
      await this.#pause(after_ms);
      const history = this.#begins(scene, fault);
      // What was sent and not acknowledged when the journal's thread ends is sent again.
      if (fault.startsWith('journal ') || ENDS_JOURNAL.has(fault)) history.repeats += 1;
      this.#recovered(fault, await inject(scene, fault));
      await othersGoOn(scene);
      const up_ms = performance.now() - begin_ms;
      if (up_ms > WARM_UP_MS) samples.push([up_ms / 3_600_000, footprint(agent.pid)]);
    }
  }

  async #pause(length_ms: number): Promise<void> {
    const { signal } = this.#options;
    await sleep(length_ms, undefined, signal && { signal });
  }

  async #kill(scene: Scene, { pinned }: Life): Promise<number> {
    const history = this.#historyOf(scene);
    if (pinned) history.repeats += 1;
    else history.abandoned = true;
    const at_ms = performance.now();
    scene.agent.kill();
    await scene.agent.ended;
    return at_ms;
  }

  /** Programs that are pinned go on without an agent; their ring is to be empty when the pins are removed. */
  async #stop({ agent, counts }: Scene, { pinned }: Life): Promise<void> {
    if (pinned) {
      this.#producer?.[Symbol.dispose]();
      this.#producer = undefined;
      await patiently({ agent }, 'an empty ring', () => counts().consumer === counts().producer);
    }
    const start_ms = performance.now();
    assert.deepEqual(await agent.stop(), { code: 0, signal: null }, agent.stderr);
    this.#recovered('SIGTERM', performance.now() - start_ms);
    if (pinned) this.#stage.pins.unpin();
  }

  #historyOf(scene: Scene): RingHistory {
    const ring = scene.ring();
    if (ring === undefined) throw new Error('the agent has no ring, or two');
    return this.#books.history(ring);
  }

  #tally(fault: Fault | End): Tally {
    const tally = this.faults.get(fault) ?? { injected: 0, recovered_ms: [] };
    this.faults.set(fault, tally);
    return tally;
  }

  #begins(scene: Scene, fault: Fault | End): RingHistory {
    this.#tally(fault).injected += 1;
    const history = this.#historyOf(scene);
    history.story.push(fault);
    return history;
  }

  #recovered(fault: Fault | End, after_ms: number): void {
    this.#tally(fault).recovered_ms.push(after_ms);
    const at_seconds = ((performance.now() - this.#start_ms) / 1000).toFixed(1).padStart(6);
    this.#options.progress(`${at_seconds} s  ${fault}: recovered after ${after_ms.toFixed(0)} ms`);
  }

  /** Ends the load. */
  [Symbol.dispose](): void {
    this.#producer?.[Symbol.dispose]();
  }
}

async function othersGoOn(scene: Scene): Promise<void> {
  const { agent } = scene;
  await patiently(scene, 'the numbers of the others', async () => {
    const page = await agent.metrics();
    return OTHERS.every((name) => samplesOf(page, name).length > 0);
  });
  const { last_error } = await patiently(scene, 'the status of runqlat', () => agent.actor('runqlat'));
  // A busy host may keep any thread from running for as long as counts as hung here.
  if (last_error?.code !== 'WORKER_HUNG')
    assert.equal(last_error, undefined, 'the other collector was not touched');
}
