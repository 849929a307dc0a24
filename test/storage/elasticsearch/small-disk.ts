/** A tmpfs of half a megabyte, which can be full or read-only. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export class SmallDisk implements Disposable {
  readonly #path: string;

  /** @param path where it is mounted; made, if it is not there */
  constructor(path: string) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k,mode=0700', 'huatuo-test', path]);
    this.#path = path;
  }

  /** Nothing more fits, until what is returned is disposed of. */
  fill(): Disposable {
    const ballast = join(this.#path, '.ballast');
    const fd = openSync(ballast, 'w', 0o600);
    try {
      for (;;) writeSync(fd, new Uint8Array(4096));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(fd);
    }
    return { [Symbol.dispose]: () => rmSync(ballast) };
  }

  /** Every write is refused, until what is returned is disposed of. */
  readOnly(): Disposable {
    const remount = (mode: 'ro' | 'rw'): void => {
      execFileSync('mount', ['-o', `remount,${mode}`, this.#path]);
    };
    remount('ro');
    return { [Symbol.dispose]: () => remount('rw') };
  }

  [Symbol.dispose](): void {
    // A test that failed may still have files open on it.
    execFileSync('umount', ['-l', this.#path]);
  }
}
