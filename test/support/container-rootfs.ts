/** The smallest root filesystem that runs a shell: busybox, its applets, and the libraries it needs, if any. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram } from './container-programs.ts';

interface Busybox {
  readonly path: string;
  readonly applets: readonly string[];
  readonly libraries: readonly string[];
}

/** Asking takes longer than copying, and tests make many containers. */
let asked: Busybox | undefined;

/** @param directory is made; the caller removes it */
export function makeRootfs(directory: string): void {
  asked ??= askBusybox();
  for (const name of ['bin', 'dev', 'proc', 'sys', 'tmp'])
    mkdirSync(join(directory, name), { recursive: true });
  copyFileSync(asked.path, join(directory, 'bin/busybox'));
  for (const applet of asked.applets) symlinkSync('busybox', join(directory, 'bin', applet));
  for (const library of asked.libraries) {
    mkdirSync(dirname(join(directory, library)), { recursive: true });
    copyFileSync(library, join(directory, library));
  }
}

function askBusybox(): Busybox {
  const path = findProgram('busybox');
  if (!path) throw new Error('busybox is not installed; `npm run setup` brings it');
  const applets = execFileSync(path, ['--list'], { encoding: 'utf8' }).trim().split('\n');
  // Of `libc.so.6 => /lib/libc.so.6 (0x7f…)` the second name; ldd has none for a static program.
  const { stdout } = spawnSync('ldd', [path], { encoding: 'utf8' });
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, library = '']) => library);
  return { path, applets: applets.filter((applet) => applet !== 'busybox'), libraries };
}
