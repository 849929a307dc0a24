import assert from 'node:assert/strict';
import test from 'node:test';
import { decoderSource } from '../../src/build/decoder-source.ts';
import { eventTypeSource } from '../../src/build/event-type.ts';
import { mappingSource } from '../../src/build/mapping.ts';
import { referenceSource } from '../../src/build/reference.ts';
import { HuatuoError } from '../../src/error.ts';
import { at } from '../../src/paths.ts';
import { describeLayout } from '../../src/schema/layout.ts';
import type { EventLayout } from '../../src/schema/manifest.ts';
import { objectLayout, readManifest } from '../../src/schema/read-manifest.ts';
import { compiled, manifestOf } from '../build/compiled.ts';
import { assertGolden } from '../build/golden.ts';

const SAMPLE = at('test/fixtures/bpf/sample.bpf.c');
const object = await compiled(SAMPLE);
const manifest = await manifestOf(SAMPLE);
const event = manifest.event as EventLayout;

test('the manifest of a program with every type, tag and kind of map', () => {
  assertGolden(at('test/fixtures/bpf/sample.manifest.golden'), `${JSON.stringify(manifest, null, 2)}\n`);
});

test('the TypeScript type made from it', () => {
  const binding = eventTypeSource(manifest, '../../../src/sdk/binding.ts');
  assertGolden(at('test/fixtures/bpf/sample.golden.ts'), binding);
});

test('the Elasticsearch mapping made from it', () => {
  assertGolden(at('test/fixtures/bpf/sample.mapping.json'), mappingSource('sample', event));
});

test('the reference made from it', () => {
  assertGolden(at('test/fixtures/bpf/sample.reference.md'), referenceSource([manifest]));
});

test('several structs in one ring, with fields that are printed by name, and tails', async () => {
  const several = await manifestOf(at('test/fixtures/bpf/several.bpf.c'));
  const { event: first } = several;
  assert.ok(first);
  assertGolden(
    at('test/fixtures/bpf/several.golden.ts'),
    eventTypeSource(several, '../../../src/sdk/binding.ts'),
  );
  assertGolden(at('test/fixtures/bpf/several.mapping.json'), mappingSource('several', first));
  assertGolden(at('test/fixtures/bpf/several.reference.md'), referenceSource([several]));
  assertGolden(at('test/fixtures/bpf/several.layout.txt'), describeLayout(first));
  assertGolden(at('test/fixtures/bpf/several.as'), decoderSource('several', first));
});

test('a map of counted stacks', async () => {
  const stacks = await manifestOf(at('test/fixtures/collectors/contract/sampled_stacks.bpf.c'));
  assert.deepEqual(
    stacks.maps.filter((map) => map.stacks).map(({ name }) => name),
    ['stacks'],
  );
  assertGolden(
    at('test/fixtures/bpf/sampled_stacks.golden.ts'),
    eventTypeSource(stacks, '../../../src/sdk/binding.ts'),
  );
});

test('the layout as it is printed when an object is refused', () => {
  assertGolden(at('test/fixtures/bpf/sample.layout.txt'), describeLayout(event));
});

test('the agent reads the same layout from the object as the build wrote', () => {
  const { struct, bytes, fields, hash } = event;
  assert.deepEqual(objectLayout(object, 'sample.bpf.o'), { struct, bytes, fields, hash });
});

test('an object without events has no layout, and says what it is for', async () => {
  const source = at('test/fixtures/bpf/metric_only.bpf.c');
  assert.equal(objectLayout(await compiled(source), 'metric_only.bpf.o'), undefined);
  const { event: none, doc } = await manifestOf(source);
  assert.equal(none, undefined);
  assert.equal(doc, 'Counts nothing, and says so');
});

for (const name of [
  'bad_severity',
  'bare_integer',
  'duration_without_unit',
  'field_without_doc',
  'no_time',
]) {
  test(`the agent reads the layout of an object that breaks a rule of style: ${name}`, async () => {
    const built = await compiled(at(`test/fixtures/bpf-invalid/${name}.bpf.c`));
    assert.equal(objectLayout(built, `${name}.bpf.o`)?.struct, 'invalid_event');
  });
}

test('an object that no decoder can read is refused for good, with the remedy', async () => {
  const built = await compiled(at('test/fixtures/bpf-invalid/union_member.bpf.c'));
  assert.throws(
    () => objectLayout(built, 'old.bpf.o'),
    (error) =>
      error instanceof HuatuoError &&
      error.permanent &&
      /old\.bpf\.o.*a union.*build again/s.test(error.message),
  );
});

test('default values are read from the object, not from the source', () => {
  const values = Object.fromEntries(manifest.options.map((option) => [option.key, option.defaultValue]));
  assert.deepEqual(values, {
    threshold: 10_000_000,
    limit: 3 << 20,
    max_events_per_second_per_cpu: 100,
    verbose: 1,
  });
});

test('an object that is no ELF file is refused with its size', () => {
  assert.throws(
    () => readManifest(new Uint8Array(10), 'sample', 'sample.bpf.c'),
    (error) =>
      error instanceof HuatuoError && error.code === 'OBJECT_UNREADABLE' && /10 bytes/.test(error.message),
  );
});
