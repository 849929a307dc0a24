/** What is cheap to provoke on an emulated machine, by collector; each compares what was written with what the kernel says. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { Finding } from '../report.ts';
import { document, scrape } from './agent.ts';
import { eventually, run, start } from './commands.ts';

type Provocation = () => Promise<Finding>;

const ROOT = '/sys/fs/cgroup';
const LIMIT_BYTES = 48 << 20;
/** What may lie between the kernel's line and the tracepoint, on few CPUs. */
const SLACK_KB = 256;

export const PROVOCATIONS: Readonly<Record<string, Provocation>> = {
  oom,
  softirq,
  dropwatch,
  hungtask,
  netdev_events: deviceUpAndDown,
  memory_info: memoryTotal,
  loadavg: loadAverages,
};

function ok(note: string): Finding {
  return { result: 'ok', note };
}

function wrong(note: string): Finding {
  return { result: 'wrong', note };
}

async function oom(): Promise<Finding> {
  const limits = ['-p', 'MemoryMax=48M', '-p', 'MemorySwapMax=0', '-p', 'OOMPolicy=continue'];
  await run('systemd-run', '-q', '--unit=hog', ...limits, 'sh', '-c', 'tail /dev/zero; sleep 600');
  const ofUnit = await document('oom', ({ text }) => text.includes('hog.service'));
  if (!ofUnit) return wrong('no document of the OOM of a unit');
  const faults = await compareKill(ofUnit.data, statSync(`${ROOT}/system.slice/hog.service`).ino);

  const id = createHash('sha256').update(String(process.hrtime())).digest('hex');
  const group = `${ROOT}/system.slice/docker-${id}.scope`;
  writeFileSync(`${ROOT}/system.slice/cgroup.subtree_control`, '+memory');
  mkdirSync(group);
  writeFileSync(`${group}/memory.max`, String(LIMIT_BYTES));
  const child = spawn('sh', ['-c', `echo $$ > ${group}/cgroup.procs; exec tail /dev/zero`], {
    stdio: 'ignore',
  });
  await once(child, 'exit');
  const ofContainer = await document('oom', ({ fields }) => fields.container_id === id);
  if (!ofContainer)
    return wrong(`no document of the OOM of a container; of the unit: ${faults.join(', ') || 'right'}`);
  faults.push(...(await compareKill(ofContainer.data, statSync(group).ino)));
  if (faults.length > 0) return wrong(faults.join(', '));
  const limit = ofUnit.data.limit === undefined ? '; the limit that was hit is not told' : '';
  return ok(`OOM of a unit and of a container: ids, names, sizes against the kernel's log${limit}`);
}

interface Kill {
  readonly limit?: string;
  readonly memcg_limit_bytes?: number;
  readonly victim: {
    readonly pid: number;
    readonly cgroup_id: number;
    readonly total_vm_bytes: number;
    readonly anon_rss_bytes: number;
    readonly file_rss_bytes: number;
  };
}

/** Against the kernel's own line. */
async function compareKill(data: unknown, inode: number): Promise<string[]> {
  const { victim, limit, memcg_limit_bytes } = data as Kill;
  const pattern = new RegExp(
    `Killed process ${victim.pid} .*total-vm:(\\d+)kB, anon-rss:(\\d+)kB, file-rss:(\\d+)kB`,
  );
  const line = await eventually(5, async () => pattern.exec(await run('dmesg')) ?? undefined);
  if (!line) return [`the kernel's log has no kill of ${victim.pid}`];
  const [, total, anon, file] = line.map(Number) as [number, number, number, number];
  const sizes = [
    ['total_vm', victim.total_vm_bytes, total],
    ['anon_rss', victim.anon_rss_bytes, anon],
    ['file_rss', victim.file_rss_bytes, file],
  ] as const;
  return [
    ...sizes.flatMap(([name, bytes, kb]) =>
      Math.abs(bytes / 1024 - kb) <= SLACK_KB
        ? []
        : [`${name}: the kernel says ${kb} kB, found ${bytes / 1024}`],
    ),
    ...(victim.cgroup_id === inode ? [] : [`cgroup_id: expected ${inode}, found ${victim.cgroup_id}`]),
    ...(limit === undefined || memcg_limit_bytes === LIMIT_BYTES
      ? []
      : [`the limit: found ${memcg_limit_bytes}`]),
  ];
}

async function softirq(): Promise<Finding> {
  const found = await document('softirq', () => true);
  if (!found) return wrong('no document, with a threshold of 1 us');
  const { latency_ns, threshold_ns, run_ns, run_threshold_ns } = found.data as Record<string, number>;
  const isLate = latency_ns! >= threshold_ns! || run_ns! >= run_threshold_ns!;
  return isLate ? ok('documents with a threshold of 1 us') : wrong(`below its thresholds: ${found.text}`);
}

/** To a port that nobody has. */
async function dropwatch(): Promise<Finding> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  socket.send('x', 9, '127.0.0.1');
  const found = await document('dropwatch', ({ text }) => /\b9\b/.test(text) && /udp/i.test(text));
  socket.close();
  return found ? ok('a UDP packet to a closed port') : wrong('no document of a UDP packet to a closed port');
}

/** A frozen file system holds up who writes to it. */
async function hungtask(): Promise<Finding> {
  const timeout = '/proc/sys/kernel/hung_task_timeout_secs';
  try {
    mkdirSync('/mnt/frozen', { recursive: true });
    await run('mount', '/dev/vdb', '/mnt/frozen');
    writeFileSync(timeout, '3');
  } catch (error) {
    return { result: 'runs', note: `no hung task was made: ${(error as Error).message}` };
  }
  await run('fsfreeze', '--freeze', '/mnt/frozen');
  start('exec touch /mnt/frozen/file');
  const found = await document('hungtask', ({ data }) => data.role === 'hung');
  const log = await run('dmesg');
  await run('fsfreeze', '--unfreeze', '/mnt/frozen');
  writeFileSync(timeout, '120');
  if (!found) return wrong('no document of a task that writes to a frozen file system');
  const { tid, comm } = found.data;
  return log.includes(`task ${comm}:${tid} blocked for more than`)
    ? ok("a task that writes to a frozen file system, against the kernel's log")
    : wrong(`the kernel's log does not name ${comm}:${tid}`);
}

async function deviceUpAndDown(): Promise<Finding> {
  try {
    await run('ip', 'link', 'add', 'hung0', 'type', 'dummy');
  } catch (error) {
    return { result: 'runs', note: `no device was made: ${(error as Error).message}` };
  }
  await run('ip', 'link', 'set', 'hung0', 'up');
  await run('ip', 'link', 'del', 'hung0');
  const found = await document('netdev_events', ({ text }) => text.includes('hung0'));
  return found
    ? ok('a device that comes, goes up and goes')
    : wrong('no document of a device that came and went');
}

async function memoryTotal(): Promise<Finding> {
  const found = (await scrape()).get('huatuo_memory_info_mem_total_bytes');
  return found === totalmem() ? ok('MemTotal') : wrong(`MemTotal: expected ${totalmem()}, found ${found}`);
}

async function loadAverages(): Promise<Finding> {
  const [found] = [(await scrape()).get('huatuo_bamai_loadavg_load15')];
  const load = Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[2]);
  const isNear = found !== undefined && Math.abs(found - load) < 0.5;
  return isNear ? ok('the load of 15 minutes') : wrong(`load15: expected ${load}, found ${found}`);
}
