import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Abilities, templates } from '../../../src/storage/elasticsearch/templates.ts';
import { tempDirectory } from '../journal/fixture.ts';
import { config } from './fixture.ts';

const product = { name: 'elasticsearch', version: '8.19.0', major: 8, minor: 19 } as const;
const abilities: Abilities = { product, freeForm: 'flattened', retention: 'none' };

// biome-ignore lint/suspicious/noExplicitAny: bodies of templates, looked into
const body = (template: object | undefined): any => (template as { body: object }).body;

test('a tracer has a part of its own and the part that all share, and an index template of both', () => {
  const [shared, own, index] = templates(config(''), ['oom'], abilities);
  assert.deepEqual(
    [shared, own, index].map((template) => `${template?.kind} ${template?.name}`),
    ['component huatuo-document', 'component huatuo-oom', 'index logs-huatuo.oom'],
  );
  assert.deepEqual(body(index).composed_of, ['huatuo-document', 'huatuo-oom']);
  assert.deepEqual(body(index).template.aliases, { huatuo_bamai: {} });
  assert.ok(body(index).priority > 100);
  assert.equal(body(shared).template.mappings.dynamic, false);
});

test('every alias of the Elastic Common Schema points to a field that there is', () => {
  const { properties } = body(templates(config(''), [], abilities)[0]).template.mappings;
  const aliases = Object.values(properties as Record<string, { type: string; path?: string }>).filter(
    ({ type }) => type === 'alias',
  );
  assert.ok(aliases.length > 5);
  for (const { path = '' } of aliases) assert.equal(properties[path]?.type, 'keyword', path);
});

test('free-form maps are what the server has for them, in documents of ours and of others', () => {
  for (const [freeForm, expected] of [
    ['flattened', { type: 'flattened', ignore_above: 8191 }],
    ['flat_object', { type: 'flat_object' }],
    ['object', { type: 'object', enabled: false }],
  ] as const) {
    const made = templates(config(''), ['oom', 'unheard_of'], { ...abilities, freeForm });
    assert.deepEqual(body(made[0]).template.mappings.properties.container_labels, expected);
    const { tracer_data: unknown } = body(made[3]).template.mappings.properties;
    assert.deepEqual(unknown, expected);
    const { tracer_data } = body(made[1]).template.mappings.properties;
    assert.equal(tracer_data.dynamic, false);
    assert.deepEqual(tracer_data.properties.memory_snapshot.properties.host_meminfo, expected);
  }
});

test('a mapping that lies beside a collector of the user is taken, with its version', () => {
  using temp = tempDirectory();
  const tracer_data = { properties: { depth: { type: 'long' } } };
  const mapping = { _meta: { schema_version: 7 }, properties: { tracer_data } };
  writeFileSync(join(temp.path, 'mine.mapping.json'), JSON.stringify(mapping));
  const [, own] = templates(config('', { mappings: [temp.path] }), ['mine'], abilities);
  assert.deepEqual(body(own).template.mappings.properties.tracer_data, { ...tracer_data, dynamic: false });
  assert.equal((own?.version ?? 0) % 10_000, 7);
});

test('retention is a lifecycle, or a policy, or not there', () => {
  const settings = config('', { retention_days: 30 });
  const shared = (retention: Abilities['retention']) =>
    body(templates(settings, [], { ...abilities, retention })[0]).template;
  assert.deepEqual(shared('lifecycle').lifecycle, { data_retention: '30d' });
  assert.deepEqual(shared('ilm').settings, { 'index.lifecycle.name': 'huatuo' });
  assert.deepEqual([shared('none').lifecycle, shared('none').settings], [undefined, undefined]);
});
