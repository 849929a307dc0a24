/**
 * One supervised worker thread, through all its runs: each run is one Worker, from its start to its exit.
 *
 *   starting ──► running ◄──► waiting            notices of the worker
 *      ▲            │
 *      │            ▼ exit, error, hang
 *   restarting ◄────┤ within intensity, after back-off
 *   failed     ◄────┤ over intensity, slow retry
 *   unsupported◄────┘ permanent fault
 *
 * A worker that no longer answers is terminated; what it had read and not committed is read again by its successor.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { HuatuoError, type WireError } from '../error.ts';
import { withDeadline } from '../promises.ts';
import { hung, reviveError, slowToStart, stuck, unexpectedExit } from './endings.ts';
import { GarbageSchedule } from './garbage-schedule.ts';
import { Heartbeat } from './heartbeat.ts';
import { type ExitKind, RestartPolicy } from './restart.ts';
import { expose, type Remote, wrap } from './rpc.ts';
import type { ActorHooks, ActorSpec } from './spec.ts';
import { type ActorMeasurements, type ActorState, type ActorStatus, statusError } from './state.ts';
import { WorkerUsage } from './stats.ts';

/** How long a thread may take to end once it is told to. */
const TERMINATE_MS = 1000;
/** A worker that has answered is asked again after this part of its timeout, or this time: at the tick that follows. */
const ASK_SHARE = 0.3;
const ASK_MAX_MS = 4500;

export class WorkerActor<Control extends object> {
  readonly spec: ActorSpec;
  readonly #hooks: ActorHooks<Control>;
  readonly #policy: RestartPolicy;
  #worker: Worker | undefined;
  #control: Remote<Control> | undefined;
  #controlPort: MessagePort | undefined;
  #state: ActorState = 'stopped';
  #since = new Date();
  #startedAt_ms = 0;
  #restarts = 0;
  #error: HuatuoError | undefined;
  #lastError: WireError | undefined;
  #isStarting = false;
  /** This run is ended on purpose: for good, or to begin another one with new data. */
  #halting = false;
  #retry: NodeJS.Timeout | undefined;
  readonly #usage = new WorkerUsage();
  readonly #heartbeat: Heartbeat;
  readonly #garbage = new GarbageSchedule();
  #outcome = Promise.withResolvers<void>();

  constructor(spec: ActorSpec, hooks: ActorHooks<Control>) {
    this.spec = spec;
    this.#hooks = hooks;
    this.#policy = new RestartPolicy(spec.restart);
    this.#heartbeat = new Heartbeat(spec.stats);
  }

  get state(): ActorState {
    return this.#state;
  }

  /** Control calls of the present run; undefined while there is none. Use under a deadline. */
  get control(): Remote<Control> | undefined {
    return this.#control;
  }

  /** There is a thread, which has not said yet that it works. */
  get isStarting(): boolean {
    return this.#isStarting;
  }

  /** Settles with the present run: resolves when the worker works, rejects when it ends before. */
  get settled(): Promise<void> {
    return this.#outcome.promise;
  }

