/**
 * What the agent looks after at each tick: heartbeats, garbage, CPU quotas, CPUs that come and go, lost events, and its memory.
 *
 * A tick wakes no thread by itself. CPU time and heap are asked of the threads only where a CPU quota is to be kept, or when the
 * agent is over its memory limit. Main thread only.
 */

import type { WorkerActor } from '../actor/worker-actor.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import { freshenClock } from '../kernel/clock-keeper.ts';
import type { Log } from '../sdk/context.ts';
import type { CollectorChild } from './child.ts';
import { LossLog } from './loss-log.ts';
import { MemoryGuard, residentBytes, threadsCollect, unmapProgramAtTimes } from './memory.ts';

/** The tick is this part of the heartbeat timeout, or this time; with a CPU quota, which is kept second by second, a second. */
const TICK_SHARE = 1 / 3;
const TICK_MAX_MS = 5000;
const TICK_QUOTA_MS = 1000;

/** What is looked after, as of now: asked for at each tick. */
interface UpkeepSubjects {
  config(): EffectiveConfig;
  actors(): readonly WorkerActor<object>[];
  collectors(): readonly CollectorChild[];
}

/** Ticks from `start` until it is disposed of. */
export class Upkeep implements Disposable {
  readonly #subjects: UpkeepSubjects;
  readonly #memory: MemoryGuard;
  readonly #losses: LossLog;
  #tick: NodeJS.Timeout | undefined;
  /** A thread was told at the last tick. */
  #collects = false;

  constructor(log: Log, subjects: UpkeepSubjects) {
    this.#subjects = subjects;
    this.#memory = new MemoryGuard(log);
    this.#losses = new LossLog(log);
  }

  start(): void {
    const { heartbeat_timeout_ms } = this.#subjects.config().supervisor;
    const usual_ms = Math.min(heartbeat_timeout_ms * TICK_SHARE, TICK_MAX_MS);
    const delay_ms = this.#fenced.length > 0 ? Math.min(usual_ms, TICK_QUOTA_MS) : usual_ms;
    this.#tick = setTimeout(() => this.#onTick(), delay_ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#tick);
    this.#losses[Symbol.dispose]();
  }

  #onTick(): void {
    this.start();
    freshenClock();
    const now_ms = performance.now();
    const actors = this.#subjects.actors();
    for (const actor of actors) actor.checkHeartbeat(now_ms);
    this.#collectGarbage(actors, now_ms);
    unmapProgramAtTimes(now_ms);
    for (const child of this.#fenced) void child.keepQuota?.();
    for (const child of this.#subjects.collectors()) child.followCpus?.();
    this.#losses.check(this.#subjects.collectors().flatMap((child) => child.ledger() ?? []));
    void this.#guardMemory(actors);
  }

  /** One thread at a tick; when none is left whose time has come, what all of them have freed is given back. */
  #collectGarbage(actors: readonly WorkerActor<object>[], now_ms: number): void {
    let collects = false;
    // All of them are asked: each keeps its own time.
    for (const actor of actors) collects = actor.collectGarbage(now_ms, !collects) || collects;
    if (this.#collects && !collects) threadsCollect();
    this.#collects = collects;
  }

  get #fenced(): CollectorChild[] {
    const { collectors } = this.#subjects.config();
    return this.#subjects
      .collectors()
      .filter(({ entry, keepQuota }) => keepQuota && collectors[entry.name]?.cpu.quota_cores);
  }

  async #guardMemory(actors: readonly WorkerActor<object>[]): Promise<void> {
    const limit_bytes = this.#subjects.config().supervisor.memory_limit_bytes;
    if ((residentBytes() ?? 0) <= limit_bytes) return;
    await Promise.all(actors.map((actor) => actor.measure()));
    this.#memory.check(residentBytes() ?? 0, limit_bytes, performance.now(), actors);
  }
}
