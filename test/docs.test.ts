/** What the documents point at is there. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { at } from '../src/paths.ts';

const PATH = /`((?:src|test|workers|wasm|bpf)\/[\w./-]+\.\w+)`/g;
const TRIP = /^\*\*.*\*\* \((\d+)\):([\s\S]*?)\n\n/gm;

const pathsIn = (text: string): string[] => [...text.matchAll(PATH)].map(([, path = '']) => path);

for (const name of ['README.md', 'ARCHITECTURE.md']) {
  test(`${name} names files that exist`, () => {
    const missing = pathsIn(readFileSync(at(name), 'utf8')).filter((path) => !existsSync(at(path)));
    assert.deepEqual(missing, []);
  });
}

test('a trip has as many files as it says', () => {
  const trips = [...readFileSync(at('ARCHITECTURE.md'), 'utf8').matchAll(TRIP)];
  assert.equal(trips.length, 5);
  for (const [, said, text = ''] of trips) assert.equal(new Set(pathsIn(text)).size, Number(said), text);
});

const PROMISE = /^\| (?<promise>[^|]+) \| (?<tests>[^|]+) \| (?<figure>[^|]*) \|$/gm;
const LINK = /\[(?<title>[^\]]+)\]\(\.\.\/(?<path>test\/[\w./-]+\.test\.ts)\)/g;
const TITLE = /\b(?:test|it)\(\s*(?<quote>['"`])(?<title>(?:\\.|(?!\k<quote>)[^\\])*)\k<quote>/gs;

/** Whether a file has a test of this title; what a title takes from a table in the file may be any text. */
function hasTest(path: string, title: string): boolean {
  return [...readFileSync(at(path), 'utf8').matchAll(TITLE)].some(({ groups }) => {
    const parts = (groups?.title ?? '').replaceAll(/\\(.)/gs, '$1').split(/\$\{[^}]*\}/);
    // A title that is nothing but a name out of a table is looked for in the file.
    if (parts.every((part) => part.trim() === '')) return readFileSync(at(path), 'utf8').includes(title);
    return new RegExp(
      `^${parts.map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('.+')}$`,
      's',
    ).test(title);
  });
}

test('each promise is tested, by tests that exist', () => {
  const text = readFileSync(at('docs/promises.md'), 'utf8');
  const rows = [...text.matchAll(PROMISE)].filter(
    ({ groups }) => !/^(promise|---)/.test(groups?.promise ?? ''),
  );
  assert.ok(rows.length > 40, String(rows.length));
  for (const { groups: { promise = '', tests = '' } = {} } of rows) {
    const named = [...tests.matchAll(LINK)].map(({ groups: { path = '', title = '' } = {} }) => ({
      path,
      title,
    }));
    assert.ok(named.length > 0, `${promise}: no test`);
    const missing = named.filter(({ path, title }) => !existsSync(at(path)) || !hasTest(path, title));
    assert.deepEqual(missing, [], promise);
  }
});