  get status(): ActorStatus {
    const { name, role, kind } = this.spec;
    const troubled = this.#state !== 'running' && this.#state !== 'waiting' && this.#lastError;
    return {
      name,
      role,
      ...(kind && { kind }),
      state: this.#state,
      ...(troubled && { reason: statusError(troubled) }),
      restarts: this.#restarts,
      ...(this.#lastError && { last_error: statusError(this.#lastError) }),
      since: this.#since.toISOString(),
      vitals: this.#stats,
    };
  }

  /** CPU time of all runs in microseconds, as of the last `measure`. */
  get cpu_us(): number {
    return this.#usage.cpu_us;
  }

  get name(): string {
    return this.spec.name;
  }

  /** As of the last `measure`. */
  get heap_bytes(): number {
    return this.#usage.heap_bytes;
  }

  /** How much more memory the thread has than at its least, as of the last `measure`. */
  get grown_bytes(): number {
    return this.#usage.grown_bytes;
  }

  /** Brings CPU time and memory up to date. */
  async measure(): Promise<void> {
    if (this.#worker) await this.#usage.measure(this.#worker);
  }

  get #stats(): ActorMeasurements {
    return {
      cpu_seconds: this.#usage.cpu_us / 1e6,
      heap_bytes: this.#usage.heap_bytes,
      external_bytes: this.#usage.external_bytes,
      ...(this.#worker && { heartbeat_age_seconds: this.#heartbeat.silence(performance.now()) / 1000 }),
    };
  }

  /**
   * Works without a thread until `startIfWaiting`.
   * @param begin says whether it can. Where that fails a thread starts, meets the same error, and is restarted, or not, as any other.
   */
  async wait(begin: () => Promise<boolean>): Promise<void> {
    this.#enter('starting');
    const canWait = await begin().catch(() => false);
    if (!this.isWaiting) return;
    if (!canWait) return this.start();
    this.#outcome.resolve();
    this.#enter('running');
  }

  /** Starts the thread of an actor that works without one; what does not, or is stopped, stays as it is. */
  startIfWaiting(): void {
    if (this.isWaiting) this.start();
  }

  /** It works without a thread, or will in a moment. */
  get isWaiting(): boolean {
    return !this.#worker && (this.#state === 'starting' || this.#state === 'running');
  }

  /**
   * Begins a run. What keeps it from being begun (a lock that another agent has, no memory for a thread) is a run that has failed:
   * it is in `settled`, and the restart policy says when it is tried again.
   */
  start(): void {
    this.#error = undefined;
    this.#outcome = Promise.withResolvers();
    // Most runs have no caller that waits for this.
    this.#outcome.promise.catch(() => undefined);
    try {
      this.#begin();
    } catch (thrown) {
      this.fault(HuatuoError.from(thrown, 'WORKER_EXITED', 'see the log of this actor'));
      this.#restartAfter('fault', 0);
    }
  }

  #begin(): void {
    const { port1, port2 } = new MessageChannel();
    this.#startedAt_ms = performance.now();
    this.#heartbeat.begin();
    this.#garbage.begin(this.#startedAt_ms);
    const worker = new Worker(this.spec.entry, {
      workerData: this.spec.workerData(port2),
      transferList: [port2],
      resourceLimits: this.spec.resourceLimits,
      name: this.spec.name,
    });
    this.#worker = worker;
    this.#controlPort = port1;
    this.#control = wrap<Control>(port1);
    if (this.spec.serve) expose(this.spec.serve, port1);
    worker.on('message', (notice: unknown) => this.#hooks.notice(notice));
    worker.on('error', (thrown: unknown) => this.fault(reviveError(thrown)));
    worker.on('exit', (code) => this.#exited(worker, code));
    this.#isStarting = true;
    // One that has worked without a thread goes on to.
    if (this.#state !== 'running') this.#enter('starting');
    this.#hooks.started(this.#control);
  }

  /** Called when the worker says that it works, or waits. */
  enter(state: 'running' | 'waiting' | 'throttled'): void {
    // What a worker said before it was ended must not undo that.
    if (!this.#worker || this.#halting || this.#error) return;
    // The thread may have been busy for as long as a start may take, and what it has not answered by now is no hang.
    if (this.#isStarting) {
      this.#isStarting = false;
      this.#heartbeat.begin();
      this.#garbage.begin(performance.now());
    }
    if (state === 'running') {
      this.#outcome.resolve();
      // What it has now is what it may grow from, and a thread that has just begun is awake.
      void this.measure();
    }
    this.#enter(state);
  }

  /**
   * Ends this run for a reason; its successor follows the restart policy. A thread that is stuck in the kernel (a write to
   * a frozen file system) cannot be ended: it stays visible as restarting, and is replaced when the kernel lets it go.
   */
  end(error: HuatuoError): void {
    if (!this.#worker) return;
    this.fault(error);
    this.#lastError = HuatuoError.toWire(error);
    void this.#worker.terminate();
    this.#enter('restarting');
  }

  /** Remembers why this run ends; the first reason counts. */
  fault(error: HuatuoError): void {
    this.#error ??= error;
  }

  /** Asks the worker for a sign of life, and terminates it when it has not answered for too long. Called on the supervisor's tick. */
  checkHeartbeat(now_ms: number): void {
    if (!this.#worker || this.#error) return;
    const every_ms = Math.min(this.spec.heartbeatTimeout_ms * ASK_SHARE, ASK_MAX_MS);
    const silent_ms = this.#heartbeat.listen(now_ms, every_ms, !this.#isStarting && sleeps(this.#worker));
    const { name, startTimeout_ms, heartbeatTimeout_ms } = this.spec;
    if (this.#isStarting) {
      if (silent_ms >= startTimeout_ms) this.end(slowToStart(name, startTimeout_ms));
    } else if (silent_ms >= heartbeatTimeout_ms) this.end(hung(name, heartbeatTimeout_ms, silent_ms));
  }

  /**
   * Has the worker collect its garbage when that is due. Called on the supervisor's tick.
   * @param isTurn no other worker does at this tick
   * @returns whether it does
   */
  collectGarbage(now_ms: number, isTurn: boolean): boolean {
    if (!this.#worker || this.#isStarting) return false;
    // Read from here; it wakes the thread no more than a look at its state does.
    const { active } = this.#worker.performance.eventLoopUtilization();
    const isDue = this.#garbage.isDue(now_ms, active, isTurn);
    if (isDue) this.#heartbeat.collect();
    return isDue;
  }

  /**
   * Ends the present run in good order and begins another one, which takes its `workerData` anew.
   * @throws WORKER_HUNG when its thread does not end, because it is stuck in the kernel: what it was writing may still be written,
   * and no other thread may write there meanwhile. Its successor begins when it has ended, as after `end`.
   */
  async recycle(orderly: (control: Remote<Control>) => Promise<void>): Promise<void> {
    await this.stop(orderly);
    this.#halting = false;
    if (!this.#worker) return this.start();
    const error = stuck(this.spec.name);
    this.end(error);
    throw error;
  }

  /**
   * Ends the actor: `orderly` first, then by force when the deadline has passed.
   * @param orderly what a graceful stop of this worker is; not called when no worker runs
   */
  async stop(orderly: (control: Remote<Control>) => Promise<void>): Promise<void> {
    this.#halting = true;
    clearTimeout(this.#retry);
    const worker = this.#worker;
    if (!worker || !this.#control) {
      this.#enter('stopped');
      return;
    }
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    try {
      const stopped = Promise.race([orderly(this.#control), gone]);
      await withDeadline(stopped, this.spec.shutdown_ms, `stop of ${this.spec.name}`);
    } catch (error) {
      this.fault(HuatuoError.from(error, 'WORKER_EXITED', 'see the log of this actor'));
    }
    // A thread that is stuck in the kernel cannot be waited for.
    await Promise.race([
      Promise.all([worker.terminate(), gone]),
      sleep(TERMINATE_MS, undefined, { ref: false }),
    ]);
  }

  #exited(worker: Worker, code: number): void {
    if (worker !== this.#worker) return;
    const up_ms = performance.now() - this.#startedAt_ms;
    this.#controlPort?.close();
    this.#usage.ended();
    this.#worker = undefined;
    this.#control = undefined;
    if (this.#halting) this.#ended('stopped');
    else {
      this.fault(unexpectedExit(this.spec.name, code));
      this.#restartAfter(this.#error?.permanent ? 'permanent_fault' : 'fault', up_ms);
    }
  }

  #restartAfter(kind: ExitKind, up_ms: number): void {
    const verdict = this.#policy.onExit(kind, performance.now(), up_ms);
    if (verdict.next === 'restart' || verdict.next === 'failed') {
      this.#retry = setTimeout(() => {
        this.#restarts += 1;
        this.start();
      }, verdict.delay_ms);
    }
    this.#ended(verdict.next === 'restart' ? 'restarting' : verdict.next);
  }

  #ended(state: ActorState): void {
    if (this.#error) this.#lastError = HuatuoError.toWire(this.#error);
    this.#hooks.ended(this.#error);
    this.#outcome.reject(this.#error);
    this.#enter(state);
  }

  #enter(state: ActorState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#since = new Date();
    this.#hooks.changed(this.status);
  }
}

/** Whether its event loop waits at this moment: then the time for which it did so passes. */
function sleeps({ performance: { eventLoopUtilization } }: Worker): boolean {
  const { idle } = eventLoopUtilization();
  return eventLoopUtilization().idle > idle;
}
