import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { holdSignals } from '../../src/cli/early-signals.ts';

const MODULE = new URL('../../src/cli/early-signals.js', import.meta.url).href;

test('a signal that came early reaches the listener that comes later, once', async () => {
  const held = holdSignals();
  process.kill(process.pid, 'SIGHUP');
  process.kill(process.pid, 'SIGHUP');
  await sleep(50);
  let times = 0;
  const count = (): void => void times++;
  process.on('SIGHUP', count);
  const came = once(process, 'SIGHUP');
  held.release();
  await came;
  await sleep(50);
  process.off('SIGHUP', count);
  assert.equal(times, 1);
});

test('without a listener the signal ends the process, as if it had not been held', () => {
  for (const name of ['SIGHUP', 'SIGINT', 'SIGTERM']) {
    const script = `
      import { holdSignals } from '${MODULE}';
      const held = holdSignals();
      process.kill(process.pid, '${name}');
      setTimeout(() => { console.log('alive'); held.release(); }, 50);
      setTimeout(() => {}, 10_000);`;
    const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    assert.deepEqual([signal, stdout], [name, 'alive\n']);
  }
});
