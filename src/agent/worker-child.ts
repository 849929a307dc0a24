/**
 * The supervisor's half of one collector: its worker, and everything of it that outlives a worker (legacy.ts): stats, what it
 * holds of the kernel, the ledger.
 */
import { pathToFileURL } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import type { ActorMeasurements, ActorStatus } from '../actor/state.ts';
import { ActorStats, type StatField } from '../actor/stats.ts';
import { WorkerActor } from '../actor/worker-actor.ts';
import type { CatalogEntry } from '../catalog/entry.ts';
import type { CollectorControl, CollectorNotice, CollectorWorkerData } from '../collector/protocol.ts';
import type { CpuFence as CpuFenceConfig, EffectiveConfig } from '../config/effective.ts';
import type { AgentIdentity } from '../decoder/envelope.ts';
import { HuatuoError } from '../error.ts';
import { NetlinkOwner } from '../kernel/netlink-owner.ts';
import type { ObjectSource } from '../kernel/object-owner.ts';
import { removePins } from '../kernel/pins/pin-set.ts';
import { ProfileOwner } from '../kernel/profile-owner.ts';
import type { RingWatch } from '../kernel/ring-watch.ts';
import { forgetShown } from '../map-metrics/held-counts.ts';
import type { MappedCollector } from '../map-metrics/map-source.ts';
import { at } from '../paths.ts';
import type { Log } from '../sdk/context.ts';
import { allocateSeries, type SeriesMemory } from '../sdk/kept-series.ts';
import { allocateState } from '../sdk/shared-state.ts';
import type { LedgerStatus } from '../web/status.ts';
import type { AttachedObject, CollectorChild, ProgramRuns } from './child.ts';
import type { CpuCgroups } from './fence/cgroup.ts';
import { CpuFence } from './fence/fence.ts';
import { CollectorThrottle } from './fence/throttle.ts';
import { type Belongings, createBelongings, type Legacy } from './legacy.ts';
import { objectSource } from './object-source.ts';
import { withSaved } from './saved-ledger.ts';
import type { ReaderActor } from './services/services.ts';
import { COLLECTOR_STOP_SHARE, collectorRestart, WORKER_LIMITS } from './specs.ts';

/** What a collector needs of the agent around it. */
export interface CollectorDependencies {
  readonly config: EffectiveConfig;
  readonly agent: AgentIdentity;
  readonly log: Log;
  /** Hears the wake-ups of rings and netlink sockets. */
  readonly rings: RingWatch;
  /** Where CPU quotas of threads are set. */
  readonly cgroups: CpuCgroups;
  /** Of the one that it replaces; undefined when that was another collector. */
  readonly legacy?: Legacy | undefined;
  /** Set for a collector that is to be pinned: a directory on a BPF file system. */
  readonly pinDirectory?: string | undefined;
  /** A worker of the collector has started: it needs its ports. */
  started(reader: ReaderActor): void;
  changed(status: ActorStatus): void;
}

export const UNFENCED: CpuFenceConfig = { affinity: [], nice: 0, quota_cores: undefined };

/** Those that a thread has to do with that has no metrics itself. */
const SERVICES_OF_UNSCRAPED: readonly string[] = ['containers', 'journal'];
export class WorkerChild implements CollectorChild {
  readonly entry: CatalogEntry;
  readonly actor: WorkerActor<CollectorControl>;
  readonly stats: ActorStats;
  readonly #dependencies: CollectorDependencies;
  readonly #fence: CpuFence;
  readonly #throttle: CollectorThrottle;
  readonly #belongings: Belongings;
  readonly #state = allocateState();
  readonly #series: SeriesMemory;
  readonly #netlink: NetlinkOwner;
  /** Of an autotracer that has a BPF object, whose captures are in its worker. */
  readonly #profiles: ProfileOwner | undefined;

