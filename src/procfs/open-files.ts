/**
 * Files of procfs, sysfs and cgroup file systems, kept open from one reading to the next: to find and open one takes the kernel longer
 * than to fill most of them. A file whose cgroup or device is gone cannot be read any more (ENODEV), and what has come since then
 * under its name is another file, which is opened anew.
 *
 * Not kept are those of a process: they would keep its namespaces, and its id may become another one's. Process 1 stays.
 */
import { closeSync, openSync, readSync, statfsSync } from 'node:fs';

/** Whose files are made when they are read, so that no other one takes the place of one that can be read (include/uapi/linux/magic.h). */
const MADE_WHEN_READ: ReadonlySet<number> = new Set([0x9fa0, 0x62656572, 0x27e0eb, 0x63677270]);
const OF_A_PROCESS = /\/(?!1\/)(?:\d+|self|thread-self)\//;
const FIRST_BYTES = 64 << 10;
/** What is larger is not read here: memory for the largest file stays. */
const MAX_BYTES = 1 << 20;

export class OpenFiles implements Disposable {
  readonly #max: number;
  /** By path, the least recently read one first; undefined for what is not to be kept. */
  readonly #files = new Map<string, number | undefined>();
  #room = Buffer.allocUnsafeSlow(FIRST_BYTES);

  /** @param max most files, those that are known not to be kept included */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * @returns the file as text, bytes that are not UTF-8 as U+FFFD; undefined when it is not kept open: it is to be read in another way
   */
  read(path: string): string | undefined {
    if (OF_A_PROCESS.test(path)) return undefined;
    try {
      const fd = this.#files.has(path) ? this.#files.get(path) : open(path);
      this.#files.delete(path);
      this.#keep(path, fd);
      return fd === undefined ? undefined : this.#text(fd);
    } catch (error) {
      this.#forget(path);
      // What cannot be read from a place on is not tried again.
      if ((error as NodeJS.ErrnoException).code === 'ESPIPE') this.#keep(path, undefined);
      return undefined;
    }
  }

  /** Closes all of them. */
  [Symbol.dispose](): void {
    for (const fd of this.#files.values()) if (fd !== undefined) closeSync(fd);
    this.#files.clear();
  }

  #keep(path: string, fd: number | undefined): void {
    this.#files.set(path, fd);
    const [oldest] = this.#files.keys();
    if (oldest !== undefined && this.#files.size > this.#max) this.#forget(oldest);
  }

  #forget(path: string): void {
    const fd = this.#files.get(path);
    if (fd !== undefined) closeSync(fd);
    this.#files.delete(path);
  }

  /** @throws what the system says, and when there is no end to it */
  #text(fd: number): string {
    for (let length = 0; ; ) {
      const read = readSync(fd, this.#room, length, this.#room.byteLength - length, length);
      length += read;
      if (read === 0) return this.#room.toString('utf8', 0, length);
      if (length < this.#room.byteLength) continue;
      if (length >= MAX_BYTES) throw new RangeError('a file without end');
      const larger = Buffer.allocUnsafeSlow(2 * length);
      this.#room.copy(larger);
      this.#room = larger;
    }
  }
}

/** @returns undefined for a file of another file system. @throws what the system says */
function open(path: string): number | undefined {
  return MADE_WHEN_READ.has(statfsSync(path).type) ? openSync(path, 'r') : undefined;
}
