/**
 * A test file whose tests run in a network namespace of their own, with nothing in it but `lo`: the file is run again there.
 * What its tests make of devices goes with the namespace.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { skipWithoutRoot } from './kernel.ts';

const MARK = 'HUATUO_TEST_OWN_NETWORK';

/** @param url `import.meta.url` of the file @param declare its tests */
export function inOwnNetwork(url: string, declare: () => void): void {
  if (process.env[MARK] === '1') {
    declare();
    return;
  }
  const file = fileURLToPath(url);
  test(`${basename(file)} in a network namespace of its own`, { skip: skipWithoutRoot() }, async () => {
    // Without the runner's own mark, by which it is told results in a format of its own.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn('unshare', ['--net', process.execPath, '--test-reporter=spec', file], {
      env: { ...env, [MARK]: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    assert.equal(code, 0, output);
  });
}

/** ip(8), such as `ip('link set eth0 up')`. */
export function ip(command: string): void {
  execFileSync('ip', command.split(' '), { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Commands of ip(8), a line each, by one process. This thread waits. */
export function ipBatch(commands: string): void {
  execFileSync('ip', ['-batch', '-'], { input: commands, stdio: ['pipe', 'ignore', 'inherit'] });
}
