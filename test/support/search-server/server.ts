/**
 * A real Elasticsearch or OpenSearch node in a JVM of its own, on 127.0.0.1 and a free port. Its jars come from Maven Central once
 * and are kept in the user's cache; where Maven, a JDK or the network is lacking, `findServer` says so and the tests are skipped.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { at } from '../../../src/paths.ts';
import { eventually } from '../eventually.ts';
import { ensureJars } from './jars.ts';
import { findJdk } from './jdk.ts';
import { SERVERS, type ServerName, type ServerVersion } from './versions.ts';

const START_MS = 120_000;
const FLAGS = ['-Xms192m', '-Xmx192m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

process.once('SIGTERM', () => process.exit(143));

/** What is needed to start it, or why it cannot be. */
export type FoundServer =
  | { readonly name: ServerName; readonly java: string; readonly jars: readonly string[] }
  | { readonly missing: string };

/** Finds JDK and jars; downloads the jars when they are not there yet. Never throws. */
export async function findServer(name: ServerName): Promise<FoundServer> {
  const { minJdk, maxJdk }: ServerVersion = SERVERS[name];
  const java = findJdk(minJdk, maxJdk);
  if (java === undefined) return { missing: `no JDK ${minJdk} or later in /usr/lib/jvm` };
  try {
    return { name, java, jars: await ensureJars(name) };
  } catch (error) {
    return { missing: `${name}: ${(error as Error).message.split('\n')[0]}` };
  }
}

/** Settings of the node; heap as in `192m`. */
export interface ServerOptions {
  readonly settings?: Readonly<Record<string, string>>;
  readonly heap?: string;
  /** Value of the header, for a server that asks for one. */
  readonly authorization?: string;
  /** Called with the new, empty home before the first start. */
  prepare?(home: string): void;
}

export class SearchServer implements AsyncDisposable {
  readonly home: string = mkdtempSync(join(tmpdir(), 'huatuo-search-'));
  readonly #found: Exclude<FoundServer, { missing: string }>;
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;
  #port = 0;
  readonly #killAtExit = (): void => this.#end('SIGKILL');

  private constructor(found: Exclude<FoundServer, { missing: string }>, options: ServerOptions) {
    this.#found = found;
    this.#options = options;
    process.once('exit', this.#killAtExit);
  }

  static async start(found: FoundServer, options: ServerOptions = {}): Promise<SearchServer> {
    if ('missing' in found) throw new Error(found.missing);
    const server = new SearchServer(found, options);
    options.prepare?.(server.home);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it again, on the same data, port and settings. */
  async start(): Promise<void> {
    const { name, java, jars } = this.#found;
    const { source, plugin }: ServerVersion = SERVERS[name];
    const isNetty = (jar: string): boolean => basename(jar).startsWith('transport-netty4-');
    const asModule = source === 'EsNode.java';
    const onPath = asModule ? jars.filter((jar) => !isNetty(jar)) : jars;
    const settings = {
      ...(this.#port > 0 && { 'http.port': String(this.#port) }),
      ...this.#options.settings,
    };
    const { heap } = this.#options;
    const flags = heap === undefined ? FLAGS : [`-Xms${heap}`, `-Xmx${heap}`, ...FLAGS.slice(2)];
    const child = spawn(
      java,
      [
        ...flags,
        ...['-cp', onPath.join(':'), at('test/support/search-server', source), this.home],
        (asModule ? jars.find(isNetty) : plugin) ?? '',
        ...Object.entries(settings).map(([key, value]) => `${key}=${value}`),
      ],
      { stdio: ['pipe', 'pipe', 'pipe'], cwd: this.home },
    );
    this.#child = child;
    // Ending a server whose pipe is gone already is no error.
    child.stdin?.on('error', () => undefined);
    this.#port = await portOf(child);
    // One with security knows its users a while after it listens.
    const health = () => this.call('GET', '/_cluster/health?wait_for_status=yellow&timeout=30s');
    await eventually('the cluster to be usable', () => health().catch(() => false));
  }

  /** One request, with JSON or NDJSON; the parsed answer. @throws when the status is 400 or more */
  async call(method: string, path: string, body?: object | string): Promise<Answer> {
    const { authorization } = this.#options;
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(authorization !== undefined && { authorization }),
        ...(body !== undefined && {
          'content-type': typeof body === 'string' ? 'application/x-ndjson' : 'application/json',
        }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok)
      throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 2000)}`);
    return text === '' ? {} : (JSON.parse(text) as Answer);
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    await this.#ended('SIGKILL');
  }

  /** Ends it in good order. */
  async stop(): Promise<void> {
    await this.#ended(undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    process.off('exit', this.#killAtExit);
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }

  async #ended(signal: 'SIGKILL' | undefined): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    this.#end(signal);
    await exit;
  }

  #end(signal: 'SIGKILL' | undefined): void {
    if (signal) this.#child?.kill(signal);
    else this.#child?.stdin?.end();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: answers of a server, looked into by tests
export type Answer = any;

async function portOf(child: ChildProcess): Promise<number> {
  let output = '';
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const timer = setTimeout(() => reject(new Error(`no READY within ${START_MS} ms\n${output}`)), START_MS);
  const read = (text: string): void => {
    output = (output + text).slice(-20_000);
    const port = /^READY .*:(\d+)$/m.exec(output)?.[1];
    if (port !== undefined) resolve(Number(port));
  };
  child.stdout?.setEncoding('utf8').on('data', read);
  child.stderr?.setEncoding('utf8').on('data', read);
  child.once('exit', (code, signal) => reject(new Error(`the server ended (${code ?? signal})\n${output}`)));
  child.once('error', reject);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
