/** A disk of a scenario's own, which can be made to stand still: ext4 in a file, frozen with fsfreeze(8). */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Scratch, scratchDirectory } from './scratch.ts';

const BYTES = 256 * 1024 * 1024;
/** Of a full disk, for the file system's own blocks about the file that fills it. */
const SPARED_BYTES = 4 * 1024 * 1024;

export class LoopDisk implements Disposable {
  /** Mount point, mode 0700. */
  readonly path: string;
  readonly #scratch: Scratch;
  #frozen = false;
  #covered: string | undefined;
  /** A frozen file system stays so without us, and holds up whoever touches it. */
  readonly #cleanUp = (): void => this[Symbol.dispose]();

  private constructor(scratch: Scratch, path: string) {
    this.#scratch = scratch;
    this.path = path;
    process.once('exit', this.#cleanUp);
  }

  /**
   * @param bytes its size; the file behind it has holes and takes what is written
   * @returns the reason when this host cannot have one
   */
  static make(bytes: number = BYTES): LoopDisk | string {
    const scratch = scratchDirectory();
    const [image, path] = [join(scratch.path, 'image'), join(scratch.path, 'disk')];
    mkdirSync(path);
    writeFileSync(image, '');
    truncateSync(image, bytes);
    for (const [command = '', ...argv] of [
      ['mkfs.ext4', '-q', '-F', '-m', '0', image],
      ['mount', '-o', 'loop', image, path],
      ['chmod', '0700', path],
      ['fsfreeze', '--version'],
    ]) {
      const { status, error, stderr } = spawnSync(command, argv, { encoding: 'utf8' });
      if (status === 0) continue;
      spawnSync('umount', [path]);
      scratch[Symbol.dispose]();
      return `${command} failed: ${error?.message ?? stderr}`;
    }
    return new LoopDisk(scratch, path);
  }

  /** Every write waits in the kernel until what is returned is disposed of. */
  freeze(): Disposable {
    execFileSync('fsfreeze', ['-f', this.path]);
    this.#frozen = true;
    return { [Symbol.dispose]: () => this.#thaw() };
  }

  /** Nothing more fits, until what is returned is disposed of. */
  fill(): Disposable {
    const ballast = join(this.path, '.ballast');
    const { bavail, bsize } = statfsSync(this.path);
    execFileSync('fallocate', ['-l', String(bavail * bsize - SPARED_BYTES), ballast]);
    // To the last byte: what the file system needs for itself is not known beforehand.
    const fd = openSync(ballast, 'a');
    try {
      for (;;) writeSync(fd, Buffer.alloc(4096));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(fd);
    }
    return { [Symbol.dispose]: () => rmSync(ballast, { force: true }) };
  }

  /**
   * Nothing can be made in a directory of it, until what is returned is disposed of: it is mounted read-only over itself, because
   * the kernel makes no file system read-only in which a file is open for writing.
   */
  readOnly(directory: string): Disposable {
    execFileSync('mount', ['--bind', directory, directory]);
    execFileSync('mount', ['-o', 'remount,bind,ro', directory]);
    this.#covered = directory;
    return { [Symbol.dispose]: () => this.#uncover() };
  }

  #uncover(): void {
    if (this.#covered === undefined) return;
    execFileSync('umount', ['-l', this.#covered]);
    this.#covered = undefined;
  }

  #thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    execFileSync('fsfreeze', ['-u', this.path]);
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#cleanUp);
    this.#thaw();
    this.#uncover();
    // Lazy: an agent that was killed a moment ago may still have it open.
    execFileSync('umount', ['-l', this.path]);
    this.#scratch[Symbol.dispose]();
  }
}
