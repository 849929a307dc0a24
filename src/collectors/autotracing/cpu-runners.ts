/** Who ran, of all processes of the host: a profile's samples by process name and container or unit. */
import { idsBelow } from '../../procfs/cgroup-ids.ts';
import type { Container, Profile, SampleContext, Unit } from '../../sdk/index.ts';
import * as sdk from '../../sdk/index.ts';

export const RUNNERS = sdk.list(
  sdk.struct({
    comm: sdk.keyword('Name of the process'),
    pid: sdk.integer('Its id; of several with this name, that which ran most'),
    container_id: sdk.optional(
      sdk.keyword('Its container; absent when it is in none, or has ended too early to tell'),
    ),
    container_name: sdk.optional(sdk.keyword('Name of that container')),
    systemd_unit: sdk.optional(sdk.keyword('Its systemd unit, of those that have series')),
    percent: sdk.decimal('Share of the time in which the CPUs ran anything'),
  }),
  'Who ran meanwhile, most first',
);

export interface Runner {
  readonly comm: string;
  readonly pid: number;
  readonly container_id?: string;
  readonly container_name?: string;
  readonly systemd_unit?: string;
  readonly percent: number;
}

/** Containers and units by the ids of their processes. */
type ProcessOwners = ReadonlyMap<number, Container | Unit>;

/** As it is now. */
export function processOwners({
  containers,
  log,
}: Pick<SampleContext<unknown>, 'containers' | 'log'>): ProcessOwners {
  const owners = new Map<number, Container | Unit>();
  sdk.perWorkload({ containers, log }, (workload) => {
    const { cpu, unified } = workload.cgroups;
    const directory = cpu ?? unified ?? Object.values(workload.cgroups)[0];
    if (directory === undefined) return;
    for (const id of idsBelow(directory, ['cgroup.procs'])) {
      const pid = Number(id);
      // Units come last, and below one there may be containers.
      if (!owners.has(pid)) owners.set(pid, workload);
    }
  });
  return owners;
}

/** @param most runners that are told */
export function runnersOf(
  { stacks }: Pick<Profile, 'stacks'>,
  owners: ProcessOwners,
  most: number,
): Runner[] {
  const all = stacks.reduce((sum, { samples }) => sum + samples, 0);
  const groups = new Map<string, Map<number, number>>();
  for (const { comm, pid, samples } of stacks) {
    const key = `${owners.get(pid)?.id ?? ''} ${comm}`;
    const pids = groups.get(key) ?? new Map<number, number>();
    groups.set(key, pids.set(pid, (pids.get(pid) ?? 0) + samples));
  }
  return [...groups]
    .map(([key, pids]) => runnerOf(key, pids, all, owners))
    .toSorted((a, b) => b.percent - a.percent)
    .slice(0, most);
}

function runnerOf(
  key: string,
  pids: ReadonlyMap<number, number>,
  all: number,
  owners: ProcessOwners,
): Runner {
  const [[pid] = [0]] = [...pids].toSorted(([, a], [, b]) => b - a);
  const owner = owners.get(pid);
  const samples = [...pids.values()].reduce((sum, one) => sum + one, 0);
  return {
    comm: key.slice(key.indexOf(' ') + 1),
    pid,
    ...(owner &&
      (sdk.isContainer(owner)
        ? { container_id: owner.id, container_name: owner.name }
        : { systemd_unit: owner.id })),
    percent: Math.round((1000 * samples) / all) / 10,
  };
}
