/** What Go's pprof reads in a file of ours. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pprofFile } from '../../src/profile/pprof.ts';
import type { Profile } from '../../src/sdk/profile.ts';
import { findProgram } from './container-programs.ts';

interface PprofTop {
  /** With its unit: `1000ms`. */
  readonly total: string;
  /** Functions with their own value, most first. */
  readonly functions: readonly (readonly [name: string, flat: string])[];
}

/** @returns the reason that is printed, or false when Go is installed */
export function skipWithoutGo(): string | false {
  return findProgram('go') ? false : 'not installed: go';
}

/** @param unit of values: ms, B, … */
export function goPprofTop(profile: Profile, unit: string): PprofTop {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-pprof-'));
  try {
    const file = join(directory, 'profile.pprof');
    writeFileSync(file, pprofFile(profile));
    const argv = ['tool', 'pprof', '-top', '-nodecount=100000', '-nodefraction=0', `-unit=${unit}`, file];
    const options = { encoding: 'utf8', stdio: 'pipe', env: { HOME: directory, ...process.env } } as const;
    const text = execFileSync(findProgram('go') ?? '', argv, options);
    const total = /^Showing nodes .* of (\S+) total$/m.exec(text)?.[1] ?? '';
    const rows = text.matchAll(/^ *(\S+) +\S+% +\S+% +\S+ +\S+% {2}(.+)$/gm);
    return { total, functions: Array.from(rows, ([, flat = '', name = '']) => [name, flat] as const) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
