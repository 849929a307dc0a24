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

const NATIVE = fileURLToPath(new URL('../../src/native/', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/agent/run.js', import.meta.url));

test('the walk finds what the main thread imports, and koffi only behind src/native', () => {
  const path = pathTo('koffi', MAIN);
  assert.equal(path?.at(-1), 'koffi');
  assert.ok(path?.at(-2)?.startsWith(NATIVE), String(path));
});

for (const entry of readdirSync(WORKERS).filter((name) => name.endsWith('.js'))) {
  test(`${entry} makes no foreign calls: koffi frees nothing of what it makes for a thread`, () => {
    assert.equal(pathTo('koffi', join(WORKERS, entry)), undefined);
  });
}
