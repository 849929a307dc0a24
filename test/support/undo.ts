/** What a test has changed on the host goes back to what it was, also when the test is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';

/** A shell that runs its script when this is disposed of, or when the process ends, in whatever way: its input ends then. */
export class Undo implements AsyncDisposable {
  readonly #shell: ChildProcess;
  readonly #ended: Promise<unknown>;

  /** @param script of sh(1); `args` are `$1`, `$2`, … */
  constructor(script: string, ...args: readonly string[]) {
    this.#shell = spawn('sh', ['-c', `cat > /dev/null; ${script}`, 'undo', ...args], {
      stdio: ['pipe', 'ignore', 'inherit'],
      // Signals to the terminal's process group would end it too early.
      detached: true,
    });
    this.#ended = once(this.#shell, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell.stdin?.end();
    await this.#ended;
  }
}

/** Sets kernel parameters. @param values by file below /proc/sys */
export function withSysctls(values: Readonly<Record<string, number>>): AsyncDisposable {
  const stack = new AsyncDisposableStack();
  for (const [name, value] of Object.entries(values)) {
    const file = `/proc/sys/${name}`;
    stack.use(new Undo('printf %s "$2" > "$1"', file, readFileSync(file, 'utf8').trim()));
    writeFileSync(file, String(value));
  }
  return stack;
}