  constructor(entry: CatalogEntry, dependencies: CollectorDependencies) {
    this.entry = entry;
    this.#dependencies = dependencies;
    this.#series = dependencies.legacy?.series ?? allocateSeries();
    this.#belongings =
      dependencies.legacy?.belongings ??
      createBelongings(entry, objectSource(entry, dependencies), dependencies);
    const { stats, object } = this.#belongings;
    this.stats = new ActorStats(stats);
    if (object) object.heard = () => this.actor.startIfWaiting();
    const { cpu = UNFENCED } = dependencies.config.collectors[entry.name] ?? {};
    this.#fence = new CpuFence(entry.name, cpu, dependencies.cgroups, dependencies.log);
    this.#netlink = new NetlinkOwner(dependencies.rings);
    this.#profiles = entry.kind === 'autotracing' ? new ProfileOwner(dependencies.config.path) : undefined;
    const sample = (every: number): boolean => object?.setSampling(every) ?? false;
    const isCritical = entry.manifest?.event?.severity === 'critical';
    this.#throttle = new CollectorThrottle(cpu.quota_cores, isCritical ? undefined : sample, this.stats);
    const { supervisor } = dependencies.config;
    this.actor = new WorkerActor<CollectorControl>(
      {
        name: entry.name,
        role: 'collector',
        kind: entry.kind,
        entry: pathToFileURL(at('dist/workers/collector.js')),
        workerData: (control) => this.#workerData(control),
        serve: { ...object?.calls, ...this.#netlink.calls, ...this.#profiles?.calls },
        restart: collectorRestart(supervisor, entry.interval),
        shutdown_ms: supervisor.stop_timeout_ms * COLLECTOR_STOP_SHARE,
        startTimeout_ms: supervisor.start_timeout_ms,
        heartbeatTimeout_ms: supervisor.heartbeat_timeout_ms,
        stats,
        resourceLimits: WORKER_LIMITS,
      },
      {
        started: () => dependencies.started(this.#reader),
        notice: (notice) => this.#noticed(notice as CollectorNotice),
        changed: (status) => dependencies.changed(status),
        ended: (error) => this.#ended(error),
      },
    );
  }

  get workers(): WorkerActor<object>[] {
    return [this.actor];
  }

  get readers(): ReaderActor[] {
    return [this.#reader];
  }

  get #reader(): ReaderActor {
    const { name, control } = this.actor;
    return this.entry.isScraped ? this.actor : { name, control, services: SERVICES_OF_UNSCRAPED };
  }

  /** A page has nothing of one that this host cannot run. */
  get mapped(): MappedCollector | undefined {
    return this.actor.state === 'unsupported' ? undefined : this.#belongings.mapped;
  }

  get #object(): Belongings['object'] {
    return this.#belongings.object;
  }

  get #attempts(): Belongings['attempts'] {
    return this.#belongings.attempts;
  }

  get settled(): Promise<void> {
    return this.actor.settled;
  }

  start(): void {
    const object = this.#object;
    if (object && this.entry.startsWithRecord) void this.actor.wait(() => object.attachWithoutReader());
    else this.actor.start();
  }

  attached(): AttachedObject {
    const attached = this.#object?.attached;
    if (attached) return attached;
    const { state } = this.actor;
    throw new HuatuoError(state === 'starting' ? 'COLLECTOR_STARTING' : 'WORKER_EXITED', {
      expected: `the programs of collector ${this.entry.name} to run`,
      found: `it is ${state}`,
      remedy: 'it has metrics as soon as they do; see its state in /api/v1/status',
    });
  }

