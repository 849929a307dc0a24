/** A process that takes as much memory as it is told to, for tests of what the kernel does about it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** What the child is asked for; done in this order. */
export interface AllocatorRequest {
  /** Task name, up to 15 bytes in hexadecimal: any bytes but NUL. */
  readonly comm?: string;
  readonly oomScoreAdj?: number;
  /** Allocated and touched, so that each page is charged. */
  readonly bytes?: number;
}

export class Allocator implements AsyncDisposable {
  readonly ended: Promise<NodeJS.Signals | null>;
  readonly #child: ChildProcess;

  constructor() {
    // Its command line is recorded with its end: it names no directory of this machine.
    this.#child = fork('allocator-child.js', {
      ...{ cwd: import.meta.dirname, execPath: '/proc/self/exe', execArgv: [] },
    });
    this.ended = once(this.#child, 'exit').then(([, signal]) => signal);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What has killed it, if anything has. */
  get killedBy(): NodeJS.Signals | null {
    return this.#child.signalCode;
  }

  /** Resolves when it is done, or the child was killed for it. */
  async ask(request: AllocatorRequest): Promise<void> {
    const done = once(this.#child, 'message');
    this.#child.send(request);
    await Promise.race([done, this.ended]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
