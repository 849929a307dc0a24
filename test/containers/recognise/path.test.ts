import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Recognised, recognise } from '../../../src/containers/recognise/path.ts';

const A = 'a1'.repeat(32);
const U = '1f3a1c52-0000-4000-8000-00000000beef';

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  '{A}': A,
  '{AU}': A.toUpperCase(),
  '{B}': 'b2'.repeat(32),
  '{C}': 'c3'.repeat(32),
  '{S}': '5e'.repeat(16),
  '{T}': '4d'.repeat(16),
  '{U}': U,
  '{U_}': U.replaceAll('-', '_'),
};

interface Form {
  readonly form: string;
  readonly path: string;
  readonly expected: Recognised | undefined;
}

const FORMS = readFileSync(new URL('../../../../test/fixtures/cgroup-paths.tsv', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(2)
  .map(parseForm);

function parseForm(line: string): Form {
  const cells = line.replace(/\{\w+\}/g, (name) => PLACEHOLDERS[name] ?? assert.fail(name)).split('\t');
  const [form = '', marked = '', runtime = '', id = '', qos = '', podUid = '', outer = ''] = cells;
  assert.equal(cells.length, 7, line);
  const path = marked.replace('|', '');
  const [own = ''] = marked.split('|');
  if (runtime === 'none') return { form, path, expected: undefined };
  if (runtime === 'unit') {
    const [name = '', userUnit] = id.split(' ');
    return { form, path, expected: { kind: 'unit', name, ...(userUnit && { userUnit }), path: own } };
  }
  const expected = {
    kind: 'container',
    id,
    runtime,
    qos: qos === '-' ? 'unknown' : qos,
    ...(podUid !== '-' && { podUid }),
    path: own,
    ...(outer !== '-' && { outer }),
  } as Recognised;
  return { form, path, expected };
}

for (const { form, path, expected } of FORMS)
  test(`${form}: ${path}`, () => assert.deepEqual(recognise(path), expected));

test('what is below a container or a unit belongs to it', () => {
  for (const { form, path, expected } of FORMS)
    if (expected && path === expected.path) assert.deepEqual(recognise(`${path}/below/it`), expected, form);
});

test('the own cgroup of a container or unit is recognised as itself', () => {
  for (const { form, expected: whole } of FORMS)
    if (whole && whole.path !== '') {
      const { userUnit: _, ...expected } = { userUnit: undefined, ...whole };
      const own = recognise(expected.path);
      // nspawn's unit is the container's when nspawn itself is left out.
      if (form !== 'nspawn itself') assert.deepEqual(own, expected, form);
    }
});

test('a path of more than 4096 characters is nobody', () => {
  const own = `/docker/${A}`;
  assert.equal(recognise(`${own}/${'x'.repeat(4095 - own.length)}`)?.path, own);
  assert.equal(recognise(`${own}/${'x'.repeat(4096 - own.length)}`), undefined);
});

test('an id between control bytes is no id', () => {
  for (const name of [`docker-${A}.scope\n`, `\n${A}`, `${A}\n`, `docker-${A}\0`, `docker\n-${A}`])
    assert.equal(recognise(`/docker/${name}`), undefined, JSON.stringify(name));
});

/** Parts of every known form, and what parsers stumble over. */
const piece = fc.oneof(
  fc.constantFrom(...new Set(FORMS.flatMap(({ path }) => path.split('/')))),
  fc.constantFrom(
    '',
    '.',
    '..',
    '\\x',
    '\\x2d',
    'pod',
    'kubepods',
    '-kubepods',
    ':',
    '\n',
    '\0',
    '\ufffd',
    '.slice',
  ),
  fc.string({ unit: 'binary', maxLength: 80 }),
);
const component = fc.array(piece, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''));
const hostilePath = fc
  .array(fc.oneof(piece, component), { maxLength: 24 })
  .map((parts) => `/${parts.join('/')}`);

test('any path has an answer, and what is found lies on the path', () => {
  fc.assert(
    fc.property(hostilePath, (path) => {
      const found = recognise(path);
      if (!found) return;
      assert.ok(path.startsWith(found.path));
      assert.ok([undefined, '/', ' '].includes(path[found.path.length]), 'cut between two directories');
      if (found.kind === 'unit') assert.ok(/\/_?([^/]+)$/.exec(found.path)?.[1]?.endsWith(found.name));
      else {
        assert.match(found.id, /^[\w.+-]{1,128}$/);
        assert.match(found.podUid ?? U, /^[\w-]+$/);
        assert.notEqual(found.outer, found.id);
      }
    }),
    { numRuns: 5_000 },
  );
});

test('repetition up to 4096 characters costs no more than its length', () => {
  const seeds = [
    '/',
    '-kubepods',
    '/kubepods',
    '-kubepods-pod',
    'kubepods-pod_',
    '\\x2d',
    '/lxc',
    `/${A}`,
    'a',
    ':',
  ];
  for (const prefix of [
    '/',
    '/machine.slice/machine-',
    '/systemd-nspawn@',
    '/lxc.payload.',
    '/kubepods/pod',
    '/runc-',
  ])
    for (const seed of seeds)
      for (const suffix of ['', '.slice', '.slice:', '.scope', '.service', '/x', '!']) {
        const room = 4096 - prefix.length - suffix.length;
        const path = prefix + seed.repeat(Math.floor(room / seed.length)) + suffix;
        // A quadratic step on one of these would make the loop take minutes, which the runner's timeout ends.
        for (let times = 0; times < 20; times++) recognise(path);
      }
});
