/**
 * One collector without BPF programs as the agent runs it: catalog, configuration, supervised worker, journal; nothing else of
 * the agent, so no privileges are needed.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { transferPort } from '../../src/actor/rpc.ts';
import type { ActorState, ActorStatus } from '../../src/actor/state.ts';
import { CollectorChild } from '../../src/agent/collector-child.ts';
import { CpuCgroups } from '../../src/agent/fence/cgroup.ts';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { loadConfig } from '../../src/config/load.ts';
import { HuatuoError } from '../../src/error.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { RingWatch } from '../../src/kernel/ring-watch.ts';
import type { MetricFamily } from '../../src/sdk/metrics.ts';
import { JournalActor } from '../../src/storage/journal/actor.ts';
import { Journal } from '../../src/storage/journal/journal.ts';
import { PortSource } from '../../src/storage/prometheus/source.ts';
import { directoryWith, type TemporaryDirectory } from '../config/collectors.ts';
import { journalOptions, memoryLog, type TempDirectory, tempDirectory } from '../storage/journal/fixture.ts';
import { eventually } from './eventually.ts';
import { type JournalDocument, readDocuments } from './journal-reader.ts';

keepClock();

const NAME = 'lone';
const NO_QUOTAS = { kind: 'none', reason: 'not tested here' } as const;
const SDK = JSON.stringify(new URL('../../src/sdk/index.js', import.meta.url).href);

export class LoneCollector implements AsyncDisposable {
  readonly child: CollectorChild;
  /** Every state it was in, in order. */
  readonly states: ActorState[] = [];
  readonly #files: TemporaryDirectory;
  readonly #journal: TempDirectory;
  readonly #actor: JournalActor;
  readonly #rings = new RingWatch();
  #source: PortSource | undefined;

  private constructor(files: TemporaryDirectory, child: (self: LoneCollector) => CollectorChild) {
    this.#files = files;
    this.#journal = tempDirectory();
    this.#actor = new JournalActor(new Journal(journalOptions(this.#journal.path), memoryLog()), memoryLog());
    this.child = child(this);
    this.child.actor.start();
  }

  /**
   * Starts it.
   * @param declaration the expression that its module exports; everything of the SDK is there by name
   * @param more other files of the collector `lone`
   */
  static async start(
    declaration: string,
    options: Readonly<Record<string, unknown>> = {},
    more: Readonly<Record<string, string>> = {},
  ): Promise<LoneCollector> {
    const module = `import * as sdk from ${SDK};
      const { ${Object.keys(await import('../../src/sdk/index.ts')).join(', ')} } = sdk;
      export default ${declaration};`;
    const files = directoryWith({
      ...more,
      [`${NAME}.js`]: module,
      'config.yaml': JSON.stringify({ collectors: { [NAME]: options }, log: { level: 'error' } }),
    });
    const catalog = await loadCatalog({ builtinRoot: '/nonexistent', extraDirectories: [files.path] });
    const entry = catalog.find(NAME);
    if (!entry) throw catalog.broken[0]?.error ?? new Error('no collector');
    const { config } = loadConfig({ file: `${files.path}/config.yaml`, overrides: [], catalog });
    return new LoneCollector(
      files,
      (self) =>
        new CollectorChild(entry, {
          config,
          agent: { hostname: 'h', region: 'r', bootId: '0'.repeat(32) },
          log: memoryLog(),
          rings: self.#rings,
          cgroups: new CpuCgroups(NO_QUOTAS, '/proc'),
          started: (reader) => {
            reader.control?.connectTo('journal', transferPort(self.#port())).catch(() => undefined);
            const { port1, port2 } = new MessageChannel();
            self.#source?.close();
            self.#source = new PortSource(NAME, port1);
            reader.control?.connectTo('prometheus', transferPort(port2)).catch(() => undefined);
          },
          changed: (status) => self.states.push(status.state),
        }),
    );
  }

  #port(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#actor.connect(NAME, port2);
    return port1;
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
      return (await this.#source?.scrape(30_000)) ?? [];
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
    await this.child.stop();
    this.#source?.close();
    await this.#actor.close();
    this.#rings[Symbol.dispose]();
    this.#journal[Symbol.dispose]();
    this.#files[Symbol.dispose]();
  }
}
