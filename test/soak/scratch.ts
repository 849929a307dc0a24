/** A directory of a scenario's own, gone when it ends. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Scratch extends Disposable {
  /** Mode 0700. */
  readonly path: string;
}

export function scratchDirectory(): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'huatuo-soak-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
