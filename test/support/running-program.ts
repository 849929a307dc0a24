/** A compiled program of test/fixtures/programs that runs until a test ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export class RunningProgram implements AsyncDisposable {
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.pid = child.pid ?? 0;
  }

  /** @returns when it has written something */
  static async start(path: string, ...argv: readonly string[]): Promise<RunningProgram> {
    const child = spawn(path, argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return new RunningProgram(child);
  }

  /** Writes a line to its standard input. */
  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
