/** `npm run setup` on a host on which Node 26 does not start. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { at } from '../../src/paths.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'huatuo-setup-'));
  for (const path of ['src/build', 'node_modules/.bin', 'bin'])
    mkdirSync(join(root, path), { recursive: true });
  copyFileSync(at('src/build/setup.mjs'), join(root, 'src/build/setup.mjs'));
  for (const path of ['package-lock.json', 'node_modules/.package-lock.json'])
    writeFileSync(join(root, path), '{"packages": {}}');
});
afterEach(() => rmSync(root, { recursive: true }));

/** Without `lib`, as the loader says it where there is no libatomic. */
function script(path: string, text: string): void {
  writeFileSync(join(root, path), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

/** Runs it with an apt-get of the test's own. */
function setup(apt: string): { status: number | null; output: string; asked: string } {
  script(
    'node_modules/.bin/node',
    `[ -e ${root}/lib ] || { echo "error while loading shared libraries: libatomic.so.1: cannot open" >&2; exit 127; }`,
  );
  script('bin/apt-get', `echo "$@" >> ${root}/asked\n${apt}`);
  writeFileSync(join(root, 'asked'), '');
  const env = { ...process.env, PATH: `${root}/bin:${process.env.PATH}` };
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'src/build/setup.mjs')], {
    encoding: 'utf8',
    env,
  });
  return { status, output: stdout + stderr, asked: readFileSync(join(root, 'asked'), 'utf8') };
}

test('names libatomic where Node cannot be started for want of it, and cannot be given it', () => {
  const { status, output } = setup('exit 1');
  assert.equal(status, 1);
  assert.match(
    output,
    /expected Node 26 to start, found: .*libatomic\.so\.1.*Debian, Ubuntu: libatomic1; Fedora/,
  );
});

test('installs libatomic as root, and goes on', {
  skip: process.geteuid?.() !== 0 && 'only root may install',
}, () => {
  const { status, asked } = setup(`case "$*" in *libatomic1) touch ${root}/lib;; esac`);
  assert.equal(status, 0);
  assert.match(asked, /^install .*libatomic1$/m);
});
