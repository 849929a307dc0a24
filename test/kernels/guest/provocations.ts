/** What is cheap to provoke on an emulated machine, by collector; all run at once. */
import { createSocket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Hierarchy } from '../boots.ts';
import type { Finding } from '../report.ts';
import { document } from './agent.ts';
import { eventually, ok, run, start, wrong } from './commands.ts';
import { cardHangs } from './hanging-card.ts';
import { ras } from './hardware.ts';
import type { ContainerGroup } from './hierarchy.ts';
import { lockedUp } from './lockup.ts';
import { oom } from './oom.ts';

/**
 * @param work a container that is busy, near its limits
 * @returns undefined where it cannot be provoked
 */
type Provocation = (hierarchy: Hierarchy, work: ContainerGroup) => Promise<Finding | undefined>;

export const PROVOCATIONS: Readonly<Record<string, Provocation>> = {
  oom,
  softirq,
  dropwatch,
  tcp_retransmit: synSentAgain,
  net_rx_latency: packetOfLoopback,
  memory_reclaim_events: reclaimOfContainer,
  hungtask: frozenFileSystem,
  netdev_events: deviceUpAndDown,
  netdev_bonding_lacp: portGoesDown,
  netdev_txqueue_timeout: cardHangs,
  ras,
  softlockup: lockedUp,
};

async function softirq(): Promise<Finding> {
  const found = await document('softirq', () => true);
  if (!found) return wrong('no document, with a threshold of 1 us');
  const { latency_ns, threshold_ns, run_ns, run_threshold_ns } = found.data as Record<string, number>;
  const isLate = latency_ns! >= threshold_ns! || run_ns! >= run_threshold_ns!;
  return isLate ? ok('documents with a threshold of 1 us') : wrong(`below its thresholds: ${found.text}`);
}

/** To a port that no one has. */
async function dropwatch(): Promise<Finding> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  socket.send('x', 9, '127.0.0.1');
  const found = await document('dropwatch', ({ text }) => /\b9\b/.test(text) && /udp/i.test(text));
  socket.close();
  return found ? ok('a UDP packet to a closed port') : wrong('no document of a UDP packet to a closed port');
}

/** A dummy device swallows what it is to send. */
async function synSentAgain(): Promise<Finding> {
  await run('ip', 'link', 'add', 'hole0', 'type', 'dummy');
  await run('ip', 'addr', 'add', '198.51.100.1/24', 'dev', 'hole0');
  await run('ip', 'link', 'set', 'hole0', 'up');
  const socket = connect({ host: '198.51.100.2', port: 7 }).on('error', () => undefined);
  const found = await document('tcp_retransmit', ({ text }) => text.includes('198.51.100.2'));
  socket.destroy();
  await run('ip', 'link', 'del', 'hole0');
  return found ? ok('a SYN that no one answers') : wrong('no document of a SYN that was sent again');
}

/** The suite's own requests to the agent. */
async function packetOfLoopback(): Promise<Finding> {
  const found = await document('net_rx_latency', ({ data }) => data.tcp_daddr === '127.0.0.1');
  if (!found) return wrong('no document of a packet, with thresholds of 1 us');
  const { latency_ns, threshold_ns } = found.data as Record<string, number>;
  return latency_ns! >= threshold_ns!
    ? ok('packets of loopback with thresholds of 1 us')
    : wrong(`below its threshold: ${found.text}`);
}

async function reclaimOfContainer(_: Hierarchy, work: ContainerGroup): Promise<Finding> {
  const found = await document('memory_reclaim_events', ({ fields }) => fields.container_id === work.id);
  if (!found) return wrong('no document of a container at its limit');
  const { kind, cgroup_id } = found.data;
  return kind === 'memcg' && cgroup_id === work.inode('memory')
    ? ok('a container at its limit: kind and cgroup')
    : wrong(`kind ${kind}, cgroup ${cgroup_id}, expected memcg and ${work.inode('memory')}`);
}

/** A frozen file system holds up who writes to it. */
async function frozenFileSystem(): Promise<Finding> {
  const timeout = '/proc/sys/kernel/hung_task_timeout_secs';
  const before = readFileSync(timeout, 'utf8');
  await mkdir('/mnt/frozen', { recursive: true });
  await run('mount', '/dev/vdb', '/mnt/frozen');
  writeFileSync(timeout, '3');
  // It may have said all that it may say.
  writeFileSync('/proc/sys/kernel/hung_task_warnings', '-1');
  await run('fsfreeze', '--freeze', '/mnt/frozen');
  start('exec touch /mnt/frozen/file');
  const found = await document('hungtask', ({ data }) => data.role === 'hung' && data.comm === 'touch');
  const log = await run('dmesg');
  await run('fsfreeze', '--unfreeze', '/mnt/frozen');
  writeFileSync(timeout, before);
  if (!found) return wrong('no document of a task that writes to a frozen file system');
  const { tid, comm } = found.data;
  return log.includes(`task ${comm}:${tid} blocked for more than`)
    ? ok("a task that writes to a frozen file system, against the kernel's log")
    : wrong(`the kernel's log does not name ${comm}:${tid}`);
}

async function deviceUpAndDown(): Promise<Finding> {
  await run('ip', 'link', 'add', 'short0', 'type', 'dummy');
  await run('ip', 'link', 'set', 'short0', 'up');
  await run('ip', 'link', 'del', 'short0');
  const found = await document('netdev_events', ({ text }) => text.includes('short0'));
  return found
    ? ok('a device that comes, goes up and goes')
    : wrong('no document of a device that came and went');
}

/** The other side's; what the kernel says of the bond is in the document. */
async function portGoesDown(): Promise<Finding> {
  const proc = '/proc/net/bonding/bond0';
  const isUp = await eventually(10, () => {
    const states = [...readFileSync(proc, 'utf8').matchAll(/port state: (\d+)/g)].map(([, state]) =>
      Number(state),
    );
    // IEEE 802.1AX: distributing
    return states.length >= 2 && states.every((state) => (state & 0x20) !== 0) ? true : undefined;
  });
  if (!isUp) return wrong(`LACP does not come up: ${readFileSync(proc, 'utf8').slice(-300)}`);
  await run('ip', '-n', 'far', 'link', 'set', 'far1', 'down');
  const found = await document(
    'netdev_bonding_lacp',
    ({ data, fields }) => data.ifname === 'near1' && fields.severity === 'warning',
  );
  if (!found) return wrong('no document of a port whose other side went down');
  const { bond, lost, mii_status } = found.data;
  return bond === 'bond0' && (lost as readonly string[]).includes('distributing')
    ? ok(`a port of a bond that is cut off (${mii_status})`)
    : wrong(`a port that is cut off: ${found.text}`);
}
