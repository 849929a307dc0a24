/** A procfs with the processes a test makes up. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface FixtureProcess {
  readonly pid: number;
  readonly comm?: string | Buffer;
  readonly started_ticks?: number;
  readonly pages?: number;
  /** Default: it sleeps. */
  readonly state?: string;
}

export class FixtureProc implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'huatuo-proc-'));

  /** Replaces the process with this id. */
  add({ pid, comm = 'task', started_ticks = 1000, pages = 1, state = 'S' }: FixtureProcess): void {
    const directory = join(this.directory, String(pid), 'task', String(pid));
    mkdirSync(directory, { recursive: true });
    // Fields 3 to 24 as the kernel writes them; 22 and 24 are what counts.
    const between = Array(18).fill('0').join(' ');
    writeFileSync(
      join(directory, 'stat'),
      Buffer.concat([
        Buffer.from(`${pid} (`),
        Buffer.from(comm),
        Buffer.from(`) ${state} ${between} ${started_ticks} 1048576 ${pages} 18446744073709551615 1 1\n`),
      ]),
    );
  }

  remove(pid: number): void {
    rmSync(join(this.directory, String(pid)), { recursive: true });
  }

  /** A file with these lines. @returns its directory */
  write(path: string, text: string): string {
    const file = join(this.directory, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    return join(file, '..');
  }

  /** A cgroup directory with these processes. */
  cgroup(name: string, pids: readonly number[]): string {
    return this.write(join(name, 'cgroup.procs'), `${pids.join('\n')}\n`);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}
