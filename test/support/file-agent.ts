/** All collectors over files of a host of the test's, as the Prometheus thread runs them: sources, pool, one page. */
import assert from 'node:assert/strict';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { loadConfig } from '../../src/config/load.ts';
import { type ContainersSnapshot, SnapshotWriter } from '../../src/containers/snapshot.ts';
import { at } from '../../src/paths.ts';
import { FileSource } from '../../src/pool/file-source.ts';
import { patience_ms } from '../../src/pool/patience.ts';
import { FilePool } from '../../src/pool/pool.ts';
import type { Container, Unit } from '../../src/sdk/container.ts';
import type { HostPaths } from '../../src/sdk/context.ts';
import { allocateState } from '../../src/sdk/shared-state.ts';
import { type ScrapeFault, ScrapeMemory, scrape } from '../../src/storage/prometheus/scrape.ts';
import { HarnessContainers } from './harness-containers.ts';

/** Longer than any test. */
const DEADLINE_MS = 60_000;
/** A thread has begun by then, or is ended before it has. */
const HANG_MS = 500;

interface FileAgentOptions {
  readonly paths: HostPaths;
  readonly containers: readonly Container[];
  readonly units?: readonly Unit[];
  /** Only these; all without it. */
  readonly collectors?: readonly string[];
  /** Upper bound of the series of each, in place of its own. */
  readonly maxSeries?: number;
}

interface ScrapedPage {
  readonly text: string;
  readonly faults: ReadonlyMap<string, readonly ScrapeFault[]>;
}

export class FileAgent implements AsyncDisposable {
  readonly containers: HarnessContainers = new HarnessContainers();
  readonly #stack = new AsyncDisposableStack();
  readonly #pool: FilePool;
  readonly #memory = new ScrapeMemory();
  readonly #snapshots = new SnapshotWriter(this.containers.client);
  #sources: readonly FileSource[] = [];

  private constructor(paths: HostPaths) {
    this.#stack.use(this.containers);
    // None of the trees is of the network that this process is in, so no collector asks rtnetlink.
    this.#pool = new FilePool({ paths, log: { level: 'error', format: 'json' } }, (port) => port.close());
    this.#stack.use(this.#pool);
  }

  #snapshot(): ContainersSnapshot {
    return this.#snapshots.get();
  }

  static async start({
    paths,
    containers,
    units = [],
    collectors,
    maxSeries,
  }: FileAgentOptions): Promise<FileAgent> {
    const catalog = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
    const { config } = loadConfig({ overrides: [], catalog });
    const agent = new FileAgent(paths);
    await agent.containers.add(...containers);
    await agent.containers.addUnits(units);
    agent.#sources = catalog.entries.flatMap(({ name, kind, manifest, modulePath, ...entry }) => {
      const isWanted = collectors?.includes(name) ?? true;
      if (kind !== 'metric' || manifest || modulePath === undefined || !isWanted) return [];
      const collector = {
        ...{ name, modulePath, contents: '', state: allocateState() },
        ...{ options: config.collectors[name]?.options ?? {}, maxSeries: maxSeries ?? entry.maxSeries },
      };
      return [
        agent.#stack.use(new FileSource(collector, agent.#pool, () => agent.#snapshot(), patience_ms(0))),
      ];
    });
    await Promise.all(agent.#sources.map(({ ready }) => ready));
    return agent;
  }

  async scrape(): Promise<ScrapedPage> {
    const faults = new Map<string, readonly ScrapeFault[]>();
    const body = await scrape({
      ...{ sources: this.#sources, own: [], memory: this.#memory, deadline_ms: DEADLINE_MS },
      ...{ labels: { region: 'r', host: 'h' }, format: 'text' },
      onOutcome: (name, found) => {
        if (found.length > 0) faults.set(name, found);
      },
      lastSuccess_seconds: () => undefined,
    });
    return { text: String(body), faults };
  }

  /** As when a collector hangs: its deadline ends the thread, and with it what that thread kept. */
  async endThread(): Promise<void> {
    const modulePath = at('dist/test/fixtures/metrics/hangs.js');
    const hangs = {
      modulePath,
      name: 'hangs',
      contents: '',
      options: {},
      maxSeries: 1,
      state: allocateState(),
    };
    const losses = { refusedSeries: 0, truncatedLabels: 0 };
    const task = {
      type: 'update',
      collector: hangs,
      containers: this.#snapshot(),
      samples: [],
      losses,
      known: undefined,
    } as const;
    await assert.rejects(this.#pool.run(task, HANG_MS), { code: 'DEADLINE_EXCEEDED' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
