/** Parts of which tests of src/containers are made. */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cgroup } from '../../src/containers/walk.ts';
import type { Hierarchy } from '../../src/procfs/cgroup-hierarchies.ts';
import type { Container } from '../../src/sdk/container.ts';

/** Ids as engines draw them. */
export const A: string = 'aa'.repeat(32);
export const B: string = 'bb'.repeat(32);
export const C: string = 'cc'.repeat(32);

export const V2: Hierarchy = { number: 0, controllers: ['unified'], mountPoint: '/cg', root: '/' };
export const MEMORY: Hierarchy = { number: 4, controllers: ['memory'], mountPoint: '/cg/memory', root: '/' };
export const CPU: Hierarchy = {
  number: 1,
  controllers: ['cpu', 'cpuacct'],
  mountPoint: '/cg/cpu',
  root: '/',
};

export function cgroup(inode: bigint, path: string, { number }: Hierarchy = V2): Cgroup {
  return { hierarchy: number, inode, path };
}

/** As the registry makes one of which nobody knows more than the path. */
export function container(fields: Partial<Container> = {}): Container {
  const id = fields.id ?? A;
  return {
    id,
    runtime: 'docker',
    hostname: id.slice(0, 12),
    name: id.slice(0, 12),
    image: '',
    podName: '',
    hostNamespace: '',
    labels: {},
    type: 'normal',
    qos: 'unknown',
    cgroups: {},
    cgroupIds: [],
    ...fields,
  };
}

/** Plain directories that stand for a hierarchy: their inodes are real. */
export class FakeTree implements Disposable {
  readonly mountPoint: string = mkdtempSync(join(tmpdir(), 'huatuo-cgroups-'));
  readonly hierarchy: Hierarchy;

  constructor(hierarchy: Partial<Hierarchy> = {}) {
    this.hierarchy = { ...V2, ...hierarchy, mountPoint: this.mountPoint };
  }

  /** @param path absolute, below the root of the hierarchy */
  make(path: string): bigint {
    const directory = join(this.mountPoint, path);
    mkdirSync(directory, { recursive: true });
    return statSync(directory, { bigint: true }).ino;
  }

  remove(path: string): void {
    rmSync(join(this.mountPoint, path), { recursive: true });
  }

  [Symbol.dispose](): void {
    rmSync(this.mountPoint, { recursive: true, force: true });
  }
}
