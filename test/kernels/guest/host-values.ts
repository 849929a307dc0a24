/** Values of the host, against its /proc and /sys. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { above, number, numberIn, type Value, value } from './values.ts';

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
      about: 'size of the second node',
      series: ['huatuo_memory_numa_size_bytes', 'node="1"'],
      read: () => 1024 * number('/sys/devices/system/node/node1/meminfo', /MemTotal: +(\d+)/),
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
    {
      collector: 'cpu_util',
      about: 'user time of a CPU',
      series: ['huatuo_cpu_seconds_total', 'cpu="0"', 'mode="user"'],
      read: () => number('/proc/stat', /^cpu0 (\d+)/m) / 100,
      slack: 0.02,
    },
    {
      collector: 'memory_slab',
      about: 'objects of a cache',
      series: ['huatuo_memory_slab_objects', 'cache="task_struct"'],
      read: () => number('/proc/slabinfo', /^task_struct +\d+ +(\d+)/m),
      slack: 50,
    },
    {
      collector: 'memory_buddyinfo',
      about: 'free blocks',
      series: ['huatuo_bamai_memory_buddyinfo_blocks', 'zone="DMA"', 'order="10"'],
      read: () => number('/proc/buddyinfo', /zone +DMA (?: *\d+){10} +(\d+)/),
    },
    {
      collector: 'netdev_qdisc',
      about: 'packets of eth0',
      series: ['huatuo_bamai_netdev_qdisc_packets_total', 'device="eth0"'],
      read: qdiscPackets,
    },
    // The driver has renamed it.
    above(
      'netdev_ethtool',
      'notifications of eth0',
      /^huatuo_netdev_ethtool_tx(_queue_)?0_kicks_total$/,
      'device="eth0"',
    ),
    {
      collector: 'iolatency',
      about: 'writes to a disk',
      series: ['huatuo_disk_service_seconds_count', 'device="vda"', 'operation="WRITE"'],
      read: () => number('/proc/diskstats', / vda (?:\d+ ){4}(\d+)/),
      slack: 5,
      rises: true,
    },
    value('nfs', 'calls', 'huatuo_nfs_rpcs_total', () => number('/proc/net/rpc/nfs', /^rpc (\d+)/m)),
    {
      collector: 'xfs',
      about: 'files that were made',
      series: ['huatuo_xfs_directory_operation_create_total'],
      read: () => number('/sys/fs/xfs/loop0/stats/stats', /^dir \d+ (\d+)/m),
    },
    {
      collector: 'mdraid',
      about: 'members that are missing',
      series: ['huatuo_mdraid_disks_missing', 'device="md0"'],
      read: () => number('/sys/block/md0/md/degraded', /(\d+)/),
    },
    value('conntrack', 'limit', 'huatuo_conntrack_limit', () =>
      number('/proc/sys/net/netfilter/nf_conntrack_max', /(\d+)/),
    ),
    {
      ...value('conntrack', 'connections', 'huatuo_conntrack_entries', () =>
        number('/proc/sys/net/netfilter/nf_conntrack_count', /(\d+)/),
      ),
      slack: 5,
    },
    above('runqlat', 'waits for a CPU', 'huatuo_runqueue_wait_seconds_count'),
    above('sched_tick', 'ticks', 'huatuo_tick_delay_seconds_count'),
    above('memory_free', 'compaction that was asked for', 'huatuo_memory_compaction_seconds_count'),
    {
      collector: 'softirq',
      about: 'softirqs',
      series: ['huatuo_softirq_served_total', 'vector="TIMER"'],
      read: () =>
        readFileSync('/proc/softirqs', 'utf8')
          .match(/TIMER:.*/)![0]
          .match(/\d+/g)!
          .reduce((sum, of) => sum + Number(of), 0),
      slack: 5,
      rises: true,
    },
  ];
}

/** Of its root, as the kernel tells programs. */
function qdiscPackets(): number {
  const said = execFileSync('tc', ['-s', 'qdisc', 'show', 'dev', 'eth0'], { encoding: 'utf8' });
  return numberIn(said, / root [\s\S]*?Sent \d+ bytes (\d+) pkt/);
}

function lines(path: string): number {
  return readFileSync(path, 'utf8').trimEnd().split('\n').length;
}
