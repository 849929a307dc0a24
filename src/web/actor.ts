/**
 * The Prometheus actor: HTTP server, scrapes, and the pool of what reads files: metrics, and the looks of autotracers.
 *
 * What it needs from the main thread (status, the agent's own metrics) it asks over the control port, with a deadline: a
 * main thread that hangs must not take `/metrics` and `/-/healthy` with it.
 */
import { hostname } from 'node:os';
import type { MessagePort } from 'node:worker_threads';
import { transferPort } from '../actor/rpc.ts';
import type { CaptureRequest } from '../capture/request.ts';
import type { Look } from '../capture/tracer.ts';
import type { WebConfig } from '../config/effective.ts';
import { ContainersClient } from '../containers/client.ts';
import type { ContainersDocument } from '../containers/document.ts';
import { type ContainersSnapshot, SnapshotWriter } from '../containers/snapshot.ts';
import type { LogConfig } from '../log.ts';
import { type MapReadCalls, MapReads } from '../map-metrics/map-reads.ts';
import { type MappedCollector, MapSource } from '../map-metrics/map-source.ts';
import { FileSource } from '../pool/file-source.ts';
import type { PoolCollector } from '../pool/file-task.ts';
import { Looks } from '../pool/looks.ts';
import { patience_ms } from '../pool/patience.ts';
import { FilePool } from '../pool/pool.ts';
import { shareInFlight, withDeadline } from '../promises.ts';
import type { HostPaths, Log } from '../sdk/context.ts';
import type { MetricsAnswer } from '../sdk/metrics.ts';
import { JoinedSource } from '../storage/prometheus/joined-source.ts';
import { OwnMetrics } from '../storage/prometheus/own.ts';
import type { OwnFamily } from '../storage/prometheus/own-family.ts';
import { processFamilies } from '../storage/prometheus/process.ts';
import { AnswerReader, type Reading } from '../storage/prometheus/reader.ts';
import type { PageLabels } from '../storage/prometheus/render.ts';
import { ScrapeMemory, scrape } from '../storage/prometheus/scrape.ts';
import { type MetricSource, PortSource } from '../storage/prometheus/source.ts';
import { createApp } from './app.ts';
import { encode } from './encode.ts';
import { EventStreams } from './event-stream.ts';
import { ScrapeOutcomes } from './outcomes.ts';
import { AGENT, addPages, type Pages, type ScrapeWish, type Selection } from './routes.ts';
import { serve } from './serve.ts';
import type { HttpServer, Listening } from './server.ts';
import type { PooledStatus, StatusDocument } from './status.ts';

export type { PoolCollector } from '../pool/file-task.ts';

export interface PrometheusOptions {
  readonly version: string;
  readonly web: WebConfig;
  readonly paths: HostPaths;
  readonly log: LogConfig;
  /** The journal's directory. */
  readonly journal: string;
  /** How long a page waits to learn whose a cgroup is. */
  readonly containerWait_ms: number;
  /** How long series of a container stay that a scrape has found ended. */
  readonly containerKeepGone_ms: number;
}

/** What the main thread answers to this one, on the control port. */
export interface SupervisorApi extends MapReadCalls {
  status(): Promise<StatusDocument>;
  /**
   * The agent's own metrics: ledger, actor states, build information; and what only its own page has.
   * @param known token of the newest answer with the same details
   */
  families(isDetailed: boolean, known?: string): Promise<MetricsAnswer>;
  /** @throws when the thread that knows them is down */
  containers(): Promise<ContainersDocument>;
  /** Answers `NetlinkRequests` on a port of a thread of the pool, which is transferred. */
  answerNetlink(port: MessagePort): Promise<void>;
}

