import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { buildDirectory } from '../../src/build/collectors.ts';
import { at } from '../../src/paths.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryDirectory } from './compiled.ts';

/** A directory of collectors: one with an event, one with metrics only. */
function twoCollectors(): ReturnType<typeof temporaryDirectory> {
  const directory = temporaryDirectory();
  for (const name of ['sample', 'metric_only']) {
    copyFileSync(at(`test/fixtures/bpf/${name}.bpf.c`), join(directory.path, `${name}.bpf.c`));
  }
  return directory;
}

test('object, manifest and decoder lie side by side, and only what changed is built again', async () => {
  using sources = twoCollectors();
  using out = temporaryDirectory();
  const first = await buildDirectory(sources.path, out.path);
  assert.deepEqual(first.failures, []);
  assert.deepEqual(first.rebuilt, ['metric_only', 'sample']);
  const made = ['metric_only.bpf.o', 'metric_only.json', 'sample.bpf.o', 'sample.json', 'sample.wasm'];
  assert.deepEqual(
    readdirSync(out.path).filter((name) => !name.startsWith('.')),
    made,
  );

  const second = await buildDirectory(sources.path, out.path);
  assert.deepEqual(second.rebuilt, []);
  assert.deepEqual(second.manifests, first.manifests);

  appendFileSync(join(sources.path, 'metric_only.bpf.c'), '\n');
  assert.deepEqual((await buildDirectory(sources.path, out.path)).rebuilt, ['metric_only']);

  writeFileSync(join(out.path, 'metric_only.json'), 'damaged');
  assert.deepEqual((await buildDirectory(sources.path, out.path)).rebuilt, ['metric_only']);

  writeFileSync(join(out.path, '.build-stamps.json'), 'damaged');
  assert.deepEqual((await buildDirectory(sources.path, out.path)).rebuilt, ['metric_only', 'sample']);
});

test('a broken collector costs only itself', async () => {
  using sources = twoCollectors();
  using out = temporaryDirectory();
  copyFileSync(at('test/fixtures/bpf-invalid/pointer.bpf.c'), join(sources.path, 'broken.bpf.c'));
  const outcome = await buildDirectory(sources.path, out.path);
  assert.deepEqual(outcome.rebuilt, ['metric_only', 'sample']);
  assert.equal(outcome.failures.length, 1);
  assert.match(
    outcome.failures[0]?.message ?? '',
    /broken\.bpf\.c: struct invalid_event, field socket: a pointer/,
  );
  assert.equal(existsSync(join(out.path, 'broken.json')), false);
});

test('nothing is left in the checkout after a build of another directory', async () => {
  using sources = temporaryDirectory();
  using out = temporaryDirectory();
  const inCheckout = (): string[] => readdirSync(at('wasm')).filter((name) => name.startsWith('.decoders-'));
  const before = inCheckout();
  const building = buildDirectory(sources.path, out.path);
  const made = inCheckout().filter((name) => !before.includes(name));
  assert.ok(made.length > 0);
  await building;
  // Another test's build may have begun at the same moment.
  await eventually('them to be gone', () => !inCheckout().some((name) => made.includes(name)));
});
