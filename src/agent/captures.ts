/** The captures of one autotracer: how many run at a time, and what stays of those that have ended. */
import { ActorStats, type StatField } from '../actor/stats.ts';
import type { WorkerActor } from '../actor/worker-actor.ts';
import type { CaptureRequest } from '../capture/request.ts';
import type { Outcome } from '../capture/tracer.ts';
import type { RolledProfile } from '../profile/protocol.ts';
import { limitConcurrency } from '../promises.ts';
import type { CaptureRun } from './capture-run.ts';
import { settleSaved } from './saved-ledger.ts';
import type { ReaderActor } from './services/services.ts';

/** Each is a thread. Others wait. */
const MAX_AT_A_TIME = 4;

type Before = Promise<RolledProfile | undefined>;
type CreateCapture = (request: CaptureRequest, number: number, before: Before | undefined) => CaptureRun;

export class Captures {
  readonly #create: CreateCapture;
  readonly #changed: () => void;
  readonly #inTurn = limitConcurrency(MAX_AT_A_TIME);
  readonly #running = new Set<CaptureRun>();
  readonly #saved = new ActorStats(ActorStats.allocate());
  #started = 0;
  #pending = 0;
  #ended_us = 0;

  /**
   * @param create of a number that is never used again
   * @param changed called when one has begun or ended
   */
  constructor(create: CreateCapture, changed: () => void) {
    this.#create = create;
    this.#changed = changed;
  }

  get workers(): WorkerActor<object>[] {
    return [...this.#running].flatMap(({ worker }) => worker ?? []);
  }

  get readers(): ReaderActor[] {
    return [...this.#running].flatMap(({ reader }) => reader ?? []);
  }

  get running(): number {
    return this.#running.size;
  }

  get cpu_us(): number {
    return [...this.#running].reduce((sum, { cpu_us }) => sum + cpu_us, this.#ended_us);
  }

  /** Those that run or wait. */
  get pending(): number {
    return this.#pending;
  }

  /** Asks for what `cpu_us` is; it shows the answers when they have come, which a caller that reads it at once does not see. */
  measure(): void {
    for (const run of this.#running) void run.measure();
  }

  /** Sum over all captures. */
  count(field: StatField): bigint {
    return [...this.#running].reduce((sum, { stats }) => sum + stats.get(field), this.#saved.get(field));
  }

  /**
   * @param stop gives it up
   * @param before what ran until now
   * @throws why there is no document
   */
  async capture(
    request: CaptureRequest,
    stop: AbortSignal,
    before?: Before,
  ): Promise<Exclude<Outcome, 'failed'>> {
    this.#pending += 1;
    try {
      return await this.#take(request, stop, before);
    } finally {
      this.#pending -= 1;
    }
  }

  #take(
    request: CaptureRequest,
    stop: AbortSignal,
    before: Before | undefined,
  ): Promise<Exclude<Outcome, 'failed'>> {
    return this.#inTurn(async () => {
      const run = this.#create(request, ++this.#started, before);
      this.#running.add(run);
      this.#changed();
      try {
        return await run.run(stop);
      } finally {
        this.#running.delete(run);
        this.#ended_us += run.cpu_us;
        settleSaved(this.#saved, run.stats);
        this.#changed();
      }
    });
  }
}
