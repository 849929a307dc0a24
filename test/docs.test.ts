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
