import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { directoryWith } from './config/collectors.ts';

const RUN = fileURLToPath(new URL('run.js', import.meta.url));
const PASSES = "require('node:test').test('it passes', () => {});";
const FAILS = "require('node:test').test('it fails', () => { throw new Error('as it should'); });";

function runTests(files: Readonly<Record<string, string>>, ...stages: string[]) {
  using directory = directoryWith(files);
  // With it, the runner takes itself for one test of this file.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return spawnSync(process.execPath, [RUN, '--directory', directory.path, ...stages], {
    encoding: 'utf8',
    env,
  });
}

test('a unit test that fails does not hide what the kernel tests say, and the exit code tells of it', () => {
  const { status, stdout } = runTests({
    'a.test.js': FAILS,
    'a.kernel.test.js': PASSES,
    'a.server.test.js': PASSES,
  });
  assert.equal(status, 1, stdout);
  assert.match(stdout, /it fails(.|\n)*as it should(.|\n)*it passes/);
  assert.match(
    stdout,
    /^unit +pass 0, fail 1, skip 0, \d+ s\nkernel +pass 1, fail 0, .*\nserver +pass 1, fail 0, .*\ntotal +pass 2, fail 1, /m,
  );
});

test('a kernel test that fails, and a file that cannot be loaded, are failures', () => {
  assert.equal(runTests({ 'a.test.js': PASSES, 'a.kernel.test.js': FAILS }, 'unit', 'kernel').status, 1);
  const { status, stdout } = runTests(
    { 'a.test.js': 'throw new Error();', 'a.kernel.test.js': PASSES },
    'unit',
    'kernel',
  );
  assert.equal(status, 1);
  assert.match(stdout, /^unit +pass 0, fail 1, /m);
});

test('without a failure the exit code is 0; what was skipped is counted with its reason, suites too', () => {
  const skipped = `
    const { describe, test } = require('node:test');
    test('one', { skip: 'no kernel' }, () => {});
    describe('many', { skip: 'no kernel' }, () => test('another', () => {}));`;
  const { status, stdout } = runTests({ 'a.test.js': PASSES, 'a.kernel.test.js': skipped }, 'unit', 'kernel');
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^skipped in kernel: 2, no kernel$/m);
  assert.match(stdout, /^kernel +pass 0, fail 0, skip 2, /m);
});

test('the suffix alone decides the stage', () => {
  const files = { 'kernel.test.js': PASSES, 'b.kernel.test.js': FAILS };
  const { status, stdout } = runTests(files, 'unit');
  assert.equal(status, 0, stdout);
  assert.doesNotMatch(stdout, /kernel +pass/);
  assert.equal(runTests(files, 'kernel').status, 1);
});

test('a stage without a test is a failure: it was not built', () => {
  const { status, stderr } = runTests({ 'a.test.js': PASSES });
  assert.equal(status, 1);
  assert.match(stderr, /no kernel tests in .*npm run build/);
});
