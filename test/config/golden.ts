/** Golden files: UPDATE_GOLDEN=1 writes them, every other run compares. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

export function matchesGolden(path: string, actual: string): void {
  if (process.env.UPDATE_GOLDEN) writeFileSync(path, actual);
  assert.equal(actual, readFileSync(path, 'utf8'), `differs from ${path}; if that is meant: UPDATE_GOLDEN=1`);
}
