/**
 * The looks of autotracers: each is one task, asked for by the supervisor on the tracer's clock. They are asked for together
 * and follow each other, so that they need one thread of the pool; a slow one is not waited for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CaptureRequest } from '../capture/request.ts';
import type { Look } from '../capture/tracer.ts';
import type { ContainersSnapshot } from '../containers/snapshot.ts';
import type { PoolCollector } from './file-task.ts';
import { HangRest } from './hang-rest.ts';
import type { FilePool } from './pool.ts';

/** By how much a look's task ends before whoever has asked for it gives up. */
const MARGIN_MS = 500;

/** A look takes a few of them. */
const SLOW_MS = 100;

export class Looks {
  readonly #pool: FilePool;
  readonly #containers: () => ContainersSnapshot;
  readonly #listed: Promise<void>;
  readonly #deadline_ms: number;
  readonly #slow_ms: number;
  readonly #rests = new Map<string, HangRest>();
  /** Settles when the last look has ended, or is slow. */
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param containers as they are known now
   * @param listed settles when they are worth a sample
   * @param patience_ms how long one is waited for
   * @param slow_ms after which the next look does not wait any more
   */
  constructor(
    pool: FilePool,
    containers: () => ContainersSnapshot,
    listed: Promise<void>,
    patience_ms: number,
    slow_ms: number = SLOW_MS,
  ) {
    this.#deadline_ms = patience_ms - MARGIN_MS;
    this.#slow_ms = slow_ms;
    this.#pool = pool;
    this.#containers = containers;
    this.#listed = listed;
  }

  /** @throws what the sample failed with, or DEADLINE_EXCEEDED */
  async take(collector: PoolCollector): Promise<Look<CaptureRequest>> {
    const turn = this.#turn;
    const end_ms = performance.now() + this.#deadline_ms;
    const look = turn.then(() => this.#take(collector, end_ms));
    const slow = turn.then(() => sleep(this.#slow_ms, undefined, { ref: false }));
    this.#turn = Promise.race([look.catch(() => undefined), slow]);
    return look;
  }

  /** @param end_ms as performance.now() has it: the pool knows why there is no answer by then, the caller who gives up does not */
  async #take(collector: PoolCollector, end_ms: number): Promise<Look<CaptureRequest>> {
    await this.#listed;
    const rest = this.#rests.get(collector.name) ?? new HangRest(collector.name);
    this.#rests.set(collector.name, rest);
    const task = { type: 'look', collector, containers: this.#containers() } as const;
    const { look } = await rest.run(() => this.#pool.run(task, Math.max(1, end_ms - performance.now())));
    return look;
  }

  /** The collector is gone, or another one now. */
  forget(collector: string): void {
    this.#rests.delete(collector);
  }
}
