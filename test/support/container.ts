/**
 * A real container, made by runc or crun from a busybox root filesystem.
 *
 *   runtime `run` (our child) ──► init: sh prints a line, waits for one, then executes `args`
 *
 * The wait is where start() reads pid and cgroup ids, which a short-lived command would take with it. The runtime stays
 * in the foreground: it hands us the exit code, and deletes the container however it ends.
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import {
  assertOwn,
  CGROUP_PARENT,
  cgroupInodes,
  cgroupMounts,
  mountPointOf,
  removeCgroup,
} from './container-cgroups.ts';
import { bundleConfig, type ContainerSpec } from './container-config.ts';
import { skipWithoutPrograms } from './container-programs.ts';
import { makeRootfs } from './container-rootfs.ts';
import { eventually } from './eventually.ts';

/** Of the folders in the temporary directory. */
export const BUNDLE_PREFIX: string = `huatuo-container-${process.pid}-`;
const MAX_OUTPUT_CHARACTERS = 65_536;
const END_TIMEOUT_MS = 10_000;

export type OciRuntime = 'runc' | 'crun';

interface TestContainerOptions extends Partial<ContainerSpec> {
  readonly runtime: OciRuntime;
  /** Its cgroup below that of this test process, `/huatuo-test-<pid>`; given the id. @default the id alone */
  readonly cgroup?: (id: string) => string;
  /** The command waits for release(). */
  readonly held?: boolean;
}

export function skipWithoutRuntime(runtime: OciRuntime): string | false {
  return skipWithoutPrograms(runtime, 'busybox');
}

export class TestContainer implements AsyncDisposable {
  /** 64 hex characters. */
  readonly id: string = randomBytes(32).toString('hex');
  /** Below the mount points of the hierarchies, with a leading slash. */
  readonly cgroup: string;
  /** What the runtime takes as `--root`, named as below /run: its state is in a folder with the container's id below. */
  readonly stateRoot: string;
  readonly bundle: string;
  readonly #command: readonly string[];
  readonly #pidFile: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Of the runtime. */
  readonly #exit: Promise<[code: number | null, signal: string | null]>;
  /** Nobody can print any more: under crun the container prints into our pipe itself. */
  readonly #closed: Promise<unknown>;
  #pid = 0;
  #inodes: ReadonlyMap<string, bigint> = new Map();
  #output = '';

  private constructor({ runtime, cgroup = (id) => id, held: _, ...spec }: TestContainerOptions) {
    this.cgroup = join(CGROUP_PARENT, cgroup(this.id));
    assertOwn(this.cgroup);
    this.bundle = mkdtempSync(join(tmpdir(), BUNDLE_PREFIX));
    this.stateRoot = join(this.bundle, runtime);
    this.#pidFile = join(this.bundle, 'pid');
    mkdirSync(this.stateRoot);
    makeRootfs(join(this.bundle, 'rootfs'));
    writeFileSync(join(this.bundle, 'config.json'), JSON.stringify(bundleConfig(this.cgroup, spec)));
    this.#command = [...wrapperOf(runtime), runtime, '--root', this.stateRoot];
    const [program = '', ...args] = this.#command;
    const run = ['run', '--bundle', this.bundle, '--pid-file', this.#pidFile, this.id];
    this.#child = spawn(program, [...args, ...run], { stdio: 'pipe' });
    this.#exit = once(this.#child, 'exit') as Promise<[number | null, string | null]>;
    this.#closed = once(this.#child, 'close');
    // A container that ends before release() has no reader; its output says why.
    this.#child.stdin.on('error', () => {});
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(0, MAX_OUTPUT_CHARACTERS);
      });
  }

  /**
   * Starts it and waits until its init is in its cgroup; `args` is executed right after that, or when released.
   * @throws with what the runtime printed
   */
  static async start(options: TestContainerOptions): Promise<TestContainer> {
    const container = new TestContainer(options);
    try {
      await container.#untilHeld();
      if (!options.held) container.release();
      return container;
    } catch (error) {
      await container[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Of its init, in the pid namespace of this process. */
  get pid(): number {
    return this.#pid;
  }

  /** What the command printed, its errors too, without the line of the start. */
  get output(): string {
    return this.#output.slice(this.#output.indexOf('\n') + 1);
  }

  /** What BPF programs report as the id of its cgroup, also after its end. */
  cgroupId(controller: string): bigint {
    const inode = this.#inodes.get(mountPointOf(controller) ?? '');
    if (inode === undefined) throw new Error(`the container has no cgroup of controller ${controller}`);
    return inode;
  }

  /** Lets the command of a held container begin. */
  release(): void {
    this.#child.stdin.end('\n');
  }

  /**
   * Exit code of the command, 128 + signal when one killed it; the runtime has removed the container by then.
   * @throws when the runtime itself was killed
   */
  async exited(): Promise<number> {
    const [code, signal] = await this.#exit;
    if (code === null) throw new Error(`the runtime was killed by ${signal}`);
    await this.#closed;
    return code;
  }

  /** Ends it, however far it came, and removes all that it left. */
  async [Symbol.asyncDispose](): Promise<void> {
    // The runtime reaps init and ends: while it runs, the pid cannot be somebody else's.
    if (this.#runs && this.#pid) kill(this.#pid);
    else if (this.#runs) this.#child.kill('SIGTERM');
    const deadline = setTimeout(() => this.#child.kill('SIGKILL'), END_TIMEOUT_MS);
    await this.#exit;
    clearTimeout(deadline);
    // Only a runtime that was killed leaves the container to us.
    const [program = '', ...args] = this.#command;
    if (existsSync(join(this.stateRoot, this.id)))
      spawnSync(program, [...args, 'delete', '--force', this.id], { stdio: 'ignore' });
    await removeCgroup(this.cgroup);
    await this.#closed;
    rmSync(this.bundle, { recursive: true, force: true });
  }

  get #runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async #untilHeld(): Promise<void> {
    await eventually(
      `container ${this.id} to start`,
      () => {
        if (!this.#runs) throw new Error(`the runtime ended: ${this.#output}`);
        this.#pid ||= readPid(this.#pidFile);
        return this.#pid > 0 && this.#output.includes('\n');
      },
      { last: () => this.#output },
    );
    this.#inodes = cgroupInodes(this.cgroup);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}

/** 0 as long as the runtime has not written it. */
function readPid(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return 0;
  }
}

/** crun refuses hosts where v2 has a controller beside v1 hierarchies: it gets a view of the mounts without v2. */
function wrapperOf(runtime: OciRuntime): readonly string[] {
  const { v1, v2 } = cgroupMounts();
  if (runtime !== 'crun' || v1.length === 0 || v2.length === 0) return [];
  const script = 'umount "$1" && shift && exec "$@"';
  const [unified] = v2.map(({ mountPoint }) => mountPoint);
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', unified ?? ''];
}
