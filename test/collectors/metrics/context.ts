/** Runs a file collector the way a task does, over the given files and containers. */

import type { StoredSample } from '../../../src/pool/file-task.ts';
import type { Collector } from '../../../src/sdk/collector.ts';
import type { Container } from '../../../src/sdk/container.ts';
import type { MetricContext } from '../../../src/sdk/context.ts';
import { createInstruments } from '../../../src/sdk/instruments.ts';
import type { MetricFamily } from '../../../src/sdk/metrics.ts';
import { allocateState, SharedState } from '../../../src/sdk/shared-state.ts';

export function sampleContext(procfs: string, containers: readonly Container[]): MetricContext<object> {
  const quiet = (): void => {};
  return {
    options: {},
    state: new SharedState(allocateState()),
    paths: { procfs, sysfs: '/sys' },
    containers: {
      list: () => containers,
      byCgroupId: async () => undefined,
      ownerOf: async () => ({ type: 'unknown' }),
    },
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  };
}

export function container(id: string, cgroups: Readonly<Record<string, string>>): Container {
  return {
    id,
    runtime: 'unknown',
    hostname: id.slice(0, 12),
    name: `name-${id}`,
    image: '',
    podName: '',
    hostNamespace: '',
    labels: {},
    type: 'normal',
    qos: 'unknown',
    cgroups,
    cgroupIds: [],
  };
}

/** @returns the families of one update */
export async function update(
  name: string,
  collector: Collector,
  context: MetricContext<object>,
  samples: readonly StoredSample[] = [],
): Promise<MetricFamily[]> {
  if (collector.kind !== 'metric') throw new TypeError(`${name} is no metric collector`);
  const set = createInstruments(name, collector.metrics ?? {});
  const bpf = { load: () => Promise.reject(new TypeError('no object')) };
  await collector.update({ ...context, metrics: set.instruments, samples, bpf });
  return set.collect();
}

/** The values of a family by the label that tells its series apart. */
export function values(
  families: readonly MetricFamily[],
  name: string,
  label = 'container_name',
): Record<string, number> {
  const samples = families.find((family) => family.name === name)?.samples ?? [];
  return Object.fromEntries(samples.map(({ labels, value }) => [labels[label] ?? '', value]));
}
