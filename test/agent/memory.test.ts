import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { type Candidate, MemoryGuard } from '../../src/agent/memory.ts';
import type { HuatuoError } from '../../src/error.ts';
import type { Log } from '../../src/sdk/context.ts';

const LIMIT_BYTES = 512 << 20;
const MIB = 1 << 20;

class Threads {
  readonly ended: string[] = [];
  readonly warnings: string[] = [];
  readonly guard: MemoryGuard;
  readonly candidates: Candidate[];

  constructor(grown_mib: Readonly<Record<string, number>>) {
    const warn: Log['warn'] = (message) => this.warnings.push(message);
    this.guard = new MemoryGuard({ debug() {}, info() {}, warn, error() {} });
    this.candidates = Object.entries(grown_mib).map(([name, grown]) => ({
      name,
      grown_bytes: grown * MIB,
      end: ({ code, message }: HuatuoError) =>
        this.ended.push(`${code} ${/\w+ has grown most/.exec(message)?.[0]}`),
    }));
  }

  check(rss_bytes: number, now_ms: number): boolean {
    return this.guard.check(rss_bytes, LIMIT_BYTES, now_ms, this.candidates);
  }
}

describe('the cap on memory', () => {
  test('replaces the thread that has grown most, once in a while', () => {
    const threads = new Threads({ oom: 1, containers: 300, softirq: 20 });
    assert.ok(threads.check(LIMIT_BYTES + 1, 0));
    assert.ok(!threads.check(LIMIT_BYTES + 1, 29_999));
    assert.deepEqual(threads.ended, ['MEMORY_LIMIT containers has grown most']);
    assert.ok(threads.check(LIMIT_BYTES + 1, 30_000));
  });

  test('replaces none within the limit, and none where none has grown', () => {
    const threads = new Threads({ oom: 1, softirq: 7 });
    assert.ok(!threads.check(LIMIT_BYTES, 0));
    assert.deepEqual(threads.warnings, []);
    assert.ok(!threads.check(LIMIT_BYTES + 1, 0));
    assert.deepEqual([threads.ended, threads.warnings.length], [[], 1]);
  });
});

test('a process that has no file left does not know its memory, and goes on', () => {
  const module = new URL('../../src/agent/memory.js', import.meta.url).href;
  const script = `const { residentBytes } = await import(${JSON.stringify(module)});
    const { openSync } = await import('node:fs');
    const first = residentBytes() > 0;
    try { for (;;) openSync('/dev/null'); } catch ({ code }) { process.exitCode = code === 'EMFILE' ? 0 : 1; }
    if (!first || residentBytes() !== undefined) process.exitCode = 2;`;
  const argv = ['--nofile=64', process.execPath, '--expose-gc', '--input-type=module', '-e', script];
  assert.equal(spawnSync('prlimit', argv, { stdio: ['ignore', 'ignore', 'inherit'] }).status, 0);
});
