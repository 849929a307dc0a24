/**
 * The whole agent: its services, one actor for each collector, and the ports between them.
 *
 *   start: services ──► collectors       stop: collectors (drain) ──► services, in the reverse order of their start
 *
 * One for one: an actor that falls is replaced alone, and the ports of its neighbours are made anew. A new
 * configuration replaces the actors whose part of it changed (changes.ts) and no others.
 */

import type { ActorStatus } from '../actor/state.ts';
import type { WorkerActor } from '../actor/worker-actor.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { type CatalogEntry, looksOnPool } from '../catalog/entry.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import type { AgentIdentity } from '../decoder/envelope.ts';
import { HuatuoError } from '../error.ts';
import { RingWatch } from '../kernel/ring-watch.ts';
import type { PoolCollector } from '../pool/file-task.ts';
import { withDeadline } from '../promises.ts';
import type { Log } from '../sdk/context.ts';
import type { SeriesMemory } from '../sdk/kept-series.ts';
import type { MetricsAnswer } from '../sdk/metrics.ts';
import { OwnAnswers } from '../storage/prometheus/own-family.ts';
import type { PrometheusControl } from '../web/actor.ts';
import type { StatusDocument } from '../web/status.ts';
import { AutotracerChild, type AutotracerDependencies } from './autotracer-child.ts';
import { collectorPart } from './changes.ts';
import type { AttachedObject, CollectorChild } from './child.ts';
import { CpuCgroups } from './fence/cgroup.ts';
import { findQuotaParent } from './fence/quota-parent.ts';
import { trimMemory } from './memory.ts';
import { PinKeeper } from './pin-keeper.ts';
import { changedPooled, pooledCollectors } from './pooled.ts';
import { Precapture } from './precapture.ts';
import { ProgramCosts } from './program-costs.ts';
import type { ReloadRecord } from './reload.ts';
import { SERVICES } from './services/list.ts';
import { type ReaderActor, Services } from './services/services.ts';
import { StateLog } from './state-log.ts';
import { describeAgent, setAside } from './status.ts';
import { actorDetails, precaptureFamilies, statusFamilies } from './status-metrics.ts';
import { Upkeep } from './upkeep.ts';
import { WorkerChild } from './worker-child.ts';

/** Pages wait no longer for the threads' CPU time and heap, and for the number of containers; then they show the last ones. */
const MEASURE_DEADLINE_MS = 100;
/** A reload waits no longer for collectors to be attached. */
const ATTACHED_MS = 5_000;
/** A module that hangs while it is loaded must not keep the agent from being ready. */
const POOL_READY_MS = 5_000;

/** What the agent asks of the process around it. */
export interface AgentHooks {
  reloads(): ReloadRecord;
}

/** Events that an agent which has stopped did not bring into the journal, by collector. */
export interface Leftovers {
  /** In pinned rings, for the next agent. */
  readonly waiting: Record<string, number>;
  readonly lost: Record<string, number>;
}

export class Agent {
  #config: EffectiveConfig;
  #catalog: Catalog;
  /** Enabled collectors that run as tasks and have no actor. */
  #pooled: readonly PoolCollector[];
  readonly #bootId: string;
  readonly #log: Log;
  readonly #states: StateLog;
  /** They have started: from then on the agent works. */
  #hasServices = false;
  readonly #startedAt = new Date();
  readonly #children = new Map<string, CollectorChild>();
  readonly #services: Services;
  readonly #pins: PinKeeper;
  readonly #programCosts: ProgramCosts;
  readonly #rings = new RingWatch();
  readonly #cgroups: CpuCgroups;
  readonly #precapture: Precapture;
  readonly #upkeep: Upkeep;
  readonly #answers = { usual: new OwnAnswers(), detailed: new OwnAnswers() };
  #phase: 'starting' | 'up' | 'stopping' = 'starting';

  constructor(config: EffectiveConfig, catalog: Catalog, bootId: string, log: Log, hooks: AgentHooks) {
    this.#config = config;
    this.#catalog = catalog;
    this.#pooled = pooledCollectors(config, catalog);
    this.#bootId = bootId;
    this.#log = log;
    this.#states = new StateLog(log, config.log.level === 'debug');
    this.#pins = new PinKeeper(log);
    this.#programCosts = new ProgramCosts(log);
    this.#cgroups = new CpuCgroups(findQuotaParent(config.path.procfs), config.path.procfs);
    this.#upkeep = new Upkeep(log, {
      config: () => this.#config,
      actors: () => this.#actors,
      collectors: () => [...this.#children.values()],
    });
    this.#precapture = new Precapture(config.path, log);
    this.#services = new Services(
      SERVICES,
      {
        log,
        rings: this.#rings,
        config: () => this.#config,
        pooled: () => this.#pooled,
        mapped: () => [...this.#children.values()].flatMap(({ mapped }) => mapped ?? []),
        attached: (collector) => this.#attachedObject(collector),
        status: () => this.#freshStatus(),
        families: (isDetailed, known) => this.#families(hooks.reloads(), isDetailed, known),
      },
      {
        readers: () => [...this.#children.values()].flatMap(({ readers }) => readers),
        changed: (status) => this.#changed(status),
      },
    );
  }

