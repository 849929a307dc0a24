/** Debian's or another's node_exporter, for a comparison; where none is installed there is none. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const NAMES = ['prometheus-node-exporter', 'node_exporter'];
const START_TIMEOUT_MS = 10_000;
const POLL_MS = 50;

export class NodeExporter implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #address: string;

  private constructor(child: ChildProcess, address: string) {
    this.#child = child;
    this.#address = address;
  }

  /** @returns undefined where it is not installed */
  static async start(): Promise<NodeExporter | undefined> {
    const binary = NAMES.map(inPath).find((found) => found !== undefined);
    if (binary === undefined) return undefined;
    const address = `127.0.0.1:${await freePort()}`;
    const child = spawn(binary, [`--web.listen-address=${address}`], { stdio: 'ignore' });
    const exporter = new NodeExporter(child, address);
    for (const end = performance.now() + START_TIMEOUT_MS; performance.now() < end; await sleep(POLL_MS)) {
      if (await exporter.page().then(Boolean, () => false)) return exporter;
    }
    await exporter[Symbol.asyncDispose]();
    throw new Error('node_exporter did not start');
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get url(): string {
    return `http://${this.#address}/metrics`;
  }

  async page(): Promise<string> {
    return (await fetch(this.url)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await exited;
  }
}

function inPath(name: string): string | undefined {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return join(directory, name);
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  server.close();
  await once(server, 'close');
  return port;
}
