/** A CPU that is stuck in the kernel: a program that loops where a process renames itself. */
import { readFileSync, writeFileSync } from 'node:fs';
import { at } from '../../../src/paths.ts';
import { LOCKUP_SOURCES, Lockup } from '../../support/lockup.ts';
import type { Finding } from '../report.ts';
import { document } from './agent.ts';
import { isBefore, ok, run, wrong } from './commands.ts';

/** Longer than both thresholds: 3 s of the collector, two seconds of the kernel's own watchdog. */
const LOCKUP_MS = 8000;
const WATCHDOG = '/proc/sys/kernel/watchdog_thresh';

/** @returns undefined before Linux 5.17, whose programs cannot loop for as long */
export async function lockedUp(): Promise<Finding | undefined> {
  if (isBefore(5, 17)) return undefined;
  const before = readFileSync(WATCHDOG, 'utf8');
  let pid: number;
  try {
    await using lockup = await Lockup.make(LOCKUP_MS, { built: at('dist/fixtures', LOCKUP_SOURCES) });
    pid = lockup.pid;
    writeFileSync(WATCHDOG, '1');
    await lockup.run();
  } finally {
    writeFileSync(WATCHDOG, before);
  }
  const found = await document(
    'softlockup',
    ({ data }) => data.pid === pid && data.reported_by === 'sampler',
  );
  if (!found) return wrong('no document of a CPU that is locked up');
  const { stuck_ns, threshold_ns, stack } = found.data as {
    stuck_ns: number;
    threshold_ns: number;
    stack: string[];
  };
  if (stuck_ns < threshold_ns || !stack.some((frame) => frame.startsWith('__set_task_comm')))
    return wrong(`a CPU that is locked up: ${found.text}`);
  return new RegExp(`soft lockup - CPU#\\d+ stuck for .*:${pid}\\]`).test(await run('dmesg'))
    ? ok("a CPU that is locked up, against the kernel's log")
    : wrong(`the kernel's log has no soft lockup of ${pid}`);
}
