/** Part `profiles`: `huatuo profile`, which needs no agent. */
import { readFileSync } from 'node:fs';
import type { Hierarchy } from '../boots.ts';
import type { Finding } from '../report.ts';
import { run } from './commands.ts';
import { step } from './service.ts';

type Tell = (table: 'service', name: string, finding: Finding) => void;

export async function profiles(_: Hierarchy, tell: Tell): Promise<void> {
  tell('service', 'profile', await profileOf());
  tell('service', 'profile --off-cpu', await profileOf('--off-cpu'));
}

async function profileOf(...kind: string[]): Promise<Finding> {
  const finding = await step('of the host, with names of the kernel', async () => {
    const file = '/tmp/profile.folded';
    await run('huatuo', 'profile', ...kind, '--duration', '3s', '-o', file);
    const text = readFileSync(file, 'utf8');
    return /;(?:schedule|entry_SYSCALL|do_syscall)\w*.* \d+$/m.test(text)
      ? undefined
      : `found ${text.slice(0, 200)}`;
  });
  const isTold = finding.result === 'wrong' && /use Linux \d/.test(finding.note ?? '');
  return isTold ? { ...finding, result: 'unsupported' } : finding;
}
