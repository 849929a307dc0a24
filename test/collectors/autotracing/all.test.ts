/** What holds of every autotracer, whatever it looks at. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { at } from '../../../src/paths.ts';
import { PACE } from '../../../src/sdk/autotracing.ts';
import type { AnyAutotracer } from '../../../src/sdk/collector.ts';
import type { OptionSpec } from '../../../src/sdk/options.ts';

const DIRECTORY = 'dist/src/collectors/autotracing';
const names = readdirSync(at(DIRECTORY))
  .filter((file) => file.endsWith('.description.json'))
  .map((file) => file.replace('.description.json', ''));

/** Whose only subject is the host. */
const OF_HOST = ['cpusys'];

assert.ok(names.length >= 6);
for (const name of names) {
  const module = (await import(at(`${DIRECTORY}/${name}.js`))) as {
    readonly default: AnyAutotracer & { readonly options: Readonly<Record<string, OptionSpec>> };
  };
  const { options, document = {} } = module.default;

  test(`${name}: pace, budgets of captures and of their CPU time, and a mark of documents that lack something`, () => {
    for (const key of Object.keys(PACE)) assert.ok(Object.hasOwn(options, key), key);
    assert.ok(Object.hasOwn(document, 'partial'));
  });

  test(`${name}: what it looks at can be included and excluded`, () => {
    if (OF_HOST.includes(name)) return;
    for (const key of ['include', 'exclude']) assert.ok(Object.hasOwn(options, key), key);
  });

  test(`${name}: a look of its captures must fit into their deadline`, () => {
    const { profile } = options;
    if (profile?.type === 'duration') assert.deepEqual(profile.within, { key: 'deadline', share: 0.75 });
  });
}
