/**
 * A disk that is slow for a cgroup: requests that its driver has taken wait for the limit of the disk below.
 *
 *   file system ──► loop device ──► file, past the page cache ──► file system ──► loop device that is limited ──► file
 *
 * The limit of a cgroup holds bios back before they become requests, so a disk that is limited itself looks idle. The upper
 * device's driver works for the cgroup of who asks (drivers/block/loop.c, kthread_associate_blkcg), and so the limit of the lower one
 * counts while requests of the upper one are in flight.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestCgroup } from './cgroup.ts';
import { LoopDevice } from './disks.ts';
import { Undo } from './undo.ts';

const MIB = 2 ** 20;
const UPPER_BYTES = 64 * MIB;
const LOWER_BYTES = 128 * MIB;

export class ThrottledDisk implements AsyncDisposable {
  /** Of the device that is slow: `loop3`. */
  readonly name: string;
  /** Where it is mounted. */
  readonly directory: string;
  readonly #lower: string;
  readonly #undo: AsyncDisposableStack;

  private constructor(name: string, directory: string, lower: string, undo: AsyncDisposableStack) {
    this.name = name;
    this.directory = directory;
    this.#lower = lower;
    this.#undo = undo;
  }

  static make(): ThrottledDisk {
    const undo = new AsyncDisposableStack();
    try {
      const lower = undo.use(new LoopDevice(LOWER_BYTES));
      const below = mounted(lower, undo);
      const upper = undo.use(new LoopDevice(UPPER_BYTES, below, '--direct-io=on'));
      return new ThrottledDisk(upper.name, mounted(upper, undo), lower.name, undo.move());
    } catch (error) {
      void undo.disposeAsync();
      throw error;
    }
  }

  /** @param bytes that the cgroup may read, and write, in a second */
  throttle({ path, version }: TestCgroup, bytes: number): void {
    const device = readFileSync(`/sys/block/${this.#lower}/dev`, 'utf8').trim();
    if (version === 2) writeFileSync(join(path, 'io.max'), `${device} rbps=${bytes} wbps=${bytes}`);
    else
      for (const direction of ['read', 'write'])
        writeFileSync(join(path, `blkio.throttle.${direction}_bps_device`), `${device} ${bytes}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo[Symbol.asyncDispose]();
  }
}

/** An ext4 on it. @returns where it is mounted, until it is undone */
function mounted({ path }: LoopDevice, undo: AsyncDisposableStack): string {
  execFileSync('mkfs.ext4', ['-q', path]);
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-disk-'));
  undo.defer(() => rmdirSync(directory));
  execFileSync('mount', [path, directory]);
  undo.use(new Undo('umount "$1"', directory));
  return directory;
}
