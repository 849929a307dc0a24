/**
 * What a collector is made of, as a hash: files with the same names and other contents are another collector. For a module
 * that includes what it imports by path, because a thread that imports it anew gets all of that anew.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

const IMPORT = /\b(?:from|import)\s*\(?\s*["']((?:\.{1,2})?\/[^"'\n]+)["']/g;
/** A collector that imports more is known by the first ones. */
const MAX_FILES = 500;

/** Reads each file once, however many collectors import it. */
export class ContentsReader {
  readonly #files = new Map<string, Promise<Buffer | undefined>>();

  /** SHA-256 of these files together; one that is missing counts as such. */
  async files(paths: readonly string[]): Promise<string> {
    const hash = createHash('sha256');
    for (const path of paths) {
      const bytes = await this.#read(path);
      hash.update(`${bytes?.byteLength ?? 'none'}:`).update(bytes ?? '');
    }
    return hash.digest('hex');
  }

  /** SHA-256 of a module with all that it imports by path. */
  async module(path: string): Promise<string> {
    const found = new Set([path]);
    for (const file of found) {
      const text = (await this.#read(file))?.toString('utf8') ?? '';
      for (const [, target = ''] of text.matchAll(IMPORT)) {
        if (found.size < MAX_FILES) found.add(resolve(dirname(file), target));
      }
    }
    return this.files([...found].sort());
  }

  #read(path: string): Promise<Buffer | undefined> {
    let reading = this.#files.get(path);
    if (!reading) {
      reading = readFile(path).catch(() => undefined);
      this.#files.set(path, reading);
    }
    return reading;
  }
}
