/** Disks of a test's own, and what the kernel has counted of them. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { holdLock } from '../../src/kernel/lock.ts';

/** `/sys/block/<disk>/stat`, Documentation/admin-guide/iostats.rst */
export interface DiskStat {
  readonly reads: number;
  readonly read_ms: number;
  readonly writes: number;
  readonly write_ms: number;
  readonly flushes: number;
}

export function diskStat(disk: string): DiskStat {
  const text = readFileSync(`/sys/block/${disk}/stat`, 'utf8');
  const numbers = text.trim().split(/\s+/).map(Number);
  const at = (index: number): number => numbers[index] ?? 0;
  return { reads: at(0), read_ms: at(3), writes: at(4), write_ms: at(7), flushes: at(15) };
}

/** A little, and waits until it is on the disk below the temporary directory: it interrupts when it is done. */
export function writeToDisk(): void {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-write-'));
  try {
    writeFileSync(join(directory, 'file'), 'x', { flush: true });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** udev reads from disks that are new or were written to, but from none that is locked: https://systemd.io/BLOCK_DEVICE_LOCKING */
function withoutUdev(path: string): Disposable {
  for (;;) {
    const lock = holdLock(openSync(path, 'r'));
    if (typeof lock !== 'number') return lock;
    // It ends, and the lock is free for a moment.
    execFileSync('flock', [path, 'true']);
  }
}

/** A loop device over a file: its driver takes requests. */
export class LoopDevice implements Disposable {
  readonly path: string;
  readonly #directory: string;
  readonly #lock: Disposable;

  /**
   * @param below where the file is, in a directory of its own
   * @param flags of losetup(8)
   */
  constructor(bytes: number, below: string = tmpdir(), ...flags: readonly string[]) {
    this.#directory = mkdtempSync(join(below, 'huatuo-loop-'));
    const image = join(this.#directory, 'image');
    writeFileSync(image, '');
    truncateSync(image, bytes);
    const show = ['--find', '--show', ...flags, image];
    this.path = execFileSync('losetup', show, { encoding: 'utf8' }).trim();
    this.#lock = withoutUdev(this.path);
    // It goes with the last who has it open, a mount or this process: also when a test is killed.
    execFileSync('losetup', ['--detach', this.path]);
  }

  get name(): string {
    return basename(this.path);
  }

  [Symbol.dispose](): void {
    this.#lock[Symbol.dispose]();
    rmSync(this.#directory, { recursive: true });
  }
}

const ZRAM = '/sys/class/zram-control';

/** A compressed disk in memory: its driver takes bios, and the block layer makes no requests. */
export class ZramDevice implements Disposable {
  readonly name: string;

  static available(): boolean {
    return existsSync(ZRAM);
  }

  constructor(bytes: number) {
    this.name = `zram${readFileSync(`${ZRAM}/hot_add`, 'utf8').trim()}`;
    writeFileSync(`/sys/block/${this.name}/disksize`, String(bytes));
  }

  get path(): string {
    return `/dev/${this.name}`;
  }

  [Symbol.dispose](): void {
    writeFileSync(`/sys/block/${this.name}/reset`, '1');
    writeFileSync(`${ZRAM}/hot_remove`, this.name.slice('zram'.length));
  }
}

/**
 * Runs dd(1) past the page cache, so that each block is one request.
 * @param before called with its process id before it does anything
 */
export async function directIo(operands: readonly string[], before?: (pid: number) => void): Promise<void> {
  const child = spawn('sh', ['-c', 'read go; exec dd bs=4096 status=none "$@"', 'dd', ...operands], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  before?.(child.pid ?? 0);
  child.stdin.end('go\n');
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`dd ${operands.join(' ')} ended with ${code}`);
}
