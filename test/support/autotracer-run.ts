/** Runs an autotracer in process, over the files and containers of a test and in its time. */

import { runAutotracer } from '../../src/capture/run.ts';
import { createCatalog } from '../../src/catalog/catalog.ts';
import { collectorSections } from '../../src/config/collector-schema.ts';
import type { AnyAutotracer } from '../../src/sdk/collector.ts';
import type { Container, Unit } from '../../src/sdk/container.ts';
import type { SampleContext, SavedDocument } from '../../src/sdk/context.ts';
import { createInstruments } from '../../src/sdk/instruments.ts';
import type { OptionSpecs, OptionValues } from '../../src/sdk/options.ts';
import { allocateState, SharedState } from '../../src/sdk/shared-state.ts';
import { FakeClock } from './fake-clock.ts';
import { familiesOf, type MetricFamily } from './families.ts';
import { NO_PROFILES } from './no-profiles.ts';

interface RunOptions {
  readonly procfs: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly clock?: FakeClock;
  /** Of a former run. */
  readonly state?: SharedState;
}

export class AutotracerRun implements AsyncDisposable {
  containers: readonly Container[] = [];
  units: readonly Unit[] = [];
  readonly saved: SavedDocument[] = [];
  readonly logged: string[] = [];
  readonly clock: FakeClock;
  readonly state: SharedState;
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();
  readonly #collect: () => MetricFamily[];

  constructor(collector: object, { procfs, options, clock = new FakeClock(), state }: RunOptions) {
    this.clock = clock;
    this.state = state ?? new SharedState(allocateState());
    const tracer = collector as AnyAutotracer;
    const set = createInstruments('tested', tracer.metrics ?? {});
    this.#collect = () => familiesOf(set.collect());
    const log = (message: string): number => this.logged.push(message);
    this.ended = runAutotracer(
      tracer,
      {
        name: 'tested',
        options,
        paths: { procfs, sysfs: '/sys' },
        containers: {
          list: () => this.containers,
          units: () => this.units,
          byCgroupId: async () => undefined,
          ownerOf: async () => ({ type: 'unknown' }),
        },
        log: { debug: () => {}, info: () => {}, warn: log, error: log },
        metrics: set.instruments,
        signal: this.#stop.signal,
        state: this.state,
        profile: NO_PROFILES,
        save: async (document) => {
          this.saved.push(document);
        },
      },
      clock,
    );
  }

  /** Values of the framework's counters that are not 0, by outcome or cause; without samples that were taken. */
  get counts(): Record<string, number> {
    const samples = this.#collect()
      .filter(({ name }) => name.startsWith('huatuo_autotracing_'))
      .flatMap((family) => family.samples)
      .filter(({ labels, value }) => value > 0 && labels.outcome !== 'taken');
    return Object.fromEntries(
      samples.map(({ labels: { outcome, cause = '' }, value }) => [outcome ?? cause, value]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }
}

/** Of a host without containers. */
export function sampleContext(procfs: string): SampleContext<object> {
  const quiet = (): void => {};
  return {
    options: {},
    paths: { procfs, sysfs: '/sys' },
    containers: {
      list: () => [],
      units: () => [],
      byCgroupId: async () => undefined,
      ownerOf: async () => ({ type: 'unknown' }),
    },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  };
}

/** Config values as a collector gets them: what is not given has its default. */
export function optionsOf<Options extends OptionSpecs>(
  { options }: { readonly options: Options },
  values: { readonly [Key in keyof Options]?: unknown } = {},
): OptionValues<Options> {
  const entry = {
    name: 'tested',
    doc: 'In a test',
    kind: 'autotracing',
    source: 'files',
    enabledByDefault: true,
    options,
    interval: 10,
    maxSeries: 100,
    aliases: [],
    contents: '',
  } as const;
  const { tested } = collectorSections(createCatalog([entry])).parse({ tested: values });
  return tested?.options as OptionValues<Options>;
}
