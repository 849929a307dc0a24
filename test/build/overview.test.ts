/** The tables of collectors, and that each of ours has its row in them. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { costOf } from '../../src/build/costs.ts';
import { filesIn } from '../../src/build/files.ts';
import { collectorSources, missingIn, overviewTable, withSummary } from '../../src/build/overview.ts';
import { ContentsReader } from '../../src/catalog/contents.ts';
import { describeModule } from '../../src/catalog/describe-module.ts';
import type { CollectorDescription } from '../../src/catalog/description.ts';
import { loadCatalog } from '../../src/catalog/load-catalog.ts';
import { at } from '../../src/paths.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { manifestOf } from './compiled.ts';

const manifests = await Promise.all(filesIn(at('bpf'), '.bpf.c').map(manifestOf));
const { entries } = await loadCatalog({ builtinRoot: at('dist'), extraDirectories: [] });
const descriptions = new Map<string, CollectorDescription>();
for (const { name, modulePath } of entries)
  if (modulePath) descriptions.set(name, await describeModule(modulePath, new ContentsReader()));

for (const sources of collectorSources(manifests, descriptions)) {
  test(`${sources.name} says what it answers, what kernel it needs and where it may be wrong`, () => {
    const missing = missingIn(sources);
    assert.deepEqual(
      missing,
      [],
      `${sources.name} lacks ${missing}: see bpf/include/huatuo.h, src/sdk/about.ts`,
    );
  });
}

const about = { question: 'Which | one?', kernel: '5.8', falsePositives: 'None' };
const description: CollectorDescription = { kind: 'metric', doc: 'Shows it.', hooks: { update: 'function' } };
const manifest: ObjectManifest = {
  collector: 'probed',
  doc: 'It happened',
  about,
  options: [],
  maps: [],
  attachPoints: [
    { program: 'seen', section: 'tp_btf/seen', optional: false },
    { program: 'never', section: 'tp_btf/never', optional: true },
  ],
};
const costs = { host: 'a host', programs: { probed: { seen: 120 } }, looks: { files: 1.5 } };

test('a row has its probes from the object and its price from the measurement', () => {
  const table = overviewTable(
    collectorSources(
      [manifest],
      new Map([['files', { ...description, about: { ...about, reads: '/proc/x' } }]]),
    ),
    costs,
  );
  const cells = table.split('\n').map((line) => line.split(/(?<!\\)\|/).map((text) => text.trim()));
  assert.deepEqual(cells[2]?.slice(1, -1), [
    '[`files`](#files)',
    'metric',
    'Which \\| one?',
    '/proc/x',
    '5.8',
    'None',
    '1.5 ms a look',
  ]);
  assert.deepEqual(cells[3]?.slice(4, -1), ['`tp_btf/seen`, `tp_btf/never`', '5.8', 'None', '`seen` 120 ns']);
});

test('what was not measured has no number', () => {
  assert.equal(costOf('probed', manifest.attachPoints, undefined), 'not measured');
  assert.equal(costOf('other', manifest.attachPoints, costs), 'not measured');
});

test('a collector without an object must say where it looks, one without a row all of it', () => {
  const missing = (described: CollectorDescription): string[] =>
    missingIn({ name: 'files', description: described });
  assert.deepEqual(missing({ ...description, about }), ['reads']);
  assert.deepEqual(missing({ ...description, about: { ...about, kernel: ' ', reads: '/proc/x' } }), [
    'kernel',
  ]);
  assert.deepEqual(missing(description), ['about']);
});

test('the table of a page is replaced, the rest of the page is not', () => {
  const page = 'before\n<!-- collectors: made -->\n\n| old |\n\n<!-- /collectors -->\nafter\n';
  const off = new Map([['probed', { ...description, kind: 'event' as const, enabledByDefault: false }]]);
  const made = withSummary(page, collectorSources([manifest], off));
  assert.match(made, /^before\n<!-- collectors: made -->\n\n\| collector/);
  assert.match(
    made,
    /\| `probed` +\| event \| \(off by default\) Which \\\| one\? +\|\n\n<!-- \/collectors -->\nafter\n$/,
  );
});
