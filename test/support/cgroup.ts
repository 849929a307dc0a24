/** cgroups of a test's own, in whatever hierarchy the host has the controller. */
import { mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Hierarchy, readHierarchies } from '../../src/procfs/cgroup-hierarchies.ts';
import { eventually } from './eventually.ts';

export class TestCgroup implements AsyncDisposable {
  readonly version: 1 | 2;
  /** Below the mount point of its hierarchy, with a leading slash. */
  readonly name: string;
  readonly path: string;
  readonly #made: readonly string[];

  private constructor(version: 1 | 2, name: string, path: string, made: readonly string[]) {
    this.version = version;
    this.name = name;
    this.path = path;
    this.#made = made;
  }

  /** @param name absolute path below the mount point; parents that are missing are made, and removed again */
  static make(controller: string, name: string): TestCgroup {
    const hierarchy = hierarchyOf(controller);
    if (!hierarchy) throw new Error(`this host has no ${controller} controller`);
    const { mountPoint, controllers } = hierarchy;
    const version = controllers.includes('unified') ? 2 : 1;
    const made: string[] = [];
    let path = mountPoint;
    for (const part of name.split('/').slice(1)) {
      // A v2 directory gives its children only the controllers it is told to.
      if (version === 2 && controller !== 'unified')
        writeFileSync(join(path, 'cgroup.subtree_control'), `+${controller}`);
      path = join(path, part);
      if (statSync(path, { throwIfNoEntry: false })) continue;
      mkdirSync(path);
      made.unshift(path);
    }
    return new TestCgroup(version, name, path, made);
  }

  /** What BPF programs report as its id. */
  get inode(): bigint {
    return TestCgroup.inodeOf(this.path);
  }

  static inodeOf(path: string): bigint {
    return statSync(path, { bigint: true }).ino;
  }

  /** Moves a process here. */
  add(pid: number): void {
    writeFileSync(join(this.path, 'cgroup.procs'), String(pid));
  }

  /** Bounds its memory and keeps it out of swap. */
  limitMemory(bytes: number): void {
    const [limit, swap, none] =
      this.version === 1
        ? ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes', String(bytes)]
        : ['memory.max', 'memory.swap.max', '0'];
    writeFileSync(join(this.path, limit), String(bytes));
    const swapFile = join(this.path, swap);
    if (statSync(swapFile, { throwIfNoEntry: false })) writeFileSync(swapFile, none);
  }

  /** Of CPU time that is fought for, it gets this many times what others get. */
  favour(times: number): void {
    if (this.version === 2) writeFileSync(join(this.path, 'cpu.weight'), String(100 * times));
    else writeFileSync(join(this.path, 'cpu.shares'), String(1024 * times));
  }

  /** Removes what was made, once the last task has left it; the caller ends those. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const path of this.#made) {
      await eventually(
        `cgroup ${path} to be empty`,
        () => readFileSync(join(path, 'cgroup.procs')).length === 0,
      );
      rmdirSync(path);
    }
  }
}

/** The hierarchy a controller is used in, `unified` for v2; undefined when the host does not have it. */
export function hierarchyOf(controller: string): Hierarchy | undefined {
  const all = readHierarchies('/proc');
  const own = all.find(({ controllers }) => controllers.includes(controller));
  const unified = all.find(({ controllers }) => controllers.includes('unified'));
  const inUnified =
    unified && readFileSync(join(unified.mountPoint, 'cgroup.controllers'), 'utf8').trim().split(' ');
  return own ?? (inUnified?.includes(controller) ? unified : undefined);
}

export function skipWithoutController(controller: string): string | false {
  return hierarchyOf(controller) ? false : `this host has no ${controller} controller`;
}
