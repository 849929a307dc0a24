/** What is written from within a memory cgroup, and charged to it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestCgroup } from './cgroup.ts';

const BLOCK_BYTES = 65_536;

/** Writes a text to a file of the kernel's as a task of the cgroup, which ends with it. */
export async function writeFrom(cgroup: TestCgroup, file: string, text: string): Promise<void> {
  await runIn(cgroup, 'printf %s "$2" > "$1"', file, text);
}

/** @returns the pid of the shell, and of what it execs */
async function runIn(cgroup: TestCgroup, script: string, ...operands: readonly string[]): Promise<number> {
  const child = spawn('sh', ['-c', `echo $$ > "$0/cgroup.procs" && ${script}`, cgroup.path, ...operands], {
    stdio: 'ignore',
  });
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
  return child.pid ?? 0;
}

/** A file that is written from within a cgroup; its pages go with it. */
export class PageCache implements Disposable {
  /** The writer, which has ended. */
  readonly pid: number;
  readonly #directory: string;

  private constructor(pid: number, directory: string) {
    this.pid = pid;
    this.#directory = directory;
  }

  /** @param bytes a multiple of 64 KiB */
  static async fill(cgroup: TestCgroup, bytes: number): Promise<PageCache> {
    // A directory of the disk: pages of a tmpfs cannot be dropped.
    const directory = mkdtempSync('/var/tmp/huatuo-pages-');
    try {
      const script = `exec dd if=/dev/zero of="$1" bs=${BLOCK_BYTES} count="$2"`;
      const pid = await runIn(cgroup, script, join(directory, 'file'), String(bytes / BLOCK_BYTES));
      return new PageCache(pid, directory);
    } catch (error) {
      rmSync(directory, { recursive: true });
      throw error;
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }
}
