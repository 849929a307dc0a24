/**
 * The supervisor's half of one capture: a worker of its own, fenced and supervised like any other. One that crashes, hangs or
 * takes too much memory is followed by a second one, which runs none of the capture and writes what triggered it.
 */
import { pathToFileURL } from 'node:url';
import { unexpectedExit } from '../actor/endings.ts';
import { ActorStats } from '../actor/stats.ts';
import { WorkerActor } from '../actor/worker-actor.ts';
import type { Outcome } from '../capture/tracer.ts';
import type { CaptureControl, CaptureNotice, CaptureWorkerData } from '../collector/capture.ts';
import type { SupervisorConfig } from '../config/effective.ts';
import { HuatuoError } from '../error.ts';
import type { KernelPaths } from '../kernel/features.ts';
import { ProfileOwner } from '../kernel/profile-owner.ts';
import { at } from '../paths.ts';
import type { RolledProfile } from '../profile/protocol.ts';
import { trimMemory } from './memory.ts';
import type { ReaderActor } from './services/services.ts';
import { CAPTURE_RESTART, COLLECTOR_STOP_SHARE, WORKER_LIMITS } from './specs.ts';

interface CaptureDependencies {
  readonly supervisor: SupervisorConfig;
  /** Of its threads and ports; unique. */
  readonly name: string;
  readonly data: Omit<CaptureWorkerData, 'stats' | 'control' | 'isSecond'>;
  /** For its profiles. */
  readonly paths: KernelPaths;
  /** What ran before it was triggered. */
  readonly before?: Promise<RolledProfile | undefined>;
  /** How long the capture itself may take. */
  readonly deadline_ms: number;
  /** A thread is to be fenced. @param tid as in /proc/self/task */
  fence(tid: number): void;
  /** Its first worker has ended without a word; the second one comes. */
  lost(error: HuatuoError): void;
  /** A worker has started: it needs its ports. */
  started(reader: ReaderActor): void;
}

type CaptureOutcome = Exclude<Outcome, 'failed'>;

/** For a worker to start, and for the journal to take a document; it may refuse one for half a minute. */
const SAVE_MS = 45_000;
const SERVICES = ['journal', 'containers'];

export class CaptureRun {
  /** What became of its document. */
  readonly stats: ActorStats;
  readonly #dependencies: CaptureDependencies;
  readonly #statsMemory = ActorStats.allocate();
  readonly #profiles: ProfileOwner;
  #worker: WorkerActor<CaptureControl> | undefined;
  #ended_us = 0;

  constructor(dependencies: CaptureDependencies) {
    this.#dependencies = dependencies;
    this.stats = new ActorStats(this.#statsMemory);
    const { paths, before } = dependencies;
    this.#profiles = new ProfileOwner(paths, async () => before);
  }

  /** The one that runs. */
  get worker(): WorkerActor<CaptureControl> | undefined {
    return this.#worker;
  }

  /** The same as a reader of services. */
  get reader(): ReaderActor | undefined {
    const { name } = this.#dependencies;
    return this.#worker && { name, control: this.#worker.control, services: SERVICES };
  }

  /** Brings `cpu_us` up to date. */
  async measure(): Promise<void> {
    await this.#worker?.measure();
  }

  /** CPU time of its workers, as of the last `measure` or as they have told, and of the search for names. */
  get cpu_us(): number {
    return this.#ended_us + (this.#worker?.cpu_us ?? 0) + this.#profiles.cpu_us;
  }

  /**
   * Resolves when its document is in the journal.
   * @param stop gives the capture up
   * @throws why there is no document
   */
  async run(stop: AbortSignal): Promise<CaptureOutcome> {
    const { deadline_ms, lost } = this.#dependencies;
    const first = await this.#runWorker(false, deadline_ms + SAVE_MS, stop);
    if (first.type === 'captured') return first.outcome;
    if (first.type === 'failed') throw HuatuoError.fromWire(first.error);
    if (!stop.aborted) lost(first.error);
    const second = await this.#runWorker(true, SAVE_MS, stop);
    if (second.type === 'captured') return second.outcome;
    throw second.type === 'failed' ? HuatuoError.fromWire(second.error) : second.error;
  }

  /** Runs one worker to its end, which comes in any case. */
  async #runWorker(isSecond: boolean, most_ms: number, stop: AbortSignal): Promise<End> {
    const end = Promise.withResolvers<End>();
    const worker = this.#createWorker(isSecond, end.resolve);
    const giveUp = (): void => {
      const error = new HuatuoError(stop.aborted ? 'CANCELLED' : 'DEADLINE_EXCEEDED', {
        expected: `a capture within ${most_ms} ms`,
        found: 'none',
        remedy: 'see what it waits for; the journal may be slow',
      });
      // Also when the thread is stuck in the kernel and does not end.
      void worker.stop((control) => control.stop()).then(() => end.resolve({ type: 'lost', error }));
    };
    this.#worker = worker;
    const timer = setTimeout(giveUp, most_ms);
    stop.addEventListener('abort', giveUp, { once: true });
    try {
      if (stop.aborted) return { type: 'failed', error: HuatuoError.toWire(stop.reason), cpu_us: 0 };
      worker.start();
      const ended = await end.promise;
      this.#ended_us += Math.max(worker.cpu_us, ended.type === 'lost' ? 0 : ended.cpu_us);
      return ended;
    } finally {
      stop.removeEventListener('abort', giveUp);
      clearTimeout(timer);
      this.#worker = undefined;
      await this.#profiles.release();
    }
  }

  #createWorker(isSecond: boolean, ended: (end: End) => void): WorkerActor<CaptureControl> {
    const { name, supervisor, data, fence, started } = this.#dependencies;
    let last: End | undefined;
    const worker = new WorkerActor<CaptureControl>(
      {
        name,
        role: 'collector',
        kind: 'autotracing',
        entry: pathToFileURL(at('dist/workers/capture.js')),
        workerData: (control) =>
          ({ ...data, isSecond, stats: this.#statsMemory, control }) satisfies CaptureWorkerData,
        serve: this.#profiles.calls,
        restart: CAPTURE_RESTART,
        shutdown_ms: supervisor.stop_timeout_ms * COLLECTOR_STOP_SHARE,
        startTimeout_ms: supervisor.start_timeout_ms,
        heartbeatTimeout_ms: supervisor.heartbeat_timeout_ms,
        stats: this.#statsMemory,
        resourceLimits: WORKER_LIMITS,
      },
      {
        started: (control) => started({ name, control, services: SERVICES }),
        notice: (notice) => {
          const said = notice as CaptureNotice;
          if (said.type === 'thread') fence(said.tid);
          else if (said.type === 'running') worker.enter('running');
          else last = said;
        },
        changed: ({ state }) => trimMemory(state),
        ended: (error) => ended(last ?? { type: 'lost', error: error ?? unexpectedExit(name, 0) }),
      },
    );
    return worker;
  }
}

type End =
  | Extract<CaptureNotice, { readonly type: 'captured' | 'failed' }>
  /** Its thread ended without a word. */
  | { readonly type: 'lost'; readonly error: HuatuoError };
