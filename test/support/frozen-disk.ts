/** A file system of a test's own that takes no writes, and processes that wait for it. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoopDevice } from './disks.ts';
import { eventually } from './eventually.ts';
import { taskState } from './task-state.ts';
import { Undo } from './undo.ts';

const BYTES = 16 << 20;

export function skipWithoutFreezing(): string | false {
  const missing = ['mkfs.ext4', 'fsfreeze', 'losetup'].find(
    (command) => spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0,
  );
  return missing === undefined ? false : `this host has no ${missing}`;
}

export class FrozenDisk implements AsyncDisposable {
  readonly #file: number;
  readonly #children: ChildProcess[];
  readonly #frozen: Undo;
  readonly #undo: AsyncDisposableStack;

  private constructor(file: number, children: ChildProcess[], frozen: Undo, undo: AsyncDisposableStack) {
    this.#file = file;
    this.#children = children;
    this.#frozen = frozen;
    this.#undo = undo;
  }

  /** One with a file that is open for writing. */
  static async make(): Promise<FrozenDisk> {
    await using undo = new AsyncDisposableStack();
    const disk = undo.use(new LoopDevice(BYTES));
    execFileSync('mkfs.ext4', ['-q', disk.path]);
    const directory = mkdtempSync(join(tmpdir(), 'huatuo-frozen-'));
    undo.defer(() => rmdirSync(directory));
    execFileSync('mount', [disk.path, directory]);
    undo.use(new Undo('umount "$1"', directory));
    const file = openSync(join(directory, 'file'), 'w');
    undo.defer(() => closeSync(file));
    const children = undo.adopt<ChildProcess[]>([], async (all) => {
      await Promise.all(all.map((child) => child.exitCode ?? once(child, 'close')));
    });
    const frozen = undo.use(new Undo('fsfreeze --unfreeze "$1"', directory));
    execFileSync('fsfreeze', ['--freeze', directory]);
    return new FrozenDisk(file, children, frozen, undo.move());
  }

  /**
   * A process that writes to the file. All of them share its position and so the lock of that: the first one waits for the
   * thaw and holds the lock, the others wait for the lock.
   * @param name what it calls itself, as printf(1) writes it
   * @param before called with its id before it writes
   * @returns that id, once it waits
   */
  async writer(name: string, before?: (pid: number) => void): Promise<number> {
    return await this.#start(['printf "$0" > /proc/$$/comm; echo x', name], before);
  }

  /** The same with a program that writes to its standard output. @param path of it */
  async program(path: string, before?: (pid: number) => void): Promise<number> {
    return await this.#start(['exec "$0"', path], before);
  }

  async #start(
    [script, ...operands]: readonly [string, ...string[]],
    before: (pid: number) => void = () => undefined,
  ): Promise<number> {
    const child = spawn('sh', ['-c', `read go; ${script}`, ...operands], {
      stdio: ['pipe', this.#file, 'inherit'],
    });
    this.#children.push(child);
    const { pid = 0 } = child;
    before(pid);
    child.stdin?.end('go\n');
    await eventually(`process ${pid} to wait`, () => taskState(pid) === 'D');
    return pid;
  }

  /** Its writers go on, and end. */
  async thaw(): Promise<void> {
    await this.#frozen[Symbol.asyncDispose]();
    await Promise.all(this.#children.map((child) => child.exitCode ?? once(child, 'close')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo[Symbol.asyncDispose]();
  }
}
