/** Part `pins`: with `bpf.pin` nothing is lost while no agent runs, however the last one ended; and what a hang ends in. */
import { existsSync } from 'node:fs';
import type { Hierarchy } from '../boots.ts';
import type { Finding } from '../report.ts';
import { configure, installUnit } from './agent.ts';
import { ok, run, wrong } from './commands.ts';
import { killUnseen } from './oom.ts';
import { isReplaced, ledgerCloses, property, startsWell, step } from './service.ts';

type Tell = (table: 'service', name: string, finding: Finding) => void;

const PINS = '/sys/fs/bpf/huatuo';
/** What systemd says of cgroups of threads, whose processes cannot be listed. */
const THREADED = /auxiliary processes|[Oo]peration not supported/;
/** Long enough for an emulated agent to give signs of life, and no longer. */
const WATCHDOG = ['WatchdogSec=120', 'TimeoutAbortSec=60'];

export async function pins(hierarchy: Hierarchy, tell: Tell): Promise<void> {
  configure({ thresholds: 'high', pin: true });
  await installUnit(...WATCHDOG);
  tell('service', 'pins: start', await step('with `bpf.pin`', startsWell));
  tell('service', 'watchdog', await hangEnds(hierarchy));
  tell('service', 'pins: SIGKILL', await killAdopts(hierarchy));
  tell('service', 'pins: stop, start', await startAdopts(hierarchy));
  tell('service', 'pins: ledger', await ledgerCloses());
  tell('service', 'pins: unpin', await unpins());
}

/** An OOM comes while the agent hangs. */
function hangEnds(hierarchy: Hierarchy): Promise<Finding> {
  return step('SIGSTOP: systemd ends and starts it, and an OOM of meanwhile is told', async () => {
    const pid = await property('MainPID');
    process.kill(Number(pid), 'SIGSTOP');
    const isTold = await killUnseen(hierarchy);
    return (await isReplaced(pid)) ?? (await isTold());
  });
}

/** Of all processes of the unit, as `systemctl kill` is used, while a thread has a cgroup of its own. */
async function killAdopts(hierarchy: Hierarchy): Promise<Finding> {
  let said = '';
  const finding = await step('an OOM before the next agent is up is told', async () => {
    const pid = await property('MainPID');
    await run('systemctl', 'kill', '-s', 'KILL', 'huatuo').catch((error: Error) => {
      said = error.message;
    });
    const isTold = await killUnseen(hierarchy);
    return (await isReplaced(pid)) ?? (await isTold());
  });
  if (finding.result === 'wrong') return finding;
  if (said === '') return ok(`\`systemctl kill\`: ${finding.note}`);
  return THREADED.test(said)
    ? ok(`\`systemctl kill\` ends it and reports an error, --kill-whom=main none: ${finding.note}`)
    : wrong(said);
}

function startAdopts(hierarchy: Hierarchy): Promise<Finding> {
  return step('an OOM while it is stopped is told by the next start', async () => {
    await run('systemctl', 'stop', 'huatuo');
    if (!existsSync(PINS)) return 'nothing is pinned';
    const isTold = await killUnseen(hierarchy);
    return (await startsWell()) ?? (await isTold());
  });
}

function unpins(): Promise<Finding> {
  return step('after a stop `huatuo unpin` leaves nothing', async () => {
    await run('systemctl', 'stop', 'huatuo');
    await run('huatuo', 'unpin');
    return existsSync(PINS) ? `${PINS} is left` : undefined;
  });
}
