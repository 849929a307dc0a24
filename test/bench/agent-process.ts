/** An agent as its users run it: the binary, a configuration file, signals and HTTP. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { V8_FLAGS } from '../../src/cli/become-agent.ts';
import { at } from '../../src/paths.ts';
import type { LedgerStatus, StatusDocument } from '../../src/web/status.ts';
import { cpuSeconds } from './proc-usage.ts';

const START_TIMEOUT_MS = 20_000;
const POLL_MS = 20;
/** As a service manager gives it: a variable of this shell, such as one of certificates, may cost Node memory and time. */
const ENVIRONMENT = { PATH: process.env.PATH };

/** What is said last counts, and an agent that was given its flags does not start itself anew with them. */
const UNDONE = V8_FLAGS.map((flag) => {
  if (flag.startsWith('--v8-pool-size')) return '--v8-pool-size=4';
  return flag.startsWith('--no-') ? flag.replace('--no-', '--') : flag.replace('--', '--no-');
});
const COMMANDS: Readonly<Record<Launch, readonly [string, ...string[]]>> = {
  own: [at('src/cli/huatuo')],
  plain: [process.execPath, ...V8_FLAGS, ...UNDONE, at('src/cli/huatuo.mjs')],
};

/** `own`: with the agent's set-up of V8 and malloc; `plain`: as Node starts any program. */
export type Launch = 'own' | 'plain';

export class AgentProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #spawned_ms = performance.now();
  #start = { ready_ms: 0, cpu_seconds: 0 };

  private constructor(child: ChildProcess, log: string) {
    this.#child = child;
    this.#log = log;
  }

  /**
   * Starts it and waits until it is ready.
   * @param directory gets configuration, log and journal
   * @param config sections that differ from the defaults
   */
  static async start(
    directory: string,
    config: object,
    flags: readonly string[] = [],
    launch: Launch = 'own',
  ): Promise<AgentProcess> {
    const [file, log] = [join(directory, 'agent.yaml'), join(directory, 'agent.log')];
    const web = { listen_address: '127.0.0.1:0' };
    writeFileSync(file, JSON.stringify({ web, log: { format: 'json' }, ...config }));
    const stderr = openSync(log, 'w', 0o600);
    const [command, ...first] = COMMANDS[launch];
    const argv = [...first, 'run', '--config.file', file, ...flags];
    const agent = new AgentProcess(
      spawn(command, argv, { stdio: ['ignore', 'ignore', stderr], env: ENVIRONMENT }),
      log,
    );
    try {
      await agent.#ready();
    } catch (error) {
      await agent[Symbol.asyncDispose]();
      throw error;
    }
    return agent;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** When it was ready, and what it had used by then. */
  get start(): { readonly ready_ms: number; readonly cpu_seconds: number } {
    return this.#start;
  }

  async get(path: string): Promise<string> {
    return (await this.#fetch(path)).text();
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.#port()}${path}`;
  }

  #fetch(path: string): Promise<Response> {
    return fetch(this.url(path));
  }

  async ledger(collector: string): Promise<LedgerStatus> {
    const { ledger } = JSON.parse(await this.get('/api/v1/status')) as StatusDocument;
    const found = ledger.find((entry) => entry.collector === collector);
    if (!found) throw new Error(`the agent has no ledger of ${collector}: ${this.#lastLine()}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
  }

  async #ready(): Promise<void> {
    for (const end = performance.now() + START_TIMEOUT_MS; performance.now() < end; await sleep(POLL_MS)) {
      if (this.#child.exitCode !== null) break;
      if (this.#port() === undefined) continue;
      if ((await this.#fetch('/-/ready')).status !== 200) continue;
      this.#start = {
        ready_ms: performance.now() - this.#spawned_ms,
        cpu_seconds: cpuSeconds(this.pid),
      };
      return;
    }
    throw new Error(`the agent did not start: ${this.#lastLine()}`);
  }

  /** It listens on a port of the kernel's choice, and its log says which. */
  #port(): number | undefined {
    const port = /"listening":\{"address":"[^"]*","port":(\d+)/.exec(readFileSync(this.#log, 'utf8'))?.[1];
    return port === undefined ? undefined : Number(port);
  }

  #lastLine(): string {
    return readFileSync(this.#log, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  }
}
