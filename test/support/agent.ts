/**
 * A real agent in a process of its own: compiled code, own journal, own port. Ended in any case: when it is disposed of,
 * when the test process ends, and at a deadline.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ActorStatus } from '../../src/actor/state.ts';
import { reloadAgent } from '../../src/cli/reload.ts';
import { at } from '../../src/paths.ts';
import type { LedgerStatus, StatusDocument } from '../../src/web/status.ts';
import { eventually, nameOf, type Waited } from './eventually.ts';
import { type JournalDocument, readDocuments } from './journal-reader.ts';
import { type PageFamily, parsePage } from './prometheus-text.ts';

const CONFIG_FILE = 'huatuo.yaml';
const DEADLINE_MS = 90_000;
/** Long enough for any collector that answers, short enough that a test of one that does not is short too. */
const REQUEST_MS = 20_000;

// The runner ends a test file that takes too long with a signal; only a regular exit ends its agents too.
process.once('SIGTERM', () => process.exit(143));

export interface AgentOptions {
  /** The config file; journal, port and log are set to what a test needs. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Collectors that run; without it those that are on by default. */
  readonly only?: readonly string[];
  /** Directory for `--path.collectors`. */
  readonly collectors?: string;
  readonly args?: readonly string[];
  /** What starts the agent, in place of Node with the agent's module; runs in the directory of the package. */
  readonly command?: readonly string[];
  /** Command line in front of the agent's; it must end in `exec`. */
  readonly wrapper?: readonly string[];
  /** User id that owns the journal directory. */
  readonly owner?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** When the process is killed at the latest. */
  readonly deadline_ms?: number;
}

interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class AgentProcess implements AsyncDisposable {
  /** Its journal directory. */
  readonly journal: string;
  /** Settles when the process is gone and its output read to the end. */
  readonly ended: Promise<Ending>;
  readonly #directory: string;
  readonly #child: ChildProcess;
  readonly #watchdog: NodeJS.Timeout;
  readonly #killAtExit = (): void => this.kill();
  #stderr = '';
  #base = '';

  private constructor(directory: string, journal: string, child: ChildProcess, deadline_ms: number) {
    this.#directory = directory;
    this.journal = journal;
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
    this.#watchdog = setTimeout(() => this.kill(), deadline_ms).unref();
    process.once('exit', this.#killAtExit);
  }

  /** Starts the process and returns at once. */
  static spawn(options: AgentOptions = {}): AgentProcess {
    const directory = mkdtempSync(join(tmpdir(), 'huatuo-e2e-'));
    const journal = join(directory, 'journal');
    mkdirSync(journal, { mode: 0o700 });
    const file = join(directory, CONFIG_FILE);
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(configOf(options.config ?? {}, journal)));
    for (const path of options.owner === undefined ? [] : [directory, journal, file])
      chownSync(path, options.owner ?? 0, options.owner ?? 0);
    const [command = '', ...rest] = [
      ...(options.wrapper ?? []),
      ...(options.command ?? [process.execPath, at('src/cli/huatuo.mjs'), 'run']),
      ...['--config.file', file],
      ...(options.collectors ? ['--path.collectors', options.collectors] : []),
      ...(options.only
        ? ['--collector.disable-defaults', ...options.only.map((name) => `--collector.${name}`)]
        : []),
      ...(options.args ?? []),
    ];
    const child = spawn(command, rest, {
      cwd: at('.'),
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HUATUO_CONFIG_FILE: '', ...options.env },
    });
    return new AgentProcess(directory, journal, child, options.deadline_ms ?? DEADLINE_MS);
  }

  /** Starts the process and waits until it is ready, or degraded. @throws when it ends before, with its stderr */
  static async start(options: AgentOptions = {}): Promise<AgentProcess> {
    const agent = AgentProcess.spawn(options);
    try {
      await agent.ready();
      return agent;
    } catch (error) {
      await agent[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs the process to its end, for configurations with which it cannot start. */
  static async run(options: AgentOptions): Promise<Ending & { readonly stderr: string }> {
    await using agent = AgentProcess.spawn(options);
    const ending = await agent.ended;
    return { ...ending, stderr: agent.stderr };
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get #gone(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Replaces the config file; the agent reads it when it is told to. */
  configure(config: Readonly<Record<string, unknown>>): void {
    writeFileSync(join(this.#directory, CONFIG_FILE), JSON.stringify(configOf(config, this.journal)));
  }

  /** `huatuo reload`. @returns what changed @throws why the old configuration stays in force */
  reload(): Promise<string> {
    return reloadAgent({ reload: { socket: '', access: 'user' }, journal: { directory: this.journal } });
  }

  async ready(): Promise<void> {
    const port = await this.until(
      'the agent to listen',
      () => /"listening":.*?"port":(\d+)/.exec(this.#stderr)?.[1],
    );
    this.#base = `http://127.0.0.1:${port}`;
    // On a busy host its server may count as hung in its first seconds, and be replaced.
    await this.until('the agent to be ready', () =>
      this.#request('/-/ready').then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  }

  /** Asks again until `check` answers something true; fails at once when the agent has ended. */
  async until<T>(
    what: Waited,
    check: () => T | Promise<T>,
    timeout_ms?: number,
  ): Promise<Exclude<T, undefined | false>> {
    return eventually(
      what,
      async () => {
        const found = await check();
        if (!found && this.#gone) throw new Error(`the agent ended before ${nameOf(what)}:\n${this.#stderr}`);
        return found;
      },
      { ...(timeout_ms !== undefined && { timeout_ms }), last: () => this.#stderr },
    );
  }

  /** @param path e.g. `/metrics?collect[]=oom` */
  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const response = await this.#request(path, headers);
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.text();
  }

  async #request(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    try {
      return await fetch(this.#base + path, { headers, signal: AbortSignal.timeout(REQUEST_MS) });
    } catch (cause) {
      // The connection breaks before the end of the process is known here.
      const ending = await Promise.race([this.ended, sleep(1000, undefined)]);
      const how = ending ? `the agent has ended with ${JSON.stringify(ending)}` : 'the agent is alive';
      throw new Error(`no answer to ${path}; ${how}\n${this.#stderr}`, { cause });
    }
  }

  async status(): Promise<StatusDocument> {
    return JSON.parse(await this.get('/api/v1/status')) as StatusDocument;
  }

  async actor(name: string): Promise<ActorStatus> {
    const actor = (await this.status()).actors.find((one) => one.name === name);
    if (!actor) throw new Error(`no actor ${name}`);
    return actor;
  }

  async ledger(collector: string): Promise<LedgerStatus | undefined> {
    return (await this.status()).ledger.find((row) => row.collector === collector);
  }

  /** The whole page, or that of the named collectors. */
  async metrics(...collectors: readonly string[]): Promise<ReadonlyMap<string, PageFamily>> {
    const query = collectors.map((name) => `collect[]=${name}`).join('&');
    return parsePage(await this.get(`/metrics?${query}`));
  }

  documents(tracer: string): JournalDocument[] {
    return readDocuments(this.journal, tracer);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGSTOP, and waits until every thread stands still; SIGCONT lets it go on. */
  async freeze(): Promise<void> {
    this.signal('SIGSTOP');
    const tasks = `/proc/${this.pid}/task`;
    await this.until('every thread to stand still', () =>
      readdirSync(tasks).every((tid) => /^State:\s+T/m.test(readFileSync(`${tasks}/${tid}/status`, 'utf8'))),
    );
  }

  /** Asks it to stop and waits. */
  async stop(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<Ending> {
    this.signal(signal);
    return this.ended;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.ended;
    clearTimeout(this.#watchdog);
    process.off('exit', this.#killAtExit);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function configOf(config: Readonly<Record<string, unknown>>, journal: string): object {
  const section = (name: string): object => (config[name] ?? {}) as object;
  return {
    ...config,
    web: { listen_address: '127.0.0.1:0', ...section('web') },
    journal: { directory: journal, ...section('journal') },
    log: { format: 'json', ...section('log') },
  };
}