  /**
   * Starts the services, then every enabled collector.
   * @throws when a service cannot start without which nothing could be kept or seen
   */
  async start(): Promise<void> {
    this.#upkeep.start();
    this.#programCosts.apply(this.#config.bpf);
    this.#pins.hold(this.#config);
    await this.#services.start();
    this.#hasServices = true;
    if (this.#phase === 'stopping') return;
    this.#settlePins();
    for (const { name, error } of this.#catalog.broken)
      this.#states.write(setAside(name, 'unsupported', { error }), true);
    for (const entry of this.#catalog.entries) this.#startCollector(entry);
    this.#services.configure();
    await this.#poolReady();
    if (this.#phase === 'starting') this.#phase = 'up';
  }

  /**
   * Drains every collector into the journal, then closes the services.
   * @returns events that are not in the journal, by collector: those that wait in a pinned ring, and those that are gone
   */
  async stop(): Promise<Leftovers> {
    this.#phase = 'stopping';
    const left: Leftovers = { waiting: {}, lost: {} };
    await Promise.all(
      [...this.#children.values()].map(async (child) => {
        const { isPinned } = child;
        const events = await child.stop({ leavePinned: true });
        if (events > 0n) left[isPinned ? 'waiting' : 'lost'][child.entry.name] = Number(events);
      }),
    );
    await this.#services.stop();
    this.#upkeep[Symbol.dispose]();
    this.#states[Symbol.dispose]();
    this.#rings[Symbol.dispose]();
    this.#pins[Symbol.dispose]();
    this.#cgroups[Symbol.dispose]();
    return left;
  }

  /**
   * Puts a checked configuration in force. A service that does not work with it gets its old part back, and the
   * collectors are not touched.
   * @returns names of the actors and of the collectors on the pool that were replaced, started or stopped
   * @throws what keeps a service from working with the new configuration
   */
  async apply(config: EffectiveConfig, catalog: Catalog): Promise<string[]> {
    const before = { config: this.#config, catalog: this.#catalog, pooled: this.#pooled };
    this.#config = config;
    this.#catalog = catalog;
    this.#pooled = pooledCollectors(config, catalog, before.pooled);
    try {
      this.#pins.hold(config);
      const services = await this.#services.apply(before.config);
      const collectors = await this.#applyToCollectors(before.config, before.catalog);
      // A set: what has moved between a worker and the pool is in both.
      return [...new Set([...services, ...collectors, ...changedPooled(before.pooled, this.#pooled)])];
    } catch (error) {
      this.#config = before.config;
      this.#catalog = before.catalog;
      this.#pooled = before.pooled;
      this.#pins.hold(before.config);
      await this.#services.apply(config);
      throw error;
    }
  }

  /** @param withPrograms as of each collector */
  status(withPrograms = true): StatusDocument {
    const children = [...this.#children.values()];
    const running = [...this.#services.statuses, ...children.map((child) => child.status(withPrograms))];
    const disabled = this.#catalog.entries.filter(({ name }) => !this.#config.collectors[name]?.enabled);
    const aside = [
      ...this.#catalog.broken.map(({ name, error }) => setAside(name, 'unsupported', { error })),
      ...disabled.map(({ name, kind }) => setAside(name, 'disabled', { kind })),
    ];
    const actors = [...running, ...aside];
    return {
      agent: describeAgent({
        phase: this.#phase,
        actors,
        identity: this.#identity,
        startedAt: this.#startedAt,
        isTroubled: this.#services.isTroubled,
      }),
      actors,
      ledger: children.flatMap((child) => child.ledger() ?? []),
      ...this.#services.report,
    };
  }

  /** As in the configuration in force. */
  get #identity(): AgentIdentity {
    const { hostname, region } = this.#config;
    return { hostname, region, bootId: this.#bootId };
  }

  /** For the log line at the end of the start. */
  async summary(): Promise<object> {
    const listening = await this.#services.control<PrometheusControl>('prometheus').listening();
    const running = [...this.#children.keys(), ...this.#pooled.map(({ name }) => name)].sort();
    return { listening, journal: this.#config.journal.directory, collectors: running.join(' ') };
  }

  async #applyToCollectors(config: EffectiveConfig, catalog: Catalog): Promise<string[]> {
    const touched: string[] = [];
    const counted = new Map<string, SeriesMemory>();
    this.#programCosts.apply(this.#config.bpf);
    for (const [name, child] of [...this.#children]) {
      const entry = this.#catalog.find(name);
      if (entry && collectorPart(config, child.entry) === collectorPart(this.#config, entry)) continue;
      await child.stop();
      this.#children.delete(name);
      const left = entry?.contents === child.entry.contents && child.leaveSeries?.();
      if (left) counted.set(name, left);
      await this.#services.forget(name);
      touched.push(name);
    }
    this.#settlePins();
    for (const entry of this.#catalog.entries) {
      if (this.#children.has(entry.name) || !this.#startCollector(entry, counted.get(entry.name))) continue;
      if (!catalog.find(entry.name) || !touched.includes(entry.name)) touched.push(entry.name);
    }
    this.#services.configure();
    await this.#attached(touched);
    return touched;
  }

  /** What was replaced is in force when a reload answers: it runs, or has said why not, or takes its time. */
  async #attached(names: readonly string[]): Promise<void> {
    const settled = names.map((name) => this.#children.get(name)?.settled);
    await withDeadline(Promise.allSettled(settled), ATTACHED_MS, 'start of collectors').catch(
      () => undefined,
    );
  }

  #attachedObject(collector: string): AttachedObject {
    const object = this.#children.get(collector)?.attached?.();
    if (object) return object;
    throw new HuatuoError('WORKER_EXITED', {
      expected: `collector ${collector} with programs`,
      found: 'none',
      remedy: 'it was removed from the configuration; ask again',
    });
  }

  /** @returns whether the collector is enabled and more than tasks on the pool */
  #startCollector(entry: CatalogEntry, series?: SeriesMemory): boolean {
    if (collectorPart(this.#config, entry) === undefined) return false;
    const child = this.#createChild(entry, series);
    this.#children.set(entry.name, child);
    child.start();
    return true;
  }

  #createChild(entry: CatalogEntry, series: SeriesMemory | undefined): CollectorChild {
    const dependencies = {
      config: this.#config,
      agent: this.#identity,
      log: this.#log,
      rings: this.#rings,
      cgroups: this.#cgroups,
      series,
      ...(entry.manifest && { pinDirectory: this.#pins.directory }),
      started: (reader: ReaderActor) => this.#services.connect(reader),
      changed: (status: ActorStatus) => this.#changed(status),
    };
    if (!looksOnPool(entry)) return new WorkerChild(entry, dependencies);
    const look: AutotracerDependencies['look'] = (collector) =>
      this.#services.control<PrometheusControl>('prometheus').look(collector);
    return new AutotracerChild(entry, { ...dependencies, look, precapture: this.#precapture });
  }

  #settlePins(): void {
    const pinned = this.#catalog.entries.filter(
      (entry) => entry.manifest && collectorPart(this.#config, entry) !== undefined,
    );
    this.#pins.settle(this.#config, new Set(pinned.map(({ name }) => name)));
  }

  /** Those that run as tasks have no actor whose state would tell; one that does not start says so at each scrape. */
  async #poolReady(): Promise<void> {
    try {
      const ready = this.#services.control<PrometheusControl>('prometheus').poolReady();
      await withDeadline(ready, POOL_READY_MS, 'start of the file collectors');
    } catch (error) {
      this.#log.warn('some file collectors have not started yet', { error });
    }
  }

  #changed(status: ActorStatus): void {
    this.#states.write(status, this.#hasServices);
    trimMemory(status.state);
    // A page has nothing of it, now or later.
    if (status.state === 'unsupported' && status.role === 'collector')
      void this.#services.forget(status.name);
  }

  /** Nothing that is on every page is asked of a collector's thread: it would have to wake. */
  async #families(reloads: ReloadRecord, isDetailed: boolean, known?: string): Promise<MetricsAnswer> {
    const costs = [
      ...this.#programCosts.families(this.#children.values(), this.#config.path.procfs),
      ...precaptureFamilies(await this.#precapture.counts()),
    ];
    if (!isDetailed) {
      await this.#services.askForFamilies(MEASURE_DEADLINE_MS);
      const families = [
        ...statusFamilies(this.status(false), reloads),
        ...this.#services.families(),
        ...costs,
      ];
      return this.#answers.usual.answer(families, known);
    }
    const status = await this.#freshStatus();
    const families = [
      ...statusFamilies(status, reloads),
      ...actorDetails(status),
      ...this.#services.families(),
      ...this.#services.details(),
      ...costs,
    ];
    return this.#answers.detailed.answer(families, known);
  }

  async #freshStatus(): Promise<StatusDocument> {
    const measured = Promise.all(this.#actors.map((actor) => actor.measure()));
    await Promise.all([
      this.#services.ask(MEASURE_DEADLINE_MS),
      // What was measured last stays.
      withDeadline(measured, MEASURE_DEADLINE_MS, 'measurements').catch(() => undefined),
    ]);
    return this.status();
  }

  get #actors(): WorkerActor<object>[] {
    const workers = [...this.#children.values()].flatMap((child) => child.workers);
    return [...this.#services.actors, ...workers];
  }
}
