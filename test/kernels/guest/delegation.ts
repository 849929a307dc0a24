/** Part `delegation`: without a cgroup of its own the agent says so and keeps quotas by measurement; how exposed the unit is. */
import { readFileSync } from 'node:fs';
import type { Hierarchy } from '../boots.ts';
import type { Finding } from '../report.ts';
import { configure, installUnit, status } from './agent.ts';
import { eventually, ok, run, wrong } from './commands.ts';
import { startsWell, step } from './service.ts';

const CONTROLLERS = '/sys/fs/cgroup/system.slice/cgroup.subtree_control';

type Tell = (table: 'service', name: string, finding: Finding) => void;

export async function delegation(_: Hierarchy, tell: Tell): Promise<void> {
  configure({ thresholds: 'low' });
  tell('service', 'exposure', await exposure());
  // Other units may have it enabled, and systemd enables it when it pleases: it is taken away when all is set up.
  const takesAway = `ExecStartPre=+/bin/sh -c "echo -cpu > ${CONTROLLERS}"`;
  await installUnit('Delegate=no', 'DelegateSubgroup=', takesAway);
  tell('service', 'without delegation', await measures());
  await run('systemctl', 'stop', 'huatuo');
}

function measures(): Promise<Finding> {
  return step('a warning, and quotas by measurement', async () => {
    const fault = await startsWell();
    if (fault !== undefined) return fault;
    // It may come to the log after the agent has settled.
    const isWarned = await eventually(3, async () =>
      /Delegate=cpu/.test(await run('journalctl', '-u', 'huatuo', '-o', 'cat', '--no-pager'))
        ? true
        : undefined,
    );
    if (!isWarned) return `no warning, with the controllers ${readFileSync(CONTROLLERS, 'utf8').trim()}`;
    const softirq = await eventually(5, async () =>
      (await status())?.actors.find(({ name }) => name === 'softirq'),
    );
    if (softirq?.fence?.quota?.in_force !== false) return 'the status says that the kernel keeps the quota';
    return softirq.vitals?.sampling_ratio === undefined ? 'no sampling ratio of softirq' : undefined;
  });
}

async function exposure(): Promise<Finding> {
  await installUnit();
  const said = await run('systemd-analyze', 'security', '--no-pager', 'huatuo');
  const [, level] = /exposure level for huatuo\.service: ([\d.]+ \w+)/.exec(said) ?? [];
  return level === undefined ? wrong(said.slice(-200)) : ok(`\`systemd-analyze security\`: ${level}`);
}
