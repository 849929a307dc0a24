/** A process that has ended, and whose parent does not ask for it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { eventually } from './eventually.ts';
import { taskState } from './task-state.ts';

export class Zombie implements AsyncDisposable {
  readonly pid: number;
  readonly #parent: ChildProcess;
  readonly #closed: Promise<unknown>;

  private constructor(pid: number, parent: ChildProcess, closed: Promise<unknown>) {
    this.pid = pid;
    this.#parent = parent;
    this.#closed = closed;
  }

  /** @param before called with its id while it lives */
  static async make(before: (pid: number) => void = () => undefined): Promise<Zombie> {
    // A shell would ask for it; sleep(1) does not know that it has a child.
    const script = 'exec 3<&0; cat <&3 >&2 & echo $!; exec sleep infinity';
    const parent = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'ignore'] });
    const closed = once(parent, 'close');
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const zombie = new Zombie(Number(String(line)), parent, closed);
    before(zombie.pid);
    await eventually(
      'the parent to be no shell any more',
      () => readFileSync(`/proc/${parent.pid}/comm`, 'utf8') === 'sleep\n',
    );
    parent.stdin.end();
    await eventually('the process to be dead', () => taskState(zombie.pid) === 'Z');
    return zombie;
  }

  /** Its parent ends, too: then it is gone. */
  async reap(): Promise<void> {
    this.#parent.kill('SIGKILL');
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reap();
  }
}
