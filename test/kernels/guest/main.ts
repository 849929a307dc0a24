/** Runs in the guest, as root: `main.js PART HIERARCHY`. Prints what it finds, a line of JSON each, and on stderr how far it is. */
import { release } from 'node:os';
import type { Hierarchy } from '../boots.ts';
import type { Finding, Table, Told } from '../report.ts';
import { captures } from './captures.ts';
import { collectors } from './collectors.ts';
import { measureSlowness, run, say } from './commands.ts';
import { delegation } from './delegation.ts';
import { pins } from './pins.ts';
import { profiles } from './profiles.ts';

const RUN = { collectors, captures, profiles, pins, delegation };

async function main([part, hierarchy]: readonly string[]): Promise<void> {
  say(`${part}: slower than native by ${(await measureSlowness()).toFixed(0)}`);
  const [, systemd = ''] = /^systemd (\d+)/.exec(await run('systemctl', '--version')) ?? [];
  print({ guest: { kernel: release(), systemd } });
  const tell = (table: Table, name: string, finding: Finding): void => {
    if (table === 'service' || finding.result === 'wrong')
      say(`${name}: ${finding.result} (${finding.note})`);
    print({ table, name, finding });
  };
  await RUN[part as keyof typeof RUN](hierarchy as Hierarchy, tell);
}

function print(told: Told): void {
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

await main(process.argv.slice(2));