  status(withPrograms = true): ActorStatus {
    const { vitals, ...status } = this.actor.status;
    const { throttled_seconds, sampling_ratio } = this.#throttle;
    const missed_runs = this.#object?.missedRuns;
    return {
      ...status,
      ...(withPrograms && this.#object?.status),
      ...(Object.keys(this.#fence.status).length > 0 && { fence: this.#fence.status }),
      vitals: {
        ...vitals,
        throttled_seconds,
        ...(missed_runs !== undefined && { missed_runs }),
        ...(this.#object && { failed_attempts: this.#attempts.failures }),
        ...this.#ringMeasurements(sampling_ratio),
      },
    };
  }

  /** Has programs that sample run on the CPUs that are online now. */
  followCpus(): void {
    this.#object?.followCpus();
  }

  /** Brings CPU time and heap up to date, and throttles a collector that is over its quota. */
  async keepQuota(): Promise<void> {
    await this.actor.measure();
    if (this.actor.isStarting) {
      this.#throttle.skip();
      return;
    }
    const throttled = this.#attempts.try('keeping its CPU quota', () =>
      this.#throttle.feed(this.actor.cpu_us),
    );
    const { state } = this.actor;
    if (throttled && state === 'running') this.actor.enter('throttled');
    if (throttled === false && state === 'throttled') this.actor.enter('running');
  }

  #ringMeasurements(sampling_ratio: number): ActorMeasurements {
    if (!this.entry.manifest?.event) return {};
    const read = (field: StatField): number => Number(this.stats.get(field));
    return {
      in_flight_bytes: read('in_flight_bytes'),
      ring_bytes: read('ring_bytes'),
      ring_high_water_bytes: read('ring_high_water_bytes'),
      refused_batches: read('refused_batches'),
      unenriched_documents: read('unenriched'),
      busy_heads: read('busy_heads'),
      lookup_misses: read('lookup_misses'),
      lookup_evictions: read('lookup_evictions'),
      sampling_ratio,
    };
  }

  programRuns(): readonly ProgramRuns[] | undefined {
    return this.#object?.programRuns;
  }

  /** Accounting of its ring and of what it saved, also while no worker runs; undefined when there is neither. */
  ledger(): LedgerStatus | undefined {
    return this.#attempts.try('reading its ledger', () =>
      withSaved(this.entry.name, this.#object?.ledger(), this.stats),
    );
  }

  /**
   * Stops the worker in good order, then frees what it held of the kernel.
   * @param leavePinned the agent ends, and pinned programs run on for the next one. A collector that is only replaced is
   * unpinned: its programs stop before the ring is read to its end, and nothing they made is left in it.
   * @returns events that are not in the journal, because that could not take them in time
   */
  async stop({ leavePinned = false }: { readonly leavePinned?: boolean } = {}): Promise<bigint> {
    await this.#stopWorker(leavePinned && this.isPinned);
    const { difference = '0', dropped_cancelled = '0' } = this.ledger() ?? {};
    await this.#object?.release();
    return BigInt(difference) + BigInt(dropped_cancelled);
  }

  async leave(next: ObjectSource | undefined): Promise<Legacy> {
    const object = this.#object;
    if (next ? object?.fits(next) : !object) {
      await this.#stopWorker(true);
      this.#attempts.try('ending its sampling', () => object?.setSampling(1));
      return { series: this.#series, belongings: this.#belongings };
    }
    const lost = await this.stop();
    // Maps of a new object begin at 0.
    forgetShown(this.#series);
    return { series: this.#series, lost };
  }

  /** @param isSucceeded its programs run on */
  async #stopWorker(isSucceeded: boolean): Promise<void> {
    if (!isSucceeded) await this.#endWait();
    await this.actor.stop(async (control) => {
      await control.stop(isSucceeded);
    });
    this.#fence[Symbol.dispose]();
    this.#netlink[Symbol.dispose]();
    await this.#releaseProfiles();
  }

  /** One without a thread gets it now where the wake-up of a record has not been heard yet. */
  async #endWait(): Promise<void> {
    if (this.actor.isWaiting && (await this.#object?.endWithoutReader())) this.actor.startIfWaiting();
  }

  async #releaseProfiles(): Promise<void> {
    await this.#attempts.tryLater('letting go of its profiles', async () => this.#profiles?.release());
  }

  get isPinned(): boolean {
    return this.#object?.isPinned ?? false;
  }

  #workerData(control: MessagePort): CollectorWorkerData {
    const { config, agent } = this.#dependencies;
    const { stats, wakes, saveOrigin, object, mapped } = this.#belongings;
    const { name, kind, modulePath, manifest, maxSeries, interval } = this.entry;
    return {
      name,
      kind,
      ...(modulePath && { modulePath }),
      ...(object && manifest && { bpf: { manifest } }),
      options: config.collectors[name]?.options ?? {},
      maxSeries,
      isMapped: mapped !== undefined,
      interval_seconds: interval,
      agent,
      paths: { procfs: config.path.procfs, sysfs: config.path.sysfs },
      ring: config.ring,
      containerWait_ms: config.containers.wait_ms,
      containerKeepGone_ms: config.containers.keep_gone_ms,
      log: config.log,
      stats,
      wakes,
      saveOrigin,
      state: this.#state,
      series: this.#series,
      control,
    };
  }

  #noticed(notice: CollectorNotice): void {
    switch (notice.type) {
      case 'thread':
        this.#fence.apply(notice.tid);
        break;
      case 'running':
      case 'waiting':
        this.#object?.works();
        this.actor.enter(notice.type);
        break;
      case 'failed':
        this.actor.fault(HuatuoError.fromWire(notice.error));
    }
  }

  /** A ring that breaks its own rules cannot be adopted, and an unsupported collector leaves nothing attached. */
  #ended(error: HuatuoError | undefined): void {
    this.stats.set('in_flight_bytes', 0n);
    this.#netlink[Symbol.dispose]();
    void this.#releaseProfiles();
    if (!error || !(error.permanent || error.code === 'RING_CORRUPT')) return;
    const { pinDirectory } = this.#dependencies;
    if (this.#object && pinDirectory !== undefined)
      this.#attempts.try('removing its pins', () => removePins(pinDirectory, this.entry.name));
    void this.#object?.release();
    // Maps of a new object begin at 0.
    forgetShown(this.#series);
  }
}
