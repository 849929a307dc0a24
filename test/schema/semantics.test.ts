import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { at } from '../../src/paths.ts';
import { formatOfPlainInteger, semanticOf, unitProblem } from '../../src/schema/semantics.ts';

test('every semantic typedef of huatuo.h has a meaning, with its size', () => {
  const header = readFileSync(at('bpf/include/huatuo.h'), 'utf8');
  const semantic = header.slice(header.indexOf('/* Semantic types'));
  const typedefs = [...semantic.matchAll(/^typedef \w+ (\w+)/gm)].map((match) => match[1] ?? '');
  assert.ok(typedefs.length > 15);
  assert.deepEqual(
    typedefs.filter((name) => semanticOf(name) === undefined),
    [],
  );
});

test('text<N>_t is text of N bytes', () => {
  assert.deepEqual(semanticOf('text24_t'), { format: 'text', bytes: 24 });
  for (const name of ['text0_t', 'text_t', 'text8', 'u64', 'toString', '__proto__'])
    assert.equal(semanticOf(name), undefined);
});

test('a unit in the name and a unit in the type must agree', () => {
  assert.equal(unitProblem('latency_ns', 'dur_ns'), undefined);
  assert.equal(unitProblem('pages', 'count'), undefined);
  assert.equal(unitProblem('dropped_total', 'count'), undefined);
  assert.equal(unitProblem('flags', 'hex'), undefined);
  assert.match(unitProblem('latency', 'dur_ns') ?? '', /_ns/);
  assert.match(unitProblem('length', 'bytes') ?? '', /_bytes/);
  assert.match(unitProblem('spages', 'count') ?? '', /what it counts/);
  assert.match(unitProblem('pid_ns', 'id') ?? '', /dur_ns/);
  assert.match(unitProblem('free_bytes', 'count') ?? '', /what it counts/);
  assert.match(unitProblem('free_bytes', 'id') ?? '', /bytes64/);
});

test('a plain integer of a map is believed when its name has a unit', () => {
  assert.equal(formatOfPlainInteger('waited_ns', false), 'dur_ns');
  assert.equal(formatOfPlainInteger('sent_bytes', false), 'bytes');
  assert.equal(formatOfPlainInteger('sent', false), 'count');
  assert.equal(formatOfPlainInteger('waited_ns', true), 'signed');
});
