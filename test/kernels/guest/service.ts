/** What systemd asks of the agent, with a CPU quota in force. */
import { existsSync, readFileSync } from 'node:fs';
import type { Finding } from '../report.ts';
import { configure, scrape, settled, status } from './agent.ts';
import { eventually, run } from './commands.ts';

/** `unsupported` is looked at collector by collector. */
const GOOD: ReadonlySet<string> = new Set(['running', 'sampling', 'waiting', 'disabled', 'unsupported']);
const GROUP = '/sys/fs/cgroup/system.slice/huatuo.service';

async function isActive(): Promise<string> {
  return (await run('systemctl', 'show', '-P', 'ActiveState', 'huatuo')).trim();
}

async function step(note: string, action: () => Promise<string | undefined>): Promise<Finding> {
  try {
    const fault = await action();
    return fault === undefined ? { result: 'ok', note } : { result: 'wrong', note: fault };
  } catch (error) {
    return { result: 'wrong', note: (error as Error).message };
  }
}

export function started(): Promise<Finding> {
  return step('`packaging/huatuo.service`: READY, and no actor failed', async () => {
    await run('systemctl', 'restart', 'huatuo');
    const now = await settled();
    const bad = now?.actors.filter(({ state }) => !GOOD.has(state));
    if (!now) return 'actors are still starting';
    return bad?.length ? `failed: ${bad.map(({ name, state }) => `${name} ${state}`).join(', ')}` : undefined;
  });
}

export function hasQuota(): Promise<Finding> {
  return step('a thread below `agent` with `cpu.max` 50 %', async () => {
    const pid = (await run('systemctl', 'show', '-P', 'MainPID', 'huatuo')).trim();
    const group = `${GROUP}/agent/huatuo-${pid}/softirq`;
    if (!existsSync(group)) return `no cgroup ${group}`;
    const [max, threads] = ['cpu.max', 'cgroup.threads'].map((file) =>
      readFileSync(`${group}/${file}`, 'utf8').trim(),
    );
    return max === '50000 100000' && threads !== '' ? undefined : `cpu.max ${max}, threads ${threads}`;
  });
}

/** Also raises the threshold of softirq, after which the ledger can close. */
export function reloads(): Promise<Finding> {
  return step('`systemctl reload` puts a changed threshold in force', async () => {
    const before = (await status())?.actors.find(({ name }) => name === 'softirq')?.since;
    configure('10s');
    await run('systemctl', 'reload', 'huatuo');
    const changed = await eventually(10, async () => {
      const softirq = (await status())?.actors.find(({ name }) => name === 'softirq');
      return softirq?.state === 'running' && softirq.since !== before ? true : undefined;
    });
    return changed ? undefined : 'softirq was not started again';
  });
}

export function ledgerCloses(): Promise<Finding> {
  return step('`huatuo_ledger_difference_events` becomes 0 for every collector', async () => {
    let open: string[] = [];
    const closed = await eventually(15, async () => {
      const samples = await scrape().catch(() => new Map<string, number>());
      const differences = [...samples].filter(([series]) => series.startsWith('huatuo_ledger_difference'));
      open = differences.filter(([, value]) => value !== 0).map(([series, value]) => `${series} ${value}`);
      return differences.length > 0 && open.length === 0 ? true : undefined;
    });
    return closed ? undefined : open.join(', ');
  });
}

export function comesBack(): Promise<Finding> {
  return step('SIGKILL: systemd starts it again, and it settles', async () => {
    const before = (await run('systemctl', 'show', '-P', 'MainPID', 'huatuo')).trim();
    await run('systemctl', 'kill', '-s', 'KILL', '--kill-whom=main', 'huatuo');
    const back = await eventually(30, async () => {
      const pid = (await run('systemctl', 'show', '-P', 'MainPID', 'huatuo')).trim();
      return pid !== before && pid !== '0' && (await isActive()) === 'active' ? true : undefined;
    });
    if (!back) return `is ${await isActive()}`;
    return (await settled()) ? undefined : 'actors are still starting';
  });
}

export function stops(): Promise<Finding> {
  return step('stop: exit code 0, and no cgroup is left', async () => {
    await run('systemctl', 'stop', 'huatuo');
    const result = (await run('systemctl', 'show', '-P', 'Result', 'huatuo')).trim();
    if (result !== 'success') return `the service ended with ${result}`;
    return existsSync(GROUP) ? `${GROUP} is left` : undefined;
  });
}
