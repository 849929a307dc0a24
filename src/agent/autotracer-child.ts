/**
 * An autotracer over files: while all is well it has no thread. Its clock and what it decides by are here, a look is a task
 * on the pool, a capture has a worker of its own.
 *
 *   here               Prometheus worker     pool             a worker for each capture
 *   Engine ──look────► Looks ──────────────► Watch ─┐
 *     ▲                                             │
 *     └──────────── alarms ◄────────────────────────┘
 *   CaptureRun ─────────────────────────────────────────────► capture ──► document ──► journal
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { boottime_ns } from '../actor/clock.ts';
import { RestartPolicy } from '../actor/restart.ts';
import { type ActorState, type ActorStatus, statusError } from '../actor/state.ts';
import type { WorkerActor } from '../actor/worker-actor.ts';
import { systemClock } from '../capture/clock.ts';
import { createCounts } from '../capture/counts.ts';
import { Engine } from '../capture/engine.ts';
import { hasPrecapture, paceOf } from '../capture/pace.ts';
import type { CaptureRequest } from '../capture/request.ts';
import type { Look, Memory, Tracer } from '../capture/tracer.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import { allocateChanges, answerScrapes } from '../collector/scraping.ts';
import { HuatuoError } from '../error.ts';
import { createLog } from '../log.ts';
import { limitRepeats } from '../log-limit.ts';
import type { PoolCollector } from '../pool/file-task.ts';
import { patience_ms } from '../pool/patience.ts';
import type { RolledProfile } from '../profile/protocol.ts';
import { withDeadline } from '../promises.ts';
import { CAPTURE_METRICS } from '../sdk/autotracing.ts';
import type { Log } from '../sdk/context.ts';
import { createInstruments } from '../sdk/instruments.ts';
import { allocateState } from '../sdk/shared-state.ts';
import type { LedgerStatus } from '../web/status.ts';
import { CaptureRun } from './capture-run.ts';
import { Captures } from './captures.ts';
import type { CollectorChild } from './child.ts';
import { CpuFence } from './fence/fence.ts';
import { poolCollector } from './pooled.ts';
import type { Precapture, PrecaptureUse } from './precapture.ts';
import { withSaved } from './saved-ledger.ts';
import type { ReaderActor } from './services/services.ts';
import { collectorRestart } from './specs.ts';
import { type CollectorDependencies, UNFENCED } from './worker-child.ts';

export interface AutotracerDependencies
  extends Pick<CollectorDependencies, 'config' | 'agent' | 'cgroups' | 'log' | 'started' | 'changed'> {
  /** Takes a sample on the pool, and asks the trigger. */
  look(collector: PoolCollector): PromiseLike<Look<CaptureRequest>>;
  readonly precapture: Precapture;
}

/** Windows of a thousand containers, of more samples than most have. */
const MAX_WATCH_BYTES = 16 << 20;
/** A look whose thread is gone is given up so much before the engine does: so that the next one may begin. */
const MARGIN_MS = 100;
const REPEATS_MS = 10_000;
/** Captures that have what ran before them, 12 MB at most, while they run or wait for their turn. */
const MAX_PRECAPTURED = 8;

type Trouble = Extract<ActorState, 'restarting' | 'failed' | 'unsupported' | 'stopped'>;

