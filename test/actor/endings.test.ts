import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { reviveError } from '../../src/actor/endings.ts';

test('a thread that finds no addresses is told from one whose heap is full', () => {
  const full = Object.assign(new Error('JS heap out of memory'), { code: 'ERR_WORKER_OUT_OF_MEMORY' });
  assert.match(reviveError(full).remedy, /^it is restarted/);
  const module = new URL('../../src/actor/endings.js', import.meta.url).href;
  const script = `const { reviveError } = await import(${JSON.stringify(module)});
    const full = Object.assign(new Error('heap'), { code: 'ERR_WORKER_OUT_OF_MEMORY' });
    process.stdout.write(reviveError(full).remedy);`;
  const argv = ['--as=64000000000', process.execPath, '--input-type=module', '-e', script];
  assert.match(execFileSync('prlimit', argv, { encoding: 'utf8' }), /ulimit -v, or LimitAS=/);
});
