/** A process that locks up the CPU it is on: fixtures/collectors/lockup/spinner.bpf.c. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { builtCollectors } from './flood.ts';
import { LoadedFixture } from './loaded-object.ts';

/** Below test/fixtures. */
export const LOCKUP_SOURCES = 'collectors/lockup';

export class Lockup implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #spinner: LoadedFixture;

  private constructor(child: ChildProcess, spinner: LoadedFixture) {
    this.#child = child;
    this.#ended = once(child, 'close');
    this.#spinner = spinner;
  }

  /**
   * The process waits; its CPU is not locked up yet.
   * @param given.withoutInterrupts the CPU takes none meanwhile; Linux 6.14
   * @param given.built where the fixture is built already, for a host without a compiler
   */
  static async make(
    duration_ms: number,
    { withoutInterrupts = false, built }: { withoutInterrupts?: boolean; built?: string } = {},
  ): Promise<Lockup> {
    const child = spawn('sh', ['-c', 'read go; printf spins > /proc/$$/comm'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    try {
      const options = {
        process: BigInt(child.pid ?? 0),
        duration_ns: BigInt(duration_ms) * 1_000_000n,
        without_interrupts: withoutInterrupts ? 1n : 0n,
      };
      const directory = built ?? (await builtCollectors(LOCKUP_SOURCES));
      const spinner = await LoadedFixture.open(directory, 'spinner', options);
      spinner.object.attach();
      return new Lockup(child, spinner);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when it is over. */
  async run(): Promise<void> {
    this.#child.stdin?.end('go\n');
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
    this.#spinner[Symbol.dispose]();
  }
}
