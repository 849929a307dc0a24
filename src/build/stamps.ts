/**
 * What the last build made from what: `step -> hash of everything that went in`. A step whose hash is unchanged and
 * whose outputs are still there is skipped. Contents decide and never times, so a fresh checkout or a branch switched
 * back and forth costs nothing.
 */
import { existsSync } from 'node:fs';
import { readIfThere, writeIfChanged } from './files.ts';

export class Stamps {
  readonly #path: string;
  readonly #keys: Map<string, string>;

  constructor(path: string) {
    this.#path = path;
    this.#keys = new Map(Object.entries(readKeys(path)));
  }

  isFresh(step: string, key: string, outputs: readonly string[]): boolean {
    return this.#keys.get(step) === key && outputs.every((output) => existsSync(output));
  }

  /** To be called before outputs are touched: a step that fails halfway must not look done when its source is put back. */
  forget(step: string): void {
    if (this.#keys.delete(step)) this.#write();
  }

  /** Remembers a step that succeeded, at once: a build that is interrupted keeps what it had done. */
  set(step: string, key: string): void {
    this.#keys.set(step, key);
    this.#write();
  }

  #write(): void {
    writeIfChanged(this.#path, `${JSON.stringify(Object.fromEntries(this.#keys), null, 1)}\n`);
  }
}

/** A damaged file costs a full build and nothing else. */
function readKeys(path: string): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(readIfThere(path) ?? '{}');
    return parsed !== null && typeof parsed === 'object' ? (parsed as Record<string, string>) : {};
  } catch {
    return {};
  }
}
