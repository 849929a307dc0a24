/**
 * The whole agent: two storage actors, one actor for each collector, and the wires between them.
 *
 *   start: journal ──► prometheus ──► collectors       stop: collectors (drain) ──► prometheus ──► journal (flush)
 *
 * One for one: an actor that falls is replaced alone, and the ports of its neighbours are made anew.
 */
import { release } from 'node:os';
import type { MessagePort } from 'node:worker_threads';
import type { AgentIdentity } from '../collector/envelope.ts';
import type { Catalog, CatalogEntry } from '../config/catalog.ts';
import type { EffectiveConfig } from '../config/effective.ts';
import type { HuatuoError } from '../error.ts';
import type { AgentLog } from '../log.ts';
import { CollectorChild } from './collector-child.ts';
import { transferPort } from './comlink.ts';
import type { MetricFamily } from './protocol.ts';
import type { ActorStatus, AgentState, StatusDocument } from './status.ts';
import { statusFamilies } from './status-families.ts';
import { createStorage, type StorageActors } from './storage-actors.ts';
import { version } from './version.ts';

const TICK_MS = 500;

export class Agent {
  readonly #config: EffectiveConfig;
  readonly #catalog: Catalog;
  readonly #identity: AgentIdentity;
  readonly #log: AgentLog;
  readonly #startedAt = new Date();
  readonly #children = new Map<string, CollectorChild>();
  readonly #aside: ActorStatus[] = [];
  readonly #storage: StorageActors;
  #phase: 'starting' | 'up' | 'stopping' = 'starting';
  #tick: NodeJS.Timeout | undefined;

  constructor(config: EffectiveConfig, catalog: Catalog, identity: AgentIdentity, log: AgentLog) {
    this.#config = config;
    this.#catalog = catalog;
    this.#identity = identity;
    this.#log = log;
    this.#storage = createStorage(config, identity, {
      journalStarted: () => this.#reconnect('journal'),
      prometheusStarted: () => this.#prometheusStarted(),
      changed: (status) => this.#changed(status),
      status: async () => this.status(),
      families: async () => this.families(),
    });
  }

  /**
   * Starts the storage actors, then every enabled collector.
   * @throws when a storage actor cannot start: without it nothing could be kept or seen
   */
  async start(): Promise<void> {
    this.#tick = setInterval(() => this.#checkHeartbeats(), TICK_MS);
    await this.#storage.start();
    for (const broken of this.#catalog.broken) this.#setAside(broken.name, 'unsupported', broken.error);
    for (const entry of this.#catalog.entries) this.#startCollector(entry);
    this.#phase = 'up';
  }

  /** Drains every collector into the journal, then closes the storage actors. */
  async stop(): Promise<void> {
    this.#phase = 'stopping';
    await Promise.all([...this.#children.values()].map((child) => child.stop()));
    await this.#storage.stop();
    clearInterval(this.#tick);
  }

  status(): StatusDocument {
    const children = [...this.#children.values()];
    const actors = [
      ...this.#storage.statuses(),
      ...children.map((child) => child.actor.status),
      ...this.#aside,
    ];
    return {
      agent: {
        version,
        started_at: this.#startedAt.toISOString(),
        state: this.#state(actors),
        node: process.version,
        kernel: release(),
        hostname: this.#identity.hostname,
        region: this.#identity.region,
        pid: process.pid,
      },
      actors,
      ledger: children.flatMap((child) => child.ledger() ?? []),
    };
  }

  families(): MetricFamily[] {
    const rings = [...this.#children.values()].filter((child) => child.entry.manifest?.event);
    return statusFamilies(
      this.status(),
      rings.map(({ entry, vitals }) => ({ collector: entry.name, vitals })),
    );
  }

  /** For the log line at the end of the start. */
  async summary(): Promise<object> {
    const listening = await this.#storage.prometheus.control?.listening();
    const running = [...this.#children.keys(), ...this.#pooled().map(({ name }) => name)].sort();
    return { listening, journal: this.#config.journal.directory, collectors: running.join(' ') };
  }

  #state(actors: readonly ActorStatus[]): AgentState {
    if (this.#phase === 'stopping') return 'stopping';
    if (this.#phase === 'starting' || actors.some(({ state }) => state === 'starting')) return 'starting';
    const healthy = new Set(['running', 'waiting', 'disabled', 'stopped']);
    return actors.every(({ state }) => healthy.has(state)) ? 'ready' : 'degraded';
  }

  #startCollector(entry: CatalogEntry): void {
    if (!this.#config.collectors[entry.name]?.enabled) {
      this.#setAside(entry.name, 'disabled', undefined, entry);
      return;
    }
    if (entry.source === 'files' && entry.kind === 'metric') return;
    const child = new CollectorChild(entry, {
      config: this.#config,
      agent: this.#identity,
      wire: (collector, to, port) => this.#wire(collector, to, port),
      changed: (status) => this.#changed(status),
    });
    this.#children.set(entry.name, child);
    child.actor.start();
  }

  #setAside(
    name: string,
    state: 'disabled' | 'unsupported',
    error?: HuatuoError,
    entry?: CatalogEntry,
  ): void {
    const status: ActorStatus = {
      name,
      role: 'collector',
      ...(entry && { kind: entry.kind }),
      state,
      ...(error && { reason: { code: error.code, message: error.message, remedy: error.remedy } }),
      restarts: 0,
      since: this.#startedAt.toISOString(),
    };
    this.#aside.push(status);
    if (error) this.#changed(status);
  }

  /** Collectors of the pool: they live in the Prometheus worker. */
  #pooled(): CatalogEntry[] {
    return this.#catalog.entries.filter(
      ({ name, source, kind }) =>
        source === 'files' && kind === 'metric' && this.#config.collectors[name]?.enabled,
    );
  }

  #prometheusStarted(): void {
    const collectors = this.#pooled().map(({ name, modulePath, maxSeries }) => ({
      name,
      modulePath: modulePath ?? '',
      options: this.#config.collectors[name]?.options ?? {},
      maxSeries,
    }));
    this.#storage.prometheus.control?.setPool(collectors).catch(ignoreDeadWorker);
    this.#reconnect('scraper');
  }

  #reconnect(to: 'journal' | 'scraper'): void {
    for (const child of this.#children.values()) child.connect(to);
  }

  #wire(collector: string, to: 'journal' | 'scraper', port: MessagePort): void {
    const actor = to === 'journal' ? this.#storage.journal : this.#storage.prometheus;
    // While a storage actor is down there is nobody to wire to; its next start reconnects everyone.
    if (actor.control) actor.control.connect(collector, transferPort(port)).catch(ignoreDeadWorker);
    else port.close();
  }

  #checkHeartbeats(): void {
    const now_ms = performance.now();
    for (const actor of [this.#storage.journal, this.#storage.prometheus]) actor.checkHeartbeat(now_ms);
    for (const { actor } of this.#children.values()) actor.checkHeartbeat(now_ms);
  }

  #changed(status: ActorStatus): void {
    const { name, role, state, reason, restarts } = status;
    const line = `${name} is ${state}`;
    const detail = { actor: name, role, state, restarts, ...(reason && { error: reason }) };
    if (state === 'failed' || state === 'unsupported') this.#log.error(line, detail);
    else if (state === 'restarting' || state === 'throttled') this.#log.warn(line, detail);
    else if (state === 'starting') this.#log.debug(line, detail);
    else this.#log.info(line, detail);
  }
}

/** A control call to a worker that died meanwhile: its successor is told the same. */
function ignoreDeadWorker(): void {}
