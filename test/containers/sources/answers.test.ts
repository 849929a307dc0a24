import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { checkedList, parseJson } from '../../../src/containers/sources/answers.ts';
import { eachBounded } from '../../../src/containers/sources/bounded.ts';
import { known, processStart, utcTime } from '../../../src/containers/sources/facts.ts';
import { specPaths, statePaths, statusPaths } from '../../../src/containers/sources/oci-cgroups.ts';
import { MAX_DETAILS } from '../../../src/containers/sources/source.ts';

const SHAPE = z.object({ id: z.string() });

test('of more than 10,000 containers the rest is cut and counted', () => {
  const answer = Array.from({ length: MAX_DETAILS + 3 }, (_, at) => ({
    id: at === 0 ? 0 : `c${at}`,
    env: 'secret',
  }));
  const { entries, leftOut } = checkedList('engine', answer, SHAPE);
  assert.equal(entries.length, MAX_DETAILS - 1);
  assert.deepEqual(entries[0], { id: 'c1' });
  assert.deepEqual(leftOut, { malformed: 1, overLimit: 3 });
});

test('after a failure nothing more is begun, and what is under way is waited for', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const visits = eachBounded([0, 1, 2, 3, 4, 5], 2, async (item) => {
    begun.push(item);
    if (item === 1) throw new Error('one failed');
    await new Promise((resolve) => setTimeout(resolve, 5));
    ended.push(item);
  });
  await assert.rejects(visits, /one failed/);
  assert.deepEqual(begun, [0, 1]);
  assert.deepEqual(ended, [0]);
});

test('the results are in the order of the items', async () => {
  const results = await eachBounded([30, 1, 10], 3, async (ms) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return ms;
  });
  assert.deepEqual(results, [30, 1, 10]);
  assert.deepEqual(await eachBounded([], 3, async () => 1), []);
});

test("times become UTC; Go's zero time and other text are no time", () => {
  assert.equal(utcTime('2023-11-14T22:13:21.123456789Z'), '2023-11-14T22:13:21.123456789Z');
  assert.equal(utcTime('2023-11-14T23:13:21.5+01:00'), '2023-11-14T22:13:21.500Z');
  for (const text of ['0001-01-01T00:00:00Z', '', '1', 'yesterday', '2023-13-45T99:00:00Z', null, undefined])
    assert.equal(utcTime(text), undefined);
});

test('what is not known is left out', () => {
  assert.deepEqual(known({ id: 'a', name: '', image: undefined, labels: {} }), { id: 'a', labels: {} });
});

test('this process started once, and a process that is not there never', () => {
  const start = processStart('/proc', process.pid);
  assert.ok(start !== undefined && start > 0);
  assert.equal(processStart('/proc', process.pid), start);
  assert.equal(processStart('/proc', 2 ** 30), undefined);
});

test('a path for systemd is expanded as systemd does, and kept as a runtime without systemd takes it', () => {
  for (const [asked, ...paths] of [
    ['system.slice:runc:web', '/system.slice/runc-web.scope', '/system.slice:runc:web'],
    [':libpod:a', '/system.slice/libpod-a.scope', '/:libpod:a'],
    ['a-b.slice::c', '/a.slice/a-b.slice/c.scope', '/a-b.slice::c'],
    ['-.slice:x:y', '/x-y.scope', '/-.slice:x:y'],
    ['a.slice::b.slice', '/a.slice/b.slice', '/a.slice::b.slice'],
    ['/default/redis', '/default/redis'],
    ['web', '/web'],
    ['/kubepods/pod1/c:1', '/kubepods/pod1/c:1'],
    ['/'],
    ['/../x'],
  ] as const)
    assert.deepEqual(specPaths(asked), paths, asked);
});

test('whatever the files say, a cgroup path is absolute and below the root', () => {
  const odd = fc.oneof(fc.string(), fc.stringMatching(/^[/.:a-]{0,12}$/));
  const below = fc.dictionary(
    fc.constantFrom('', 'memory', 'cpu'),
    odd.map((path) => `/sys/fs/cgroup/${path}`),
  );
  fc.assert(
    fc.property(odd, below, (path, byController) => {
      for (const found of [...specPaths(path), ...statusPaths(path), ...statePaths(byController)]) {
        assert.match(found, /^\/./s);
        assert.ok(!found.split('/').includes('..'));
        assert.ok(!/^\/+$/.test(found), found);
      }
    }),
  );
});

test('JSON that is deeper or has more values than any engine says is refused before a value is made of it', () => {
  const deep = Buffer.from(`${'['.repeat(65)}${']'.repeat(65)}`);
  assert.throws(() => parseJson(deep), /JSON of more than 64 levels/);
  const wide = Buffer.from(`[${'[],'.repeat(1_100_000)}[]]`);
  assert.throws(() => parseJson(wide), /JSON of more than 2000000 values/);
});

test('brackets and commas within strings count for nothing', () => {
  const text = JSON.stringify({ a: '['.repeat(100), '\\"[{,': ['\\', '\\\\"', '[]'] });
  assert.deepEqual(parseJson(Buffer.from(text)), JSON.parse(text));
});

test('whatever JSON.parse takes is taken, as long as it is within the bounds', () => {
  const json = fc.oneof(fc.json({ maxDepth: 8 }), fc.string({ unit: 'binary' }));
  const parsed = (parse: () => unknown): unknown => {
    try {
      return parse();
    } catch (error) {
      return (error as Error).name;
    }
  };
  fc.assert(
    fc.property(json, (text) => {
      const bytes = Buffer.from(text);
      const expected = parsed(() => JSON.parse(bytes.toString()));
      assert.deepEqual(
        parsed(() => parseJson(bytes)),
        expected,
      );
    }),
  );
});
