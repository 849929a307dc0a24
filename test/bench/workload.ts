/** One of the workloads of workload.c: a process that does so many of something when it is told to. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { at } from '../../src/paths.ts';

const CALIBRATION_TURNS = 5;

/** @param binary where it is written @returns why it could not be compiled; undefined when it was */
export function compileWorkloads(binary: string): string | undefined {
  try {
    execFileSync('cc', ['-O2', '-o', binary, at('test/bench/workload.c')], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `no C compiler: ${(error as Error).message.trim().split('\n').at(-1)}`;
  }
}

export class Workload implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #name: string;

  /** @param operands name and path, as workload.c describes them */
  constructor(binary: string, operands: readonly string[]) {
    this.#name = operands[0]!;
    this.#child = spawn(binary, operands, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** @returns nanoseconds for each */
  async do(count: number): Promise<number> {
    this.#child.stdin!.write(`${count}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`the workload ${this.#name} has ended`);
    return Number(value) / count;
  }

  /** How many take about so long when the machine has nothing else to do. */
  async calibrate(milliseconds: number): Promise<number> {
    let count = 100;
    while ((await this.do(count)) * count < 1e7) count *= 4;
    let least_ns = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < CALIBRATION_TURNS; turn++) least_ns = Math.min(least_ns, await this.do(count));
    return Math.max(1, Math.round((milliseconds * 1e6) / least_ns));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
  }
}

/** Starts one of the workloads. */
export type Load = (name: string) => Workload;
