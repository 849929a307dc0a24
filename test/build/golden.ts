import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { readIfThere } from '../../src/build/files.ts';

/** Compares with a committed file; `UPDATE_GOLDEN=1` writes it instead. */
export function assertGolden(path: string, text: string): void {
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, text);
  assert.equal(readIfThere(path), text, `${path} differs; UPDATE_GOLDEN=1 accepts the new text`);
}
