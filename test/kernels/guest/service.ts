/** What systemd asks of the agent, with a CPU quota in force. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import type { Hierarchy } from '../boots.ts';
import type { Finding } from '../report.ts';
import { configure, installUnit, scrape, settled, status } from './agent.ts';
import { eventually, ok, run, wrong } from './commands.ts';

/** `unsupported` is looked at collector by collector. */
const GOOD: ReadonlySet<string> = new Set([
  ...['running', 'sampling', 'capturing', 'waiting'],
  ...['unsupported', 'disabled'],
]);
const ROOT = '/sys/fs/cgroup';
const GROUP = `${ROOT}/system.slice/huatuo.service`;
const NOTIFY_RELOAD = ['Type=notify-reload', 'ExecReload='];

export async function property(name: string): Promise<string> {
  return (await run('systemctl', 'show', '-P', name, 'huatuo')).trim();
}

/** @returns a fault, or undefined */
export async function step(note: string, action: () => Promise<string | undefined>): Promise<Finding> {
  try {
    const fault = await action();
    return fault === undefined ? ok(note) : wrong(fault);
  } catch (error) {
    return wrong((error as Error).message);
  }
}

export async function startsWell(): Promise<string | undefined> {
  await run('systemctl', 'restart', 'huatuo');
  const now = await settled();
  if (!now) return 'actors are still starting';
  const bad = now.actors.filter(({ state }) => !GOOD.has(state));
  return bad.length > 0 ? bad.map(({ name, state }) => `${name} ${state}`).join(', ') : undefined;
}

export function started(): Promise<Finding> {
  return step('`packaging/huatuo.service`: READY, and no actor failed', startsWell);
}

export function hasQuota(hierarchy: Hierarchy): Promise<Finding> {
  const isUnified = hierarchy === 'unified';
  const note = isUnified ? 'a thread below `agent` with `cpu.max` 50 %' : 'a thread with `cfs_quota_us` 50 %';
  return step(note, async () => {
    const pid = await property('MainPID');
    const groups = isUnified ? `${GROUP}/agent` : `${ROOT}/cpu/system.slice/huatuo.service`;
    const group = `${groups}/huatuo-${pid}/softirq`;
    if (!existsSync(group)) return `no cgroup ${group}`;
    const [max, threads] = (isUnified ? ['cpu.max', 'cgroup.threads'] : ['cpu.cfs_quota_us', 'tasks']).map(
      (file) => readFileSync(`${group}/${file}`, 'utf8').trim(),
    );
    return max?.startsWith('50000') && threads !== '' ? undefined : `quota ${max}, threads ${threads}`;
  });
}

/**
 * Also raises the thresholds, after which the ledger can close. From systemd 253 on by Type=notify-reload: the command ends when the
 * reload has.
 */
export async function reloads(): Promise<Finding> {
  const [, systemd = ''] = /^systemd (\d+)/.exec(await run('systemctl', '--version')) ?? [];
  const waits = Number(systemd) >= 253;
  const note = waits ? 'Type=notify-reload: the command ends when the reload has' : 'puts changes in force';
  return step(`\`systemctl reload\`: ${note}`, async () => {
    if (waits) await installUnit(...NOTIFY_RELOAD);
    const before = (await status())?.actors.find(({ name }) => name === 'softirq')?.since;
    configure({ thresholds: 'high' });
    await run('systemctl', 'reload', 'huatuo');
    const isChanged = async (): Promise<true | undefined> => {
      const softirq = (await status())?.actors.find(({ name }) => name === 'softirq');
      return softirq?.state === 'running' && softirq.since !== before ? true : undefined;
    };
    return (await eventually(10, isChanged)) ? undefined : 'softirq was not started again';
  });
}

export function ledgerCloses(): Promise<Finding> {
  return step('`huatuo_ledger_difference_events` becomes 0 for every collector', async () => {
    const closed = new Set<string>();
    let open: string[] = ['no page has it'];
    const all = await eventually(10, async () => {
      const page = await scrape().catch(() => new Map<string, number>());
      const differences = [...page].filter(([series]) => series.startsWith('huatuo_ledger_difference'));
      for (const [series, value] of differences) if (value === 0) closed.add(series);
      if (differences.length > 0)
        open = differences.flatMap(([series, value]) => (closed.has(series) ? [] : [`${series} ${value}`]));
      return open.length === 0 ? true : undefined;
    });
    return all ? undefined : open.join(', ');
  });
}

/** What the service has taken of its MemoryMax=, with every collector on. */
export function memoryPeak(): Promise<Finding> {
  const files = [
    `${GROUP}/memory.peak`,
    `${ROOT}/memory/system.slice/huatuo.service/memory.max_usage_in_bytes`,
  ];
  const file = files.find((path) => existsSync(path));
  if (file === undefined) return step('below MemoryMax; the peak is not known before Linux 5.19', notKilled);
  const peak_bytes = Number(readFileSync(file, 'utf8'));
  return step(`peak ${Math.round(peak_bytes / 2 ** 20)} MiB, every collector on`, notKilled);
}

async function notKilled(): Promise<string | undefined> {
  const [limit, restarts] = [await property('MemoryMax'), await property('NRestarts')];
  if (limit === 'infinity') return 'there is no MemoryMax';
  return restarts === '0' ? undefined : `it was started again ${restarts} times`;
}

/** Waits until systemd has started another process, and that has settled. */
export async function isReplaced(before: string): Promise<string | undefined> {
  const back = await eventually(30, async () => {
    const pid = await property('MainPID');
    return pid !== before && pid !== '0' && (await property('ActiveState')) === 'active' ? true : undefined;
  });
  if (!back) return `is ${await property('ActiveState')}`;
  return (await settled()) ? undefined : 'actors are still starting';
}

export function stops(hierarchy: Hierarchy): Promise<Finding> {
  return step('exit code 0, and no cgroup is left', async () => {
    await run('systemctl', 'stop', 'huatuo');
    const result = await property('Result');
    if (result !== 'success') return `the service ended with ${result}`;
    const roots = hierarchy === 'unified' ? [ROOT] : globSync(`${ROOT}/*`);
    const left = roots
      .map((root) => `${root}/system.slice/huatuo.service`)
      .filter((group) => existsSync(group));
    return left.length > 0 ? `${left.join(', ')} is left` : undefined;
  });
}
