/**
 * The whole agent: its services, one actor for each collector, and the ports between them.
 *
 *   start: services ──► collectors       stop: collectors (drain) ──► services, in the reverse order of their start
 *
 * One for one: an actor that falls is replaced alone, and the ports of its neighbours are made anew. A new
 * configuration replaces the actors whose part of it changed (changes.ts) and no others.
 */

import type { Remote } from '../actor/rpc.ts';
import type { ActorStatus } from '../actor/state.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { type BrokenCollector, type CatalogEntry, looksOnPool } from '../catalog/entry.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import type { AgentIdentity } from '../decoder/envelope.ts';
import { RingWatch } from '../kernel/ring-watch.ts';
import type { PoolCollector } from '../pool/file-task.ts';
import { unlessAborted, withDeadline } from '../promises.ts';
import type { Log } from '../sdk/context.ts';
import type { PrometheusControl } from '../web/actor.ts';
import type { StatusDocument } from '../web/status.ts';
import { AutotracerChild, type AutotracerDependencies } from './autotracer-child.ts';
import { collectorPart, newlyBroken } from './changes.ts';
import type { CollectorChild } from './child.ts';
import { Collectors, type Leftovers, type Wanted } from './collectors.ts';
import { CpuCgroups } from './fence/cgroup.ts';
import { findQuotaParent } from './fence/quota-parent.ts';
import type { Legacy } from './legacy.ts';
import { type AgentPhase, Lifecycle } from './lifecycle.ts';
import { trimMemory } from './memory.ts';
import { objectSource } from './object-source.ts';
import { Overview } from './overview.ts';
import { PinKeeper } from './pin-keeper.ts';
import { changedPooled, pooledCollectors } from './pooled.ts';
import { Precapture } from './precapture.ts';
import { ProgramCosts } from './program-costs.ts';
import type { Reloaded, ReloadRecord } from './reload.ts';
import { SERVICES } from './services/list.ts';
import { type ReaderActor, Services } from './services/services.ts';
import { StateLog } from './state-log.ts';
import { setAside } from './status.ts';
import { Upkeep } from './upkeep.ts';
import { WorkerChild } from './worker-child.ts';

/** A reload waits no longer for collectors to be attached, and for a service to forget one. */
const ATTACHED_MS = 5_000;
const FORGET_MS = 5_000;
/** A module that hangs while it is loaded must not keep the agent from being ready. */
const POOL_READY_MS = 5_000;

/** What the agent asks of the process around it. */
interface AgentHooks {
  reloads(): ReloadRecord;
}

/** What a reload replaces. */
interface InForce extends Wanted {
  /** Enabled collectors that run as tasks and have no actor. */
  readonly pooled: readonly PoolCollector[];
}

export class Agent {
  #inForce: InForce;
  readonly #bootId: string;
  readonly #log: Log;
  readonly #lifecycle = new Lifecycle();
  readonly #states: StateLog;
  /** They have started: from then on the agent works. */
  #hasServices = false;
  readonly #collectors: Collectors;
  readonly #services: Services;
  readonly #pins: PinKeeper;
  readonly #programCosts: ProgramCosts;
  readonly #rings = new RingWatch();
  readonly #cgroups: CpuCgroups;
  readonly #precapture: Precapture;
  readonly #upkeep: Upkeep;
  readonly #overview: Overview;

