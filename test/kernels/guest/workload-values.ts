/** Values of a container and of a unit, against files of their cgroups and what systemd says. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Hierarchy } from '../boots.ts';
import { run } from './commands.ts';
import type { ContainerGroup } from './hierarchy.ts';
import { numberIn, type Value } from './values.ts';

const UNIT = 'matrix-work.service';
const UNIT_LIMIT_BYTES = 64 << 20;
/** Holds memory, writes to the disk, and then uses all of its quota. */
const UNIT_WORK =
  'held=$(head -c 4000000 /dev/zero | tr "\\0" x); dd if=/dev/zero of=/var/tmp/unit bs=64k count=16 conv=fsync; while :; do :; done';

export async function startUnit(): Promise<void> {
  const limits = [`MemoryMax=${UNIT_LIMIT_BYTES}`, 'CPUQuota=20%', 'TasksMax=50'];
  const accounts = ['CPUAccounting=yes', 'MemoryAccounting=yes', 'IOAccounting=yes', 'TasksAccounting=yes'];
  const properties = [...limits, ...accounts].flatMap((one) => ['-p', one]);
  await run('systemd-run', '-q', `--unit=${UNIT}`, ...properties, 'sh', '-c', UNIT_WORK);
}

export async function endUnit(): Promise<void> {
  await run('systemctl', 'stop', UNIT);
}

type SeriesOf = (
  collector: string,
  about: string,
  name: string,
  read?: () => number,
  ...labels: string[]
) => Value;

/** @param label that the series of it have */
function seriesOf(whose: string, label: string): SeriesOf {
  return (collector, about, name, read, ...labels) => ({
    ...{ collector, about: `${about} of ${whose}`, series: [name, label, ...labels] },
    ...(read && { read }),
  });
}

export function unitValues(hierarchy: Hierarchy): Value[] {
  const of = seriesOf('a unit', `systemd_unit="${UNIT}"`);
  const isUnified = hierarchy === 'unified';
  const file = (controller: string, unified: string, legacy: string): string =>
    readFileSync(
      isUnified
        ? `/sys/fs/cgroup/system.slice/${UNIT}/${unified}`
        : `/sys/fs/cgroup/${controller}/system.slice/${UNIT}/${legacy}`,
      'utf8',
    );
  return [
    of('cpu_util', 'CPU time', 'huatuo_unit_cpu_seconds_total', () => property('CPUUsageNSec') / 1e9),
    {
      ...of('memory_usage', 'memory', 'huatuo_unit_memory_usage_bytes', () => property('MemoryCurrent')),
      slack: 1 << 20,
    },
    of('memory_usage', 'limit', 'huatuo_unit_memory_limit_bytes', () => property('MemoryMax')),
    of('processes', 'threads', 'huatuo_unit_threads', () => property('TasksCurrent')),
    of('processes', 'limit on threads', 'huatuo_unit_threads_limit', () => property('TasksMax')),
    of('cpu_stat', 'throttled periods', 'huatuo_bamai_cpu_stat_unit_nr_throttled', () =>
      numberIn(file('cpu', 'cpu.stat', 'cpu.stat'), /nr_throttled (\d+)/),
    ),
    of('memory_vmstat', 'faults', 'huatuo_bamai_memory_vmstat_unit_pgfault', () =>
      numberIn(
        file('memory', 'memory.stat', 'memory.stat'),
        isUnified ? /^pgfault (\d+)/m : /^total_pgfault (\d+)/m,
      ),
    ),
    of('runqlat', 'waits for a CPU', 'huatuo_unit_runqueue_wait_seconds_count'),
    // The unit of the OOM that is provoked.
    {
      ...{ collector: 'oom', about: 'kills of a unit', read: () => 1 },
      series: ['huatuo_unit_oom_kills_total', 'systemd_unit="hog.service"'],
    },
    ...(isUnified
      ? [
          of('memory_events', 'hits of its limit', 'huatuo_bamai_memory_events_unit_max', () =>
            numberIn(file('', 'memory.events', ''), /^max (\d+)/m),
          ),
          of('diskio', 'bytes written', 'huatuo_unit_diskio_written_bytes_total', () =>
            numberIn(file('', 'io.stat', ''), /wbytes=(\d+)/),
          ),
          of(
            'pressure',
            'stalls for CPU',
            'huatuo_unit_pressure_stalled_seconds_total',
            () => numberIn(file('', 'cpu.pressure', ''), /some .*total=(\d+)/) / 1e6,
            'resource="cpu"',
            'stall="some"',
          ),
        ]
      : []),
  ];
}

function property(name: string): number {
  return Number(execFileSync('systemctl', ['show', '-P', name, UNIT], { encoding: 'utf8' }));
}

/** @param limit_bytes of its memory */
export function containerValues(work: ContainerGroup, limit_bytes: number, hierarchy: Hierarchy): Value[] {
  const isUnified = hierarchy === 'unified';
  const of = seriesOf('a container', `container_id="${work.id}"`);
  return [
    of('memory_usage', 'limit', 'huatuo_container_memory_limit_bytes', () => limit_bytes),
    of('cpu_util', 'CPU time', 'huatuo_container_cpu_seconds_total', () =>
      isUnified
        ? numberIn(work.read('cpu', 'cpu.stat', ''), /usage_usec (\d+)/) / 1e6
        : Number(work.read('cpuacct', '', 'cpuacct.usage')) / 1e9,
    ),
    of('cpu_stat', 'throttled periods', 'huatuo_bamai_cpu_stat_container_nr_throttled', () =>
      numberIn(work.read('cpu', 'cpu.stat', 'cpu.stat'), /nr_throttled (\d+)/),
    ),
    of('memory_events', 'hits of its limit', 'huatuo_bamai_memory_events_container_max', () =>
      isUnified
        ? numberIn(work.read('memory', 'memory.events', ''), /^max (\d+)/m)
        : Number(work.read('memory', '', 'memory.failcnt')),
    ),
    of('memory_vmstat', 'faults', 'huatuo_bamai_memory_vmstat_container_pgfault', () =>
      numberIn(
        work.read('memory', 'memory.stat', 'memory.stat'),
        isUnified ? /^pgfault (\d+)/m : /^total_pgfault (\d+)/m,
      ),
    ),
    {
      ...of('processes', 'threads', 'huatuo_container_threads', () =>
        Number(work.read('pids', 'pids.current', 'pids.current')),
      ),
      slack: 3,
    },
    of('runqlat', 'waits for a CPU', 'huatuo_container_runqueue_wait_seconds_count'),
    of('memory_reclaim_events', 'stalls', 'huatuo_memory_reclaim_container_stalls_total'),
    // Of cgroup v1 the writer of a dirty page is not known, and there is no pressure.
    ...(isUnified
      ? [
          of('iolatency', 'writes', 'huatuo_container_disk_service_seconds_count'),
          of('diskio', 'bytes written', 'huatuo_container_diskio_written_bytes_total', () =>
            numberIn(work.read('io', 'io.stat', ''), /wbytes=(\d+)/),
          ),
          of(
            'pressure',
            'stalls for CPU',
            'huatuo_container_pressure_stalled_seconds_total',
            () => numberIn(work.read('cpu', 'cpu.pressure', ''), /some .*total=(\d+)/) / 1e6,
            'resource="cpu"',
            'stall="some"',
          ),
        ]
      : []),
  ];
}
