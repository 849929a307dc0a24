/** What a worker loads, it pays for at each of its lives. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Compiled: types are gone, every import is real. */
const WORKERS = fileURLToPath(new URL('../../workers/', import.meta.url));
const IMPORT = /(?:\bfrom|\bimport\(|^import)\s*['"]([^'"]+)['"]/gm;

/** @returns path of imports from a file to a package, or undefined when it does not reach it */
function pathTo(name: string, file: string, seen = new Set<string>()): string[] | undefined {
  if (seen.has(file) || !existsSync(file)) return undefined;
  seen.add(file);
  for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    if (target === name) return [file, target];
    const further = target.startsWith('.') ? pathTo(name, join(file, '..', target), seen) : undefined;
    if (further) return [file, ...further];
  }
  return undefined;
}

const entries = readdirSync(WORKERS).filter((name) => name.endsWith('.js'));
const main = fileURLToPath(new URL('../../src/actor/supervisor.js', import.meta.url));

test('the walk finds what the main thread imports', () => {
  assert.equal(pathTo('koffi', main)?.at(-1), 'koffi');
});

for (const entry of entries) {
  test(`${entry} makes no foreign calls: koffi keeps what it allocates for a thread`, () => {
    assert.equal(pathTo('koffi', join(WORKERS, entry)), undefined);
  });
}
