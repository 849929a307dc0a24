/**
 * Values on the agent's page against the kernel's own files, which are read before and after the page was made: what the page says lies
 * between them.
 */
import { readFileSync, statfsSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { Finding } from '../report.ts';
import { type Page, scrape } from './agent.ts';
import { eventually, ok, wrong } from './commands.ts';
import type { ContainerGroup } from './hierarchy.ts';

const SUCCESS = 'huatuo_bamai_scrape_collector_success';

interface Value {
  readonly collector: string;
  /** What is compared, for the page. */
  readonly about: string;
  /** Name, and labels that it must have. */
  readonly series: readonly [name: string, ...labels: string[]];
  /** What the kernel says now. Without it the value has to be above 0. */
  read?(): number;
  /** What it may be less or more: the page is of a moment before, or of another count. */
  readonly slack?: number;
}

export function hostValues(): Value[] {
  return [
    value('memory_info', 'MemTotal', 'huatuo_memory_info_mem_total_bytes', totalmem),
    {
      ...value('loadavg', 'load of 15 minutes', 'huatuo_bamai_loadavg_load15', () =>
        number('/proc/loadavg', /^\S+ \S+ (\S+)/),
      ),
      slack: 0.5,
    },
    {
      collector: 'filesystem',
      about: 'size of /',
      series: ['huatuo_filesystem_size_bytes', 'mountpoint="/"'],
      read: () => statfsSync('/').bsize * statfsSync('/').blocks,
    },
    {
      collector: 'mountpoint_perm',
      about: '/ is writable',
      series: ['huatuo_bamai_mountpoint_perm_ro', 'mountpoint="/"'],
      read: () => 0,
    },
    value('processes', 'threads-max', 'huatuo_threads_limit', () =>
      number('/proc/sys/kernel/threads-max', /(\d+)/),
    ),
    value('interrupts', 'context switches', 'huatuo_context_switches_total', () =>
      number('/proc/stat', /^ctxt (\d+)/m),
    ),
    {
      collector: 'diskio',
      about: 'writes',
      series: ['huatuo_bamai_diskio_write_requests_total', 'device="vda"'],
      read: () => number('/proc/diskstats', / vda (?:\d+ ){4}(\d+)/),
    },
    value('memory_vmstat', 'page faults', 'huatuo_bamai_memory_vmstat_pgfault', () =>
      number('/proc/vmstat', /^pgfault (\d+)/m),
    ),
    {
      collector: 'softnet',
      about: 'packets of a CPU',
      series: ['huatuo_softnet_processed_total', 'cpu="0"'],
      read: () => Number.parseInt(/^[0-9a-f]+/.exec(readFileSync('/proc/net/softnet_stat', 'utf8'))![0], 16),
    },
    {
      collector: 'memory_numa',
      about: 'size of node 0',
      series: ['huatuo_memory_numa_size_bytes', 'node="0"'],
      read: () => 1024 * number('/sys/devices/system/node/node0/meminfo', /MemTotal: +(\d+)/),
    },
    value('tcp_memory', 'limit', 'huatuo_bamai_tcp_memory_limit_pages', () =>
      number('/proc/sys/net/ipv4/tcp_mem', /(\d+)\s*$/),
    ),
    value('netstat', 'active opens of TCP', 'huatuo_bamai_netstat_Tcp_ActiveOpens', () =>
      number('/proc/net/snmp', /^Tcp: (?:\S+ ){4}(\d+) \d/m),
    ),
    {
      ...value('sockstat', 'TCP sockets', 'huatuo_bamai_sockstat_TCP_inuse', () =>
        number('/proc/net/sockstat', /^TCP: inuse (\d+)/m),
      ),
      slack: 20,
    },
    {
      collector: 'netdev',
      about: 'bytes of eth0',
      series: ['huatuo_bamai_netdev_receive_bytes_total', 'device="eth0"'],
      read: () => number('/proc/net/dev', /eth0: *(\d+)/),
    },
    {
      ...value('arp', 'neighbours', 'huatuo_bamai_arp_entries', () => lines('/proc/net/arp') - 1),
      slack: 3,
    },
    {
      collector: 'udp_queues',
      about: 'sockets',
      series: ['huatuo_udp_sockets', 'ip="v4"'],
      read: () => lines('/proc/net/udp') - 1,
      slack: 2,
    },
    {
      collector: 'pressure',
      about: 'stalls for CPU',
      series: ['huatuo_pressure_stalled_seconds_total', 'resource="cpu"', 'stall="some"'],
      read: () => number('/proc/pressure/cpu', /some .*total=(\d+)/) / 1e6,
    },
    above('cpu_util', 'use of CPUs', 'huatuo_bamai_cpu_util_total'),
    above('memory_slab', 'objects', 'huatuo_memory_slab_objects'),
    above('memory_buddyinfo', 'free blocks', 'huatuo_bamai_memory_buddyinfo_blocks', 'zone="DMA32"'),
    above('netdev_qdisc', 'bytes of eth0', 'huatuo_bamai_netdev_qdisc_bytes_total', 'device="eth0"'),
    above('iolatency', 'writes to a disk', 'huatuo_disk_service_seconds_count', 'operation="WRITE"'),
    above('runqlat', 'waits for a CPU', 'huatuo_runqueue_wait_seconds_count'),
    above('sched_tick', 'ticks', 'huatuo_tick_delay_seconds_count'),
    above('memory_free', 'compaction that was asked for', 'huatuo_memory_compaction_seconds_count'),
    above('softirq', 'softirqs', 'huatuo_softirq_served_total', 'vector="TIMER"'),
  ];
}

/** @param limit_bytes of its memory */
export function containerValues(
  work: ContainerGroup,
  limit_bytes: number,
  hierarchy: 'unified' | 'hybrid' | 'legacy',
): Value[] {
  const of = `container_id="${work.id}"`;
  const oneOf = (collector: string, about: string, name: string, read?: () => number): Value => ({
    ...{ collector, about: `${about} of a container`, series: [name, of] },
    ...(read && { read }),
  });
  const isUnified = hierarchy === 'unified';
  return [
    oneOf('memory_usage', 'limit', 'huatuo_container_memory_limit_bytes', () => limit_bytes),
    oneOf('cpu_util', 'CPU time', 'huatuo_container_cpu_seconds_total'),
    oneOf('cpu_stat', 'throttled periods', 'huatuo_bamai_cpu_stat_container_nr_throttled'),
    oneOf('memory_events', 'hits of its limit', 'huatuo_bamai_memory_events_container_max'),
    oneOf('memory_vmstat', 'faults', 'huatuo_bamai_memory_vmstat_container_pgfault'),
    oneOf('processes', 'threads', 'huatuo_container_threads'),
    oneOf('runqlat', 'waits for a CPU', 'huatuo_container_runqueue_wait_seconds_count'),
    oneOf('memory_reclaim_events', 'stalls', 'huatuo_memory_reclaim_container_stalls_total'),
    // Of cgroup v1 the writer of a dirty page is not known, and there is no pressure.
    ...(isUnified
      ? [
          oneOf('iolatency', 'writes', 'huatuo_container_disk_service_seconds_count'),
          oneOf('diskio', 'bytes written', 'huatuo_container_diskio_written_bytes_total'),
          oneOf('pressure', 'stalls', 'huatuo_container_pressure_stalled_seconds_total'),
        ]
      : []),
  ];
}

/**
 * Scrapes until every collector of files has answered and every value is there and right, or for as long as patience goes.
 * @returns the page that was compared last, and a finding for each collector of which values were
 */
export async function compareValues(
  values: readonly Value[],
): Promise<{ readonly page: Page; readonly findings: ReadonlyMap<string, Finding> }> {
  let page: Page = new Map();
  let faults = new Map<Value, string>();
  await eventually(10, async () => {
    const before = values.map(readSafely);
    try {
      page = await scrape();
    } catch {
      return undefined;
    }
    const after = values.map(readSafely);
    faults = new Map(
      values.flatMap((one, index) => {
        const fault = compare(one, page, before[index]!, after[index]!);
        return fault === undefined ? [] : [[one, fault] as const];
      }),
    );
    const answers = [...page].filter(([series]) => series.startsWith(SUCCESS));
    const isComplete = answers.length > 0 && answers.every(([, success]) => success === 1);
    return isComplete && faults.size === 0 ? true : undefined;
  });
  const findings = new Map<string, Finding>();
  for (const [collector, ofIt] of Map.groupBy(values, (one) => one.collector)) {
    const wrongs = ofIt.flatMap((one) => faults.get(one) ?? []);
    const about = ofIt.map((one) => one.about).join(', ');
    findings.set(collector, wrongs.length > 0 ? wrong(wrongs.join('; ')) : ok(`values: ${about}`));
  }
  return { page, findings };
}

/** Whether a collector has answered the scrape. */
export function hasAnswered(page: Page, collector: string): boolean {
  return page.get(`${SUCCESS}{collector="${collector}"}`) === 1;
}

function compare(one: Value, page: Page, before: number, after: number): string | undefined {
  const { about, slack = 0 } = one;
  const [name, ...labels] = one.series;
  const found = [...page].flatMap(([series, is]) => {
    const isIt = series === name || series.startsWith(`${name}{`);
    return isIt && labels.every((label) => series.includes(label)) ? [is] : [];
  });
  if (found.length === 0) return `${about}: no series ${name}`;
  if (one.read === undefined) return found.some((is) => is > 0) ? undefined : `${about}: found only 0`;
  const [least, most] = [Math.min(before, after) - slack, Math.max(before, after) + slack];
  const [is] = found as [number];
  return is >= least && is <= most ? undefined : `${about}: expected ${least} to ${most}, found ${is}`;
}

/** NaN, with which nothing agrees, for what cannot be read. */
function readSafely({ read }: Value): number {
  try {
    return read?.() ?? 0;
  } catch {
    return Number.NaN;
  }
}

function value(collector: string, about: string, name: string, read: () => number): Value {
  return { collector, about, series: [name], read };
}

function above(collector: string, about: string, ...series: readonly [string, ...string[]]): Value {
  return { collector, about, series };
}

function number(path: string, pattern: RegExp): number {
  return Number(pattern.exec(readFileSync(path, 'utf8'))?.[1]);
}

function lines(path: string): number {
  return readFileSync(path, 'utf8').trimEnd().split('\n').length;
}