/** What the main thread may ask of this one, on the same port. */
export interface PrometheusControl {
  /** Starts scraping a collector thread; `port` is transferred. A second call for the same name replaces the port. */
  connect(collector: string, port: MessagePort): void;
  /** A new port to the service `containers`; `port` is transferred. */
  connectTo(service: string, port: MessagePort): void;
  /** The collector is no longer configured: it leaves the page. */
  forget(collector: string): void;
  /** Labels of every `huatuo_bamai_` family; no page is made before they are known. With `followsHostname` the host is the kernel's name of it. */
  setLabels(labels: PageLabels, followsHostname?: boolean): void;
  /** Replaces the list of file collectors; those that are in it already go on. */
  setPool(collectors: readonly PoolCollector[]): void;
  /** Replaces the list of collectors whose maps are read here; those that are in it already go on. */
  setMapped(collectors: readonly MappedCollector[]): void;
  /** The file collectors, and what became of their newest scrape. */
  pooled(): readonly PooledStatus[];
  /**
   * Takes a sample of an autotracer on the pool, and asks its trigger.
   * @throws what the sample failed with, or DEADLINE_EXCEEDED
   */
  look(collector: PoolCollector): Promise<Look<CaptureRequest>>;
  /** Resolves when every file collector can be scraped, or has shown that it cannot. */
  poolReady(): Promise<void>;
  /** @throws PORT_IN_USE or LISTEN_FAILED when the server could not be started */
  listening(): Promise<Listening>;
  /** Stops server, clocks and pool. */
  close(): Promise<void>;
}

/** Longest wait for the main thread, or half as long as a scrape may take, where that is longer. */
const SUPERVISOR_DEADLINE_MS = 1_000;
/** Ten thousand of them are four megabytes. */
const CONTAINERS_DEADLINE_MS = 3_000;
/** File collectors begin without containers when the thread that knows them says nothing. */
const CONTAINERS_LISTED_MS = 1_000;

/** One page; requests for the same one at the same time are one scrape. */
interface PageRequest extends Omit<ScrapeWish, 'selection'> {
  readonly collectors: readonly string[];
  readonly agent: 'none' | 'usual' | 'detailed';
}