  constructor(config: EffectiveConfig, catalog: Catalog, bootId: string, log: Log, hooks: AgentHooks) {
    this.#inForce = { config, catalog, pooled: pooledCollectors(config, catalog) };
    this.#bootId = bootId;
    this.#log = log;
    this.#states = new StateLog(log, config.log.level === 'debug');
    this.#pins = new PinKeeper(log);
    this.#programCosts = new ProgramCosts(log);
    this.#cgroups = new CpuCgroups(findQuotaParent(config.path.procfs), config.path.procfs);
    this.#collectors = new Collectors(
      {
        create: (entry, legacy) => this.#createChild(entry, legacy),
        source: (entry) => objectSource(entry, { config: this.#config, log, ...this.#pinning(entry) }),
      },
      log,
    );
    this.#upkeep = new Upkeep(log, {
      config: () => this.#config,
      actors: () => this.#overview.actors,
      collectors: () => this.#collectors.children,
    });
    this.#precapture = new Precapture(config.path, log);
    this.#services = new Services(
      SERVICES,
      {
        log,
        rings: this.#rings,
        config: () => this.#config,
        pooled: () => this.#inForce.pooled,
        mapped: () => this.#collectors.children.flatMap(({ mapped }) => mapped ?? []),
        attached: (collector) => this.#collectors.attached(collector),
        status: () => this.#overview.freshStatus(),
        families: (isDetailed, known) => this.#overview.families(isDetailed, known),
      },
      {
        readers: () => this.#collectors.children.flatMap(({ readers }) => readers),
        changed: (status) => this.#changed(status),
      },
    );
    this.#overview = new Overview({
      services: this.#services,
      collectors: this.#collectors,
      precapture: this.#precapture,
      programCosts: this.#programCosts,
      phase: () => this.phase,
      inForce: () => this.#inForce,
      identity: () => this.#identity,
      reloads: () => hooks.reloads(),
    });
  }

  get phase(): AgentPhase {
    return this.#lifecycle.phase;
  }

  get #config(): EffectiveConfig {
    return this.#inForce.config;
  }

  /**
   * Starts the services, then every enabled collector.
   * @returns for the log line at its end
   * @throws when a service cannot start without which nothing could be kept or seen, and CANCELLED when it is to stop meanwhile
   */
  start(): Promise<object> {
    return this.#lifecycle.run('starting', async (stopping) => {
      this.#upkeep.start();
      this.#programCosts.apply(this.#config.bpf);
      this.#pins.hold(this.#config);
      await this.#services.start(stopping);
      this.#hasServices = true;
      this.#settlePins();
      this.#tellBroken(this.#inForce.catalog.broken);
      this.#collectors.start(this.#inForce);
      this.#services.configure();
      await unlessAborted(this.#poolReady(), stopping);
      return unlessAborted(this.#summary(), stopping);
    });
  }

  /**
   * Drains every collector into the journal, then closes the services. A start or a reload that is under way ends first.
   * @returns events that are not in the journal, by collector: those that wait in a pinned ring, and those that are gone
   */
  async stop(): Promise<Leftovers> {
    await this.#lifecycle.stop();
    const left = await this.#collectors.stopAll();
    await this.#services.stop();
    this.#upkeep[Symbol.dispose]();
    this.#states[Symbol.dispose]();
    this.#rings[Symbol.dispose]();
    this.#pins[Symbol.dispose]();
    this.#cgroups[Symbol.dispose]();
    return left;
  }

  /**
   * Puts a checked configuration in force. Where that does not work, services and collectors are as before.
   * @throws what keeps a service from working with the new configuration, and CANCELLED when the agent stops
   */
  apply(config: EffectiveConfig, catalog: Catalog): Promise<Reloaded> {
    return this.#lifecycle.run('reloading', async (stopping) => {
      const before = this.#inForce;
      try {
        const pooled = pooledCollectors(config, catalog, before.pooled);
        return await this.#replace({ config, catalog, pooled }, stopping);
      } catch (error) {
        // What a stop has cut short is stopped as it is.
        if (error !== stopping.reason) await this.#putBack(before);
        throw error;
      }
    });
  }

  /** @throws what keeps it from being in force: part of it may be */
  async #replace(next: InForce, stopping?: AbortSignal): Promise<Reloaded> {
    const before = this.#inForce;
    this.#pins.hold(next.config);
    this.#inForce = next;
    this.#programCosts.apply(next.config.bpf);
    const services = await this.#services.apply(before.config, stopping);
    const stopped = await this.#collectors.stopChanged(next, stopping);
    // They hear of it before those that take their places are connected.
    const forgotten = [...stopped.keys()].map((name) => this.#services.forget(name, FORGET_MS));
    this.#settlePins();
    // Also when the agent is to stop by now: what was left is drained by who has it.
    const started = this.#collectors.start(next, stopped);
    this.#services.configure();
    await Promise.all(forgotten);
    await this.#attached(started, stopping);
    // A set: what has moved between a worker and the pool is in both.
    const pooled = changedPooled(before.pooled, next.pooled);
    const touched = [...new Set([...services, ...stopped.keys(), ...started, ...pooled])];
    const broken = newlyBroken(before.catalog, next.catalog);
    this.#tellBroken(broken);
    const unsupported = broken.map(({ name, error }) => ({ name, reason: error.message }));
    return { touched, unsupported: [...this.#collectors.unsupported(started), ...unsupported] };
  }

  async #putBack(before: InForce): Promise<void> {
    try {
      await this.#replace(before);
    } catch (error) {
      this.#log.error('the old configuration is not wholly in force again', { error });
    }
  }

  /** What is known without a question to a thread, or to the kernel about programs. */
  status(): StatusDocument {
    return this.#overview.status(false);
  }

  /** As in the configuration in force. */
  get #identity(): AgentIdentity {
    const { hostname, region } = this.#config;
    return { hostname, region, bootId: this.#bootId };
  }

  async #summary(): Promise<object> {
    const listening = await this.#services.call(
      'prometheus',
      'addresses',
      (control: Remote<PrometheusControl>) => control.listening(),
      this.#config.supervisor.start_timeout_ms,
    );
    const running = [...this.#collectors.names, ...this.#inForce.pooled.map(({ name }) => name)].sort();
    return { listening, journal: this.#config.journal.directory, collectors: running.join(' ') };
  }

  /** What was replaced is in force when a reload answers: it runs, or has said why not, or takes its time. */
  async #attached(names: readonly string[], stopping?: AbortSignal): Promise<void> {
    const settled = withDeadline(this.#collectors.settled(names), ATTACHED_MS, 'start of collectors');
    await unlessAborted(
      settled.catch(() => undefined),
      stopping,
    );
  }

  #pinning({ manifest }: CatalogEntry): { readonly pinDirectory?: string | undefined } {
    return manifest ? { pinDirectory: this.#pins.directory } : {};
  }

  #createChild(entry: CatalogEntry, legacy: Legacy | undefined): CollectorChild {
    const dependencies = {
      config: this.#config,
      agent: this.#identity,
      log: this.#log,
      rings: this.#rings,
      cgroups: this.#cgroups,
      legacy,
      ...this.#pinning(entry),
      started: (reader: ReaderActor) => this.#services.connect(reader),
      changed: (status: ActorStatus) => this.#changed(status),
    };
    if (!looksOnPool(entry)) return new WorkerChild(entry, dependencies);
    const look: AutotracerDependencies['look'] = (collector) =>
      this.#services.control<PrometheusControl>('prometheus').look(collector);
    return new AutotracerChild(entry, { ...dependencies, look, precapture: this.#precapture });
  }

  #settlePins(): void {
    const { config, catalog } = this.#inForce;
    const pinned = catalog.entries.filter(
      (entry) => entry.manifest && collectorPart(config, entry) !== undefined,
    );
    this.#pins.settle(config, new Set(pinned.map(({ name }) => name)));
  }

  /** Those that run as tasks have no actor whose state would tell; one that does not start says so at each scrape. */
  async #poolReady(): Promise<void> {
    try {
      const ask = (control: Remote<PrometheusControl>): Promise<void> => control.poolReady();
      await this.#services.call('prometheus', 'start of the file collectors', ask, POOL_READY_MS);
    } catch (error) {
      this.#log.warn('some file collectors have not started yet', { error });
    }
  }

  #tellBroken(broken: readonly BrokenCollector[]): void {
    for (const { name, error } of broken) this.#states.write(setAside(name, 'unsupported', { error }), true);
  }

  #changed(status: ActorStatus): void {
    this.#states.write(status, this.#hasServices);
    trimMemory(status.state);
    // A page has nothing of it, now or later.
    if (status.state === 'unsupported' && status.role === 'collector')
      void this.#services.forget(status.name, FORGET_MS);
  }
}
