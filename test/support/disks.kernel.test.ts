/** What a test leaves behind that is killed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { skipWithoutPrograms } from './container-programs.ts';
import { eventually } from './eventually.ts';
import { skipWithoutRoot } from './kernel.ts';

test('a loop device goes with the process that has made it', {
  skip: skipWithoutRoot() || skipWithoutPrograms('losetup'),
}, async () => {
  const { href } = new URL('disks.js', import.meta.url);
  const code = `const { LoopDevice } = await import('${href}');
    globalThis.disk = new LoopDevice(1 << 20);
    process.stdout.write(disk.name);
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [name] = (await once(child.stdout, 'data')) as [Buffer];
  const backing = `/sys/block/${name}/loop/backing_file`;
  assert.ok(existsSync(backing));
  child.kill('SIGKILL');
  await eventually('the device to be free', () => !existsSync(backing));
});
