/** The agent's end of the socket for reloads. Whoever may connect to it may reload; see reload-protocol.ts. */
import { chmodSync, chownSync, mkdtempSync, renameSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { HuatuoError } from '../error.ts';
import type { Log } from '../sdk/context.ts';
import {
  REQUEST,
  type ReloadAnswer,
  type ReloadPlace,
  reloadSocketPath,
  shortPath,
} from './reload-protocol.ts';

/** Those that wait for a reload share it. */
const MAX_CLIENTS = 16;
/** A client that connects and says nothing, or has its answer and does not hang up. */
const SILENCE_MS = 5_000;

const MODE = { user: 0o600, group: 0o660 } as const;

interface Open {
  readonly path: string;
  readonly access: keyof typeof MODE;
  readonly inode: number;
  readonly server: Server;
}

export class ReloadSocket implements Disposable {
  readonly #reload: () => Promise<string>;
  readonly #log: Log;
  readonly #silence_ms: number;
  readonly #clients = new Set<Socket>();
  #open: Open | undefined;
  #wanted: ReloadPlace | undefined;
  /** The path that could not be listened on, as the log has been told. */
  #missing: string | undefined;
  #looking = false;
  #disposed = false;

  /**
   * @param reload rejects with why the old configuration stays in force
   * @param silence_ms for tests
   */
  constructor(reload: () => Promise<string>, log: Log, silence_ms: number = SILENCE_MS) {
    this.#reload = reload;
    this.#log = log;
    this.#silence_ms = silence_ms;
  }

  /**
   * Listens where the configuration in force says. Clients of the old place still get their answer. Where it cannot be listened on, the
   * log says so once, SIGHUP remains, and `heal` tries again.
   */
  follow(config: ReloadPlace): void {
    if (this.#disposed) return;
    this.#wanted = config;
    const path = reloadSocketPath(config);
    const { access } = config.reload;
    const known = this.#open;
    if (known?.path === path && known.access === access && inodeOf(path) === known.inode) return;
    this.#leave();
    try {
      this.#open = this.#listen(path, access);
      if (this.#missing !== undefined) this.#log.info('huatuo reload reaches this agent', { socket: path });
      this.#missing = undefined;
    } catch (error) {
      if (this.#missing !== path)
        this.#log.warn('huatuo reload cannot reach this agent, SIGHUP can', { socket: path, error });
      this.#missing = path;
    }
  }

  /**
   * Listens where the socket could not be made before, as on a disk that was read-only, and where it was removed. Whether it is there
   * is asked off the main thread: its disk may hang.
   */
  async heal(): Promise<void> {
    if (!this.#wanted || this.#looking) return;
    this.#looking = true;
    try {
      if (this.#missing !== undefined || (this.#open && (await isGone(this.#open.path))))
        this.follow(this.#wanted);
    } finally {
      this.#looking = false;
    }
  }

  /** Ends every connection and removes the socket. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#leave();
    for (const client of this.#clients) client.destroy();
  }

  #leave(): void {
    if (!this.#open) return;
    const { path, inode, server } = this.#open;
    this.#open = undefined;
    server.close();
    // What has taken its name since is another agent's.
    if (inodeOf(path) === inode) unlinkSync(path);
  }

  /** The socket gets its name when it has its mode, so it is never open to more. It takes the place of one that was left behind. */
  #listen(path: string, access: Open['access']): Open {
    const server = createServer((client) => this.#serve(client));
    server.maxConnections = MAX_CLIENTS;
    server.on('error', (error) => this.#log.warn('the socket for reloads', { socket: path, error }));
    server.unref();
    const hidden = mkdtempSync(join(dirname(path), '.reload-'));
    try {
      // libuv removes this name again when it closes the socket: it must never be another's.
      const made = join(hidden, basename(hidden));
      using short = shortPath(made);
      // Bound before it returns: libuv does so at once for a path.
      server.listen(short.path);
      if (access === 'group') chownSync(made, -1, statSync(dirname(path)).gid);
      chmodSync(made, MODE[access]);
      refuseOther(path);
      renameSync(made, path);
      return { path, access, server, inode: inodeOf(path) ?? 0 };
    } catch (error) {
      server.close();
      throw error;
    } finally {
      rmSync(hidden, { recursive: true, force: true });
    }
  }

  #serve(client: Socket): void {
    this.#clients.add(client);
    client.on('error', () => undefined).on('close', () => this.#clients.delete(client));
    client.setTimeout(this.#silence_ms, () => client.destroy());
    let asked = '';
    client.setEncoding('latin1').on('data', (text: string) => {
      asked += text;
      if (asked.length > REQUEST.length) client.destroy();
      if (asked !== REQUEST) return;
      client.setTimeout(0);
      void this.#answer().then((answer) =>
        client.end(`${JSON.stringify(answer)}\n`).setTimeout(this.#silence_ms),
      );
    });
  }

  async #answer(): Promise<ReloadAnswer> {
    try {
      return { type: 'done', message: await this.#reload() };
    } catch (thrown) {
      const { code, message, remedy } = HuatuoError.from(
        thrown,
        'CONFIG_INVALID',
        'see the log of the agent',
      );
      return { type: 'refused', error: { code, message, remedy } };
    }
  }
}

/** @throws when something else has the name: it is not ours to remove */
function refuseOther(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isSocket() ?? true) return;
  throw new HuatuoError('CONFIG_INVALID', {
    expected: `no file, or a socket, at ${path}`,
    found: 'something else',
    remedy: 'set reload.socket to another path',
  });
}

/** @returns false also when that cannot be known */
function isGone(path: string): Promise<boolean> {
  return stat(path).then(
    () => false,
    ({ code }: NodeJS.ErrnoException) => code === 'ENOENT',
  );
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