export class Prometheus implements PrometheusControl {
  readonly #options: PrometheusOptions;
  /** Collector threads by name; one whose thread is down stays until it is forgotten. */
  readonly #ports = new Map<string, PortSource>();
  #files: readonly FileSource[] = [];
  #mapped: readonly MapSource[] = [];
  readonly #pairs = new WeakMap<MapSource, JoinedSource>();
  readonly #reads: MapReads;
  readonly #pool: FilePool;
  readonly #patience_ms: number;
  readonly #looks: Looks;
  readonly #own = new OwnMetrics(() => this.#events.counts);
  readonly #events: EventStreams;
  readonly #containers: ContainersClient;
  readonly #snapshots: SnapshotWriter;
  readonly #listed: Promise<void>;
  readonly #outcomes: ScrapeOutcomes;
  readonly #server: Promise<HttpServer>;
  readonly #status: () => Promise<StatusDocument>;
  /** The agent's metrics, by page. */
  readonly #agent: Readonly<Record<'usual' | 'detailed', () => Promise<Reading>>>;
  readonly #memories = {
    none: new ScrapeMemory(),
    usual: new ScrapeMemory(),
    detailed: new ScrapeMemory(),
  };
  readonly #labels = Promise.withResolvers<void>();
  #pageLabels: PageLabels = { region: '', host: '' };
  #followsHostname = false;
  readonly #page = shareInFlight((key) => this.#scrape(JSON.parse(key) as PageRequest));
  #closed = false;

  /** Starts listening at once; `listening` tells how that went. */
  constructor(options: PrometheusOptions, supervisor: SupervisorApi, log: Log) {
    this.#options = options;
    this.#patience_ms = patience_ms(options.web.scrape_timeout_ms);
    this.#reads = new MapReads(supervisor);
    this.#containers = new ContainersClient(options.containerWait_ms);
    this.#snapshots = new SnapshotWriter(this.#containers);
    this.#listed = withDeadline(this.#containers.listed, CONTAINERS_LISTED_MS, 'containers').catch(ignore);
    this.#outcomes = new ScrapeOutcomes(log);
    this.#pool = new FilePool({ paths: options.paths, log: options.log }, (port) => {
      // It fails only with the agent.
      supervisor.answerNetlink(transferPort(port)).catch(ignore);
    });
    this.#looks = new Looks(this.#pool, () => this.#snapshots.get(), this.#listed, this.#patience_ms);
    const deadline_ms = Math.max(SUPERVISOR_DEADLINE_MS, options.web.scrape_timeout_ms / 2);
    this.#status = bounded('status of the main thread', () => supervisor.status(), deadline_ms);
    this.#agent = {
      usual: agentFamilies(supervisor, false, deadline_ms),
      detailed: agentFamilies(supervisor, true, deadline_ms),
    };
    const onError = (error: unknown): void => log.error('an HTTP request failed', { error });
    this.#events = new EventStreams({
      journal: options.journal,
      collectors: () => this.#names(),
      onError,
    });
    const pages: Pages = {
      version: options.version,
      status: this.#status,
      metrics: ({ selection, ...wish }) =>
        this.#page(JSON.stringify({ ...this.#selected(selection), ...wish } satisfies PageRequest)),
      onRefusedScrape: () => this.#own.countRefusedScrape(),
      events: (c) => this.#events.answer(c),
      collectors: () => this.#names(),
      containers: bounded('containers', () => supervisor.containers(), CONTAINERS_DEADLINE_MS),
    };
    const onReply = (...reply: Parameters<OwnMetrics['countReply']>): void => this.#own.countReply(...reply);
    this.#server = serve({
      web: options.web,
      hostLabel: () => this.#labelsNow.host,
      app: (guards) => addPages(createApp({ onError, onReply }, guards), pages),
      onError,
      log,
    });
    // The failure belongs to whoever calls `listening`.
    this.#server.then(({ connections }) => this.#own.addConnections(connections), ignore);
  }

  connect(collector: string, port: MessagePort): void {
    this.#ports.get(collector)?.close();
    this.#ports.set(collector, new PortSource(collector, port));
  }

  connectTo(service: string, port: MessagePort): void {
    if (service === 'containers') this.#containers.connect(port);
    else port.close();
  }

  forget(collector: string): void {
    this.#ports.get(collector)?.close();
    this.#ports.delete(collector);
    this.#mapped = this.#mapped.filter(({ name }) => name !== collector);
    this.#looks.forget(collector);
    this.#outcomes.forget(collector);
  }

  look(collector: PoolCollector): Promise<Look<CaptureRequest>> {
    return this.#looks.take(collector);
  }

  setLabels(labels: PageLabels, followsHostname = false): void {
    this.#pageLabels = labels;
    this.#followsHostname = followsHostname;
    this.#labels.resolve();
  }

  setPool(collectors: readonly PoolCollector[]): void {
    const before = new Map(this.#files.map((source) => [JSON.stringify(source.collector), source]));
    this.#files = collectors.map((collector) => {
      const key = JSON.stringify(collector);
      const known = before.get(key);
      before.delete(key);
      const containers = (): ContainersSnapshot => this.#snapshots.get();
      return known ?? new FileSource(collector, this.#pool, containers, this.#patience_ms, this.#listed);
    });
    for (const source of before.values()) {
      this.#outcomes.forget(source.name);
      source[Symbol.dispose]();
    }
  }

  setMapped(collectors: readonly MappedCollector[]): void {
    const before = new Map(this.#mapped.map((source) => [source.id, source]));
    const dependencies = {
      reads: this.#reads,
      containers: this.#containers,
      sysfs: this.#options.paths.sysfs,
      keepGone_ms: this.#options.containerKeepGone_ms,
    };
    this.#mapped = collectors.map(
      (collector) => before.get(collector.id) ?? new MapSource(collector, dependencies),
    );
  }

  pooled(): PooledStatus[] {
    return this.#files.map(({ name }) => this.#outcomes.status(name));
  }

  async poolReady(): Promise<void> {
    await Promise.all(this.#files.map(({ ready }) => ready));
  }

  async listening(): Promise<Listening> {
    return (await this.#server).listening;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.setPool([]);
    for (const source of this.#ports.values()) source.close();
    this.#outcomes[Symbol.dispose]();
    this.#containers.close();
    this.#events.close();
    const server = await this.#server.catch(() => undefined);
    await server?.[Symbol.asyncDispose]();
    await this.#pool[Symbol.asyncDispose]();
  }

  /** A host that gets its name while the agent runs (cloud-init, DHCP) has it on the next page. */
  get #labelsNow(): PageLabels {
    return this.#followsHostname ? { ...this.#pageLabels, host: hostname() } : this.#pageLabels;
  }

  get #sources(): MetricSource[] {
    const mapped = this.#mapped.map((maps) => this.#joined(maps, this.#ports.get(maps.name)));
    const isMapped = new Set(mapped.map(({ name }) => name));
    const ports = [...this.#ports.values()].filter(({ name }) => !isMapped.has(name));
    return [...ports, ...mapped, ...this.#files];
  }

  /** The same one for as long as both are. @param port of its thread, when that has metrics, too */
  #joined(maps: MapSource, port: PortSource | undefined): MetricSource {
    if (!port) return maps;
    const known = this.#pairs.get(maps);
    if (known?.sources[0] === port) return known;
    const pair = new JoinedSource(port, maps);
    this.#pairs.set(maps, pair);
    return pair;
  }

  #names(): string[] {
    return this.#sources.map(({ name }) => name).sort();
  }

  #selected(selection: Selection): Pick<PageRequest, 'collectors' | 'agent'> {
    const isMeant = (name: string): boolean =>
      selection.type === 'all' || selection.collectors.has(name) === (selection.type === 'only');
    const collectors = this.#names().filter(isMeant);
    if (!isMeant(AGENT)) return { collectors, agent: 'none' };
    return { collectors, agent: selection.type === 'only' ? 'detailed' : 'usual' };
  }

  async #scrape({ collectors, agent, format, encoding }: PageRequest): Promise<Buffer<ArrayBuffer>> {
    const { web } = this.#options;
    await this.#labels.promise;
    const supervisor = agent === 'none' ? undefined : this.#agent[agent];
    const page = await scrape({
      sources: this.#sources.filter(({ name }) => collectors.includes(name)),
      ...(supervisor && { supervisor }),
      own: this.#ownFamilies(agent),
      memory: this.#memories[agent],
      labels: this.#labelsNow,
      format,
      deadline_ms: web.scrape_timeout_ms,
      onOutcome: (collector, faults) => {
        for (const { type } of faults) if (type === 'refused') this.#own.countRefusedFamily(collector);
        this.#outcomes.add(collector, faults);
      },
      lastSuccess_seconds: (collector) => this.#outcomes.lastSuccess_seconds(collector),
    });
    this.#outcomes.pageMade();
    return encode(page, encoding);
  }

  #ownFamilies(agent: PageRequest['agent']): OwnFamily[] {
    if (agent === 'none') return [];
    return [...processFamilies(), ...this.#own.families, ...(agent === 'detailed' ? this.#own.details : [])];
  }
}

function ignore(): void {}

function agentFamilies(
  supervisor: SupervisorApi,
  isDetailed: boolean,
  deadline_ms: number,
): () => Promise<Reading> {
  const reader = new AnswerReader();
  const ask = async (): Promise<Reading> => reader.read(await supervisor.families(isDetailed, reader.token));
  return bounded('metrics of the main thread', ask, deadline_ms);
}

/** At most one call is open at a time, whatever becomes of it; each caller waits for it no longer than the deadline. */
function bounded<T>(what: string, call: () => Promise<T>, deadline_ms: number): () => Promise<T> {
  const shared = shareInFlight(call);
  return () => withDeadline(shared(), deadline_ms, what);
}
