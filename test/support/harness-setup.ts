/** What a collector in a harness is started with: the built catalog and a config file of the test's, as the agent reads them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RingWakes } from '../../src/actor/ring-wakes.ts';
import { ActorStats } from '../../src/actor/stats.ts';
import { objectSource } from '../../src/agent/object-source.ts';
import type { CatalogEntry } from '../../src/catalog/entry.ts';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import type { CollectorWorkerData } from '../../src/collector/protocol.ts';
import { loadConfig } from '../../src/config/load.ts';
import { at } from '../../src/paths.ts';
import type { Container } from '../../src/sdk/container.ts';
import type { HostPaths } from '../../src/sdk/context.ts';
import { allocateSeries } from '../../src/sdk/kept-series.ts';
import type { Netlink } from '../../src/sdk/netlink.ts';
import { allocateState } from '../../src/sdk/shared-state.ts';
import { directoryWith } from '../config/collectors.ts';
import { memoryLog } from '../storage/journal/fixture.ts';
import { builtCollectors } from './flood.ts';
import type { TestClock } from './test-clock.ts';

export interface HarnessOptions {
  /** Its section of the config file. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Where it reads files: the host's, or a fixture's. */
  readonly paths?: HostPaths;
  /** Those there are at first; cgroups of no container are the host's. */
  readonly containers?: readonly Container[];
  /** Paths of such cgroups, by inode; without one it is the root. */
  readonly hostCgroups?: ReadonlyMap<bigint, string>;
  readonly clock?: TestClock;
  /** In place of the kernel's. */
  readonly netlink?: Netlink;
  /** Upper bound of its series, in place of its own. */
  readonly maxSeries?: number;
  /** Programs that do not run, as on a kernel that refuses them: another variant takes their place. */
  readonly without?: readonly string[];
  /** Directory below test/fixtures with the source of an object that is no built-in collector. */
  readonly sources?: string;
}

export interface Setup extends HarnessOptions {
  readonly data: Omit<CollectorWorkerData, 'control'>;
  readonly source: ReturnType<typeof objectSource>;
  readonly modulePath: string | undefined;
}

/** @throws when there is no such collector, or its options are refused */
export async function prepare(name: string, given: HarnessOptions): Promise<Setup> {
  const extraDirectories = given.sources === undefined ? [] : [await builtCollectors(given.sources)];
  const catalog = await loadCatalog({ builtinRoot: at('dist'), extraDirectories });
  const found = catalog.find(name);
  const entry = found && withoutPrograms(found, given.without ?? []);
  if (!entry) throw new Error(`no collector ${name}`);
  using directory = directoryWith({});
  const file = join(directory.path, 'config.yaml');
  writeFileSync(file, JSON.stringify({ collectors: { [name]: given.options ?? {} } }));
  const { config } = loadConfig({ file, overrides: [], catalog });
  const data: Setup['data'] = {
    name,
    kind: entry.kind,
    ...(entry.manifest && { bpf: { manifest: entry.manifest } }),
    options: config.collectors[name]?.options ?? {},
    maxSeries: given.maxSeries ?? entry.maxSeries,
    isMapped: false,
    interval_seconds: entry.interval,
    agent: { hostname: 'h', region: 'r', bootId: '0'.repeat(32) },
    paths: given.paths ?? { procfs: '/proc', sysfs: '/sys' },
    ring: config.ring,
    containerWait_ms: 10_000,
    // Series of a container that has ended are on one page more.
    containerKeepGone_ms: 0,
    log: { level: 'error', format: 'json' },
    stats: ActorStats.allocate(),
    wakes: RingWakes.allocate(),
    saveOrigin: 'test',
    state: allocateState(),
    series: allocateSeries(),
  };
  return {
    ...given,
    data,
    source: objectSource(entry, { config, log: memoryLog() }),
    modulePath: entry.modulePath,
  };
}

function withoutPrograms(entry: CatalogEntry, without: readonly string[]): CatalogEntry {
  const { manifest } = entry;
  if (!manifest) return entry;
  const attachPoints = manifest.attachPoints.filter(({ program }) => !without.includes(program));
  return { ...entry, manifest: { ...manifest, attachPoints } };
}
