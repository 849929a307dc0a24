/**
 * One collector without BPF programs as the agent runs it: catalog, configuration, supervised worker, journal; nothing else of
 * the agent, so no privileges are needed.
 */
import { MessageChannel } from 'node:worker_threads';
import { transferPort } from '../../src/actor/rpc.ts';
import type { ActorState, ActorStatus } from '../../src/actor/state.ts';
import { AutotracerChild, type AutotracerDependencies } from '../../src/agent/autotracer-child.ts';
import type { CollectorChild } from '../../src/agent/child.ts';
import { CpuCgroups } from '../../src/agent/fence/cgroup.ts';
import { Precapture } from '../../src/agent/precapture.ts';
import type { ReaderActor } from '../../src/agent/services/services.ts';
import { WorkerChild } from '../../src/agent/worker-child.ts';
import { looksOnPool } from '../../src/catalog/entry.ts';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ContainersClient } from '../../src/containers/client.ts';
import type { FromContainers } from '../../src/containers/protocol.ts';
import { SnapshotWriter } from '../../src/containers/snapshot.ts';
import { HuatuoError } from '../../src/error.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { RingWatch } from '../../src/kernel/ring-watch.ts';
import { Looks } from '../../src/pool/looks.ts';
import { patience_ms } from '../../src/pool/patience.ts';
import { FilePool, type FilePoolOptions } from '../../src/pool/pool.ts';
import { JournalActor } from '../../src/storage/journal/actor.ts';
import { Journal } from '../../src/storage/journal/journal.ts';
import { PortSource } from '../../src/storage/prometheus/source.ts';
import { directoryWith, type TemporaryDirectory } from '../config/collectors.ts';
import { journalOptions, memoryLog, type TempDirectory, tempDirectory } from '../storage/journal/fixture.ts';
import { eventually } from './eventually.ts';
import { familiesOfReading, type MetricFamily } from './families.ts';
import { type JournalDocument, readDocuments } from './journal-reader.ts';

keepClock();

const NAME = 'lone';
const TICK_MS = 100;
const POOL: FilePoolOptions = {
  paths: { procfs: '/proc', sysfs: '/sys' },
  log: { level: 'error', format: 'json' },
};
const NO_CONTAINERS: FromContainers = {
  type: 'changed',
  upserts: [],
  units: [],
  removed: [],
  reassigned: false,
};
const NO_QUOTAS = { kind: 'none', reason: 'not tested here' } as const;
const SDK = JSON.stringify(new URL('../../src/sdk/index.js', import.meta.url).href);

export class LoneCollector implements AsyncDisposable {
  readonly child: CollectorChild;
  /** Every state it was in, in order. */
  readonly states: ActorState[] = [];
  readonly #files: TemporaryDirectory;
  readonly #journal: TempDirectory;
  #actor: JournalActor;
  readonly #rings = new RingWatch();
  readonly #pool = new FilePool(POOL, (port) => port.close());
  readonly #looks = new Looks(
    this.#pool,
    () => new SnapshotWriter(new ContainersClient(0)).get(),
    Promise.resolve(),
    patience_ms(0),
  );
  readonly #tick: NodeJS.Timeout;
  #source: PortSource | undefined;

  private constructor(files: TemporaryDirectory, child: (self: LoneCollector) => CollectorChild) {
    this.#files = files;
    this.#journal = tempDirectory();
    this.#actor = this.#openJournal();
    this.child = child(this);
    this.child.start();
    this.#tick = setInterval(() => {
      for (const worker of this.child.workers) worker.checkHeartbeat(performance.now());
    }, TICK_MS);
  }

  /**
   * Starts it.
   * @param declaration the expression that its module exports; everything of the SDK is there by name
   * @param more other files of the collector `lone`
   * @param supervisor section of the configuration
   */
  static async start(
    declaration: string,
    options: Readonly<Record<string, unknown>> = {},
    more: Readonly<Record<string, string>> = {},
    supervisor: Readonly<Record<string, string>> = {},
  ): Promise<LoneCollector> {
    const module = `import * as sdk from ${SDK};
      const { ${Object.keys(await import('../../src/sdk/index.ts')).join(', ')} } = sdk;
      export default ${declaration};`;
    const files = directoryWith({
      ...more,
      [`${NAME}.js`]: module,
      'config.yaml': JSON.stringify({
        collectors: { [NAME]: options },
        supervisor,
        log: { level: 'error' },
      }),
    });
    const catalog = await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [files.path] });
    const entry = catalog.find(NAME);
    if (!entry) throw catalog.broken[0]?.error ?? new Error('no collector');
    const { config } = loadConfig({ file: `${files.path}/config.yaml`, overrides: [], catalog });
    return new LoneCollector(files, (self) => {
      const dependencies = {
        config,
        agent: { hostname: 'h', region: 'r', bootId: '0'.repeat(32) },
        log: memoryLog(),
        rings: self.#rings,
        cgroups: new CpuCgroups(NO_QUOTAS, '/proc'),
        started: (reader: ReaderActor) => self.#connect(reader),
        changed: (status: ActorStatus) => self.states.push(status.state),
      };
      const look: AutotracerDependencies['look'] = (collector) => self.#looks.take(collector);
      return looksOnPool(entry)
        ? new AutotracerChild(entry, {
            ...{ ...dependencies, look },
            precapture: new Precapture(config.path, dependencies.log),
          })
        : new WorkerChild(entry, dependencies);
    });
  }

  #openJournal(): JournalActor {
    return new JournalActor(new Journal(journalOptions(this.#journal.path), memoryLog()), memoryLog());
  }

  /** Another one takes the place of the journal, as when its thread has ended. */
  async replaceJournal(): Promise<void> {
    await this.#actor.close();
    this.#actor = this.#openJournal();
    for (const reader of this.child.readers) this.#connect(reader);
  }

  #connect({ name, control, services = ['journal', 'prometheus'] }: ReaderActor): void {
    for (const service of services) {
      const { port1, port2 } = new MessageChannel();
      if (service === 'journal') this.#actor.connect(name, port1);
      else if (service === 'prometheus') {
        this.#source?.close();
        this.#source = new PortSource(NAME, port1);
      } else {
        port1.unref();
        port1.postMessage(NO_CONTAINERS);
      }
      control?.connectTo(service, transferPort(port2)).catch(() => undefined);
    }
  }

  get documents(): JournalDocument[] {
    return readDocuments(this.#journal.path, NAME);
  }

  get status(): ActorStatus {
    return this.child.status();
  }

  /** Nothing while it has no thread, or one that does not run yet. */
  async scrape(): Promise<readonly MetricFamily[]> {
    try {
      const reading = await this.#source?.scrape(30_000);
      return reading ? familiesOfReading(reading) : [];
    } catch (error) {
      if (error instanceof HuatuoError && ['COLLECTOR_STARTING', 'WORKER_EXITED'].includes(error.code))
        return [];
      throw error;
    }
  }

  /** The value of a metric without labels. */
  async value(name: string): Promise<number | undefined> {
    return (await this.scrape()).find((family) => family.name === name)?.samples[0]?.value;
  }

  until<T>(what: string, check: () => T | Promise<T>): Promise<Exclude<T, undefined | false>> {
    return eventually(what, check, { last: () => JSON.stringify([this.states, this.status]) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#tick);
    await this.child.stop();
    await this.#pool[Symbol.asyncDispose]();
    this.#source?.close();
    await this.#actor.close();
    this.#rings[Symbol.dispose]();
    this.#journal[Symbol.dispose]();
    this.#files[Symbol.dispose]();
  }
}
