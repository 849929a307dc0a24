/** `huatuo profile`: what it refuses, before anything is loaded. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCatalog } from '../../src/catalog/catalog.ts';
import { parseCommandLine } from '../../src/cli/command-line.ts';
import { loadFrom } from '../../src/cli/configuration.ts';
import { profileCommand } from '../../src/cli/profile.ts';
import { ConfigFiles } from '../../src/config/config-files.ts';
import { tempDirectory } from '../storage/journal/fixture.ts';

const CATALOG = createCatalog([]);

async function run(...argv: readonly string[]): Promise<void> {
  const invocation = parseCommandLine(['profile', ...argv], CATALOG);
  assert.ok(invocation.command === 'profile');
  const { config } = loadFrom(invocation.flags, CATALOG, new ConfigFiles());
  const held = { release: () => {} };
  await profileCommand(config, invocation.profile, { print: () => {}, complain: () => {} }, held);
}

const refusals: readonly (readonly [argv: readonly string[], found: RegExp])[] = [
  [['-o', 'flame.png'], /ends in \.html, \.svg, .*found flame\.png/],
  [['--duration', '10'], /--duration between 100ms and 10m, found 10/],
  [['--duration', '3h'], /found 3h/],
  [['--hz', '0'], /--hz with a whole number between 1 and 10000, found 0/],
  [['--hz', '9.5'], /found 9\.5/],
  [['--pid', '4194305'], /--pid of a process that runs, found 4194305/],
  [['--pid', 'self'], /found self/],
  [
    ['--unit', 'no-such.service'],
    /--unit with the whole name of a systemd unit that runs.*found no-such\.service/,
  ],
  [['--pid', '../1'], /found \.\.\/1/],
];
for (const [argv, found] of refusals) {
  test(`profile ${argv.join(' ')} is refused`, async () => {
    await assert.rejects(run(...argv), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'USAGE');
      assert.match(error.message, found);
      return true;
    });
  });
}

test('a process that has ended and is not waited for is refused with what it is', async () => {
  using procfs = tempDirectory();
  mkdirSync(join(procfs.path, '17'));
  writeFileSync(join(procfs.path, '17/stat'), '17 (a) b) Z 1 17 17');
  await assert.rejects(run('--pid', '17', '--path.procfs', procfs.path), {
    code: 'USAGE',
    message: /--pid of a process that runs, found 17, which has ended and waits for its parent/,
  });
});

test('a file that cannot be written is refused before time is spent', async () => {
  await assert.rejects(run('-o', '/nonexistent/flame.html'), {
    code: 'DIRECTORY_NOT_WRITABLE',
    message: /to write \/nonexistent\/flame\.html, found ENOENT/,
  });
});

test('subjects and kinds exclude each other', () => {
  for (const argv of [
    ['--pid', '1', '--container', 'web'],
    ['--host', '--pid', '1'],
    ['--unit', 'cron.service', '--container', 'web'],
    ['--pid', '1', '--unit', 'cron.service'],
    ['--off-cpu', '--alloc'],
    ['--block', '--off-cpu'],
  ]) {
    assert.throws(() => parseCommandLine(['profile', ...argv], CATALOG), { code: 'USAGE' }, argv.join(' '));
  }
});
