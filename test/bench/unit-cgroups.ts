/** Cgroups as systemd makes them for services, in each hierarchy of the host; empty, and removed again. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readHierarchies } from '../../src/procfs/cgroup-hierarchies.ts';

const SLICE = 'system.slice';
/** Those whose files metrics are made of; a v2 directory gives its children only what it is told to. */
const CONTROLLERS = ['cpu', 'memory', 'io', 'pids'];

export class UnitCgroups implements Disposable {
  /** The last one was made first. */
  readonly #made: string[] = [];

  constructor(count: number) {
    try {
      for (const { mountPoint, controllers } of readHierarchies('/proc')) {
        const slice = join(mountPoint, SLICE);
        if (!existsSync(slice)) this.#make(slice);
        if (controllers.includes('unified')) for (const directory of [mountPoint, slice]) delegate(directory);
        for (let unit = 0; unit < count; unit++) this.#make(join(slice, `huatuo-bench-${unit}.service`));
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  #make(directory: string): void {
    mkdirSync(directory);
    this.#made.unshift(directory);
  }

  [Symbol.dispose](): void {
    for (const directory of this.#made) rmdirSync(directory);
  }
}

function delegate(directory: string): void {
  for (const controller of CONTROLLERS) {
    try {
      writeFileSync(join(directory, 'cgroup.subtree_control'), `+${controller}`);
    } catch {
      // One that the host has in v1.
    }
  }
}