export class AutotracerChild implements CollectorChild {
  readonly entry: CatalogEntry;
  readonly isPinned = false;
  readonly settled: Promise<void> = Promise.resolve();
  readonly #reader: ReaderActor;
  readonly #dependencies: AutotracerDependencies;
  readonly #collector: PoolCollector;
  readonly #fence: CpuFence;
  readonly #log: Log;
  readonly #restart: RestartPolicy;
  readonly #instruments: ReturnType<typeof createInstruments<typeof CAPTURE_METRICS>>;
  readonly #tracer: Tracer<CaptureRequest>;
  readonly #patience_ms: number;
  readonly #stop = new AbortController();
  readonly #saveOrigin = boottime_ns().toString(36);
  readonly #captures = new Captures(
    (request, number, before) => this.#createCapture(request, number, before),
    () => this.#enter(this.#trouble),
  );
  #precapture: PrecaptureUse | undefined;
  #memory: Memory | undefined;
  #running: Promise<void> = Promise.resolve();
  #trouble: Trouble | undefined;
  #state: ActorState = 'stopped';
  #since = new Date();
  #restarts = 0;
  #looked_ms = 0;
  #lastError: HuatuoError | undefined;

  constructor(entry: CatalogEntry, dependencies: AutotracerDependencies) {
    const { config, cgroups, log } = dependencies;
    this.entry = entry;
    this.#dependencies = dependencies;
    this.#patience_ms = patience_ms(config.web.scrape_timeout_ms);
    this.#collector = poolCollector(config, entry, allocateState(MAX_WATCH_BYTES));
    this.#fence = new CpuFence(entry.name, config.collectors[entry.name]?.cpu ?? UNFENCED, cgroups, log);
    this.#restart = new RestartPolicy(collectorRestart(config.supervisor, entry.interval));
    this.#log = limitRepeats(createLog({ component: entry.name, ...config.log }), {
      interval_ms: REPEATS_MS,
    });
    const changes = allocateChanges();
    this.#instruments = createInstruments(entry.name, CAPTURE_METRICS, {
      maxSeries: entry.maxSeries,
      changes,
    });
    this.#tracer = {
      look: () => this.#look(),
      // At once: the capture may have to wait for its turn, and what has ended is forgotten soon.
      capture: (request, stop) => this.#captures.capture(request, stop, this.#before(request)),
      captureCpu_seconds: () => {
        this.#captures.measure();
        return this.#captures.cpu_us / 1e6;
      },
      keep: (memory) => {
        this.#memory = memory;
      },
      counts: createCounts(entry.name, this.#instruments.instruments),
      log: this.#log,
    };
    const connectTo = async (_service: string, port: MessagePort): Promise<void> =>
      answerScrapes(port, this.settled, {
        changes,
        collect: async (known) => this.#instruments.collect(known),
      });
    this.#reader = { name: entry.name, control: { connectTo }, services: ['prometheus'] };
  }

  get readers(): readonly ReaderActor[] {
    return [this.#reader, ...this.#captures.readers];
  }

  get workers(): readonly WorkerActor<object>[] {
    return this.#captures.workers;
  }

  start(): void {
    this.#dependencies.started(this.#reader);
    if (hasPrecapture(this.#collector.options)) this.#precapture = this.#dependencies.precapture.use();
    this.#running = this.#run();
  }

  async stop(): Promise<bigint> {
    this.#stop.abort();
    await this.#running;
    await this.#precapture?.end();
    this.#fence[Symbol.dispose]();
    this.#enter('stopped');
    return this.#captures.count('saved_cancelled');
  }

  status(): ActorStatus {
    const { name, kind } = this.entry;
    const last_error = this.#lastError && statusError(this.#lastError);
    const running = this.workers.map((worker) => worker.status.vitals ?? {});
    const silent = running.flatMap(({ heartbeat_age_seconds }) => heartbeat_age_seconds ?? []);
    return {
      name,
      role: 'collector',
      kind,
      state: this.#state,
      ...(this.#trouble && last_error && { reason: last_error }),
      restarts: this.#restarts,
      ...(last_error && { last_error }),
      since: this.#since.toISOString(),
      vitals: {
        cpu_seconds: this.#captures.cpu_us / 1e6,
        heap_bytes: running.reduce((sum, { heap_bytes = 0 }) => sum + heap_bytes, 0),
        external_bytes: running.reduce((sum, { external_bytes = 0 }) => sum + external_bytes, 0),
        ...(silent.length > 0 && { heartbeat_age_seconds: Math.max(...silent) }),
      },
    };
  }

  ledger(): LedgerStatus | undefined {
    return withSaved(this.entry.name, undefined, { get: (field) => this.#captures.count(field) });
  }

  async #look(): Promise<Look<CaptureRequest>> {
    const look = await withDeadline(
      this.#dependencies.look(this.#collector),
      this.#patience_ms - MARGIN_MS,
      'a sample',
      'it is taken again; where the host is full of work, raise web.scrape_timeout',
    );
    this.#looked_ms = performance.now();
    return look;
  }

  /** Looks and captures until it is stopped; when too many samples have failed, again after a rest. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const time = { clock: systemClock, stop: signal };
    const pace = { ...paceOf(this.#collector.options), sample_seconds: this.#patience_ms / 1000 };
    while (!signal.aborted) {
      this.#enter(undefined);
      const started_ms = performance.now();
      try {
        await new Engine(this.#tracer, pace, time, this.#memory).run();
      } catch (thrown) {
        const error = HuatuoError.from(thrown, 'COLLECTOR_FAILED', `check collector ${this.entry.name}`);
        // One that fails at every sample was never up, however many it takes until that counts as a failure.
        await this.#rest(error, Math.max(0, this.#looked_ms - started_ms));
      }
    }
  }

  /** Until the restart policy lets it run again, or it is stopped. */
  async #rest(error: HuatuoError, up_ms: number): Promise<void> {
    this.#lastError = error;
    const kind = error.permanent ? 'permanent_fault' : 'fault';
    const verdict = this.#restart.onExit(kind, performance.now(), up_ms);
    this.#enter(verdict.next === 'restart' ? 'restarting' : verdict.next);
    const { signal } = this.#stop;
    if ('delay_ms' in verdict) await sleep(verdict.delay_ms, undefined, { signal }).catch(() => undefined);
    else await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    if (!signal.aborted) this.#restarts += 1;
  }

  #before({ scope }: CaptureRequest): Promise<RolledProfile | undefined> | undefined {
    return scope && this.#captures.pending < MAX_PRECAPTURED ? this.#precapture?.rolled(scope) : undefined;
  }

  #createCapture(
    request: CaptureRequest,
    number: number,
    before: Promise<RolledProfile | undefined> | undefined,
  ): CaptureRun {
    const { config, agent, started } = this.#dependencies;
    const { name, modulePath, state: watch } = this.#collector;
    const { options = {} } = config.collectors[name] ?? {};
    return new CaptureRun({
      supervisor: config.supervisor,
      lost: (error) => this.#lost(request, error),
      name: `${name}-${number}`,
      deadline_ms: paceOf(options).deadline_seconds * 1000,
      data: {
        ...{ name, modulePath, options, request, watch, agent },
        paths: { procfs: config.path.procfs, sysfs: config.path.sysfs },
        containerWait_ms: config.containers.wait_ms,
        log: config.log,
        saveOrigin: `${this.#saveOrigin}-${number}`,
      },
      paths: config.path,
      ...(before && { before }),
      fence: (tid) => this.#fence.apply(tid),
      started,
    });
  }

  #lost({ key }: CaptureRequest, error: HuatuoError): void {
    this.#lastError = error;
    this.#log.warn('a capture did not come back; what triggered it is written', { subject: key, error });
  }

  /** @param trouble undefined when it looks and captures */
  #enter(trouble: Trouble | undefined): void {
    this.#trouble = trouble;
    const state = trouble ?? (this.#captures.running > 0 ? 'capturing' : 'sampling');
    if (state === this.#state) return;
    this.#state = state;
    this.#since = new Date();
    this.#dependencies.changed(this.status());
  }
}
