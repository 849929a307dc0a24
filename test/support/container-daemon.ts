/** A container engine's daemon with everything it writes below one temporary directory. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseMountinfo, readMountinfo } from '../../src/procfs/mountinfo.ts';
import { removeCgroup } from './container-cgroups.ts';
import { eventually } from './eventually.ts';

const STOP_TIMEOUT_MS = 10_000;
const LAST_LINES_CHARACTERS = 2_000;

/** A new one. The caller removes it, or hands it to a TestDaemon. */
export function makeEngineDirectory(): string {
  return mkdtempSync(join(tmpdir(), `huatuo-engine-${process.pid}-`));
}

interface DaemonOptions {
  /** From makeEngineDirectory(); removed with the daemon. */
  readonly directory: string;
  readonly socket: string;
  /** What its containers are below; removed with the daemon. */
  readonly cgroup: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
}

export class TestDaemon implements AsyncDisposable {
  readonly directory: string;
  readonly socket: string;
  readonly #cgroup: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor({ directory, socket, cgroup }: DaemonOptions, child: ChildProcess) {
    this.directory = directory;
    this.socket = socket;
    this.#cgroup = cgroup;
    this.#child = child;
    this.#ended = once(child, 'exit');
  }

  /**
   * Starts a daemon, and waits until its socket answers.
   * @throws with the end of its log
   */
  static async start(options: DaemonOptions): Promise<TestDaemon> {
    const { directory, socket, command, env = {} } = options;
    const [program, ...args] = command;
    const log = join(directory, 'log');
    const output = openSync(log, 'w');
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    const daemon = new TestDaemon(options, child);
    try {
      const last = (): string => readFileSync(log, 'utf8').slice(-LAST_LINES_CHARACTERS);
      await eventually(
        `${program} to listen`,
        async () => {
          if (child.exitCode !== null) throw new Error(`${program} ended: ${last()}`);
          return answers(socket);
        },
        { last },
      );
      return daemon;
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Ends the daemon; its containers have been removed by then. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(deadline);
    await removeCgroup(this.#cgroup);
    // What a daemon that was killed left mounted must not be emptied with the directory.
    for (const { mountPoint } of parseMountinfo(readMountinfo('/proc')).toReversed())
      if (mountPoint.startsWith(this.directory)) spawnSync('umount', ['--lazy', mountPoint]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function answers(socket: string): Promise<boolean> {
  const connection = connect(socket);
  try {
    await once(connection, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    connection.destroy();
  }
}
