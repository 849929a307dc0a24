/** A program of test/fixtures/programs, compiled for as long as a test needs it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { at } from '../../src/paths.ts';

export class CompiledProgram implements Disposable {
  /** Of the executable. */
  readonly path: string;
  readonly #directory: string;

  /** @param flags of the compiler. @throws with its words when it refuses the source, or is not there */
  constructor(name: string, ...flags: readonly string[]) {
    this.#directory = mkdtempSync(join(tmpdir(), 'huatuo-program-'));
    this.path = join(this.#directory, name);
    const source = at(`test/fixtures/programs/${name}.c`);
    execFileSync('cc', [...flags, '-o', this.path, source], { stdio: 'pipe' });
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }
}
