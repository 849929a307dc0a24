/**
 * A host as a tree of files: procfs, sysfs and cgroups of one kernel with two containers, one of docker and one of a Kubernetes pod,
 * and two systemd units, one of which is accounted for its memory alone.
 * The trees are test/fixtures/hosts/<name>.tree, over host.tree, which they have in common:
 *
 *   === proc/loadavg
 *   0.20 0.18 0.12 1/80 11206
 *   === proc/1/ns/mnt -> mnt:[4026531841]        a link
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { at } from '../../src/paths.ts';
import type { Container, Unit } from '../../src/sdk/container.ts';
import type { HostPaths } from '../../src/sdk/context.ts';
import { container } from './containers-fixture.ts';

export type HostName = 'v1' | 'v2' | 'hybrid';

const HEAD = /^=== (\S+)(?: -> (.*))?$/;

const DOCKER = '9625d05c04c6003fb447ac1d0b3c56447be88e8eab64298b580e79a63e88529c';
const IN_POD = 'd628a08ebe8776af0cc2a4d3cf5fd9d2ed8c2bf1d1b2fdb37f6e3b1e1f3ef1a2';
const POD = '1f3c5e7a-9b0d-4e2f-8a6c-4d5e6f708192';

/** Below the mount point of a hierarchy: of cgroupfs with v1, of systemd with v2. */
const CGROUPS = {
  v1: { docker: `docker/${DOCKER}`, pod: `kubepods/burstable/pod${POD}/${IN_POD}` },
  v2: {
    docker: `system.slice/docker-${DOCKER}.scope`,
    pod: `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice/cri-containerd-${IN_POD}.scope`,
  },
} as const;

const UNITS = ['nginx.service', 'backup@srv-a\\x2db.service'] as const;

const CONTROLLERS = {
  cpu: 'cpu,cpuacct',
  cpuacct: 'cpu,cpuacct',
  cpuset: 'cpuset',
  memory: 'memory',
  blkio: 'blkio',
  pids: 'pids',
};

export class FixtureHost implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'huatuo-host-'));
  readonly paths: HostPaths = {
    procfs: join(this.directory, 'proc'),
    sysfs: join(this.directory, 'sys'),
  };
  readonly docker: Container;
  readonly inPod: Container;
  readonly units: readonly Unit[];

  constructor(name: HostName) {
    for (const tree of ['host', name])
      this.#unpack(readFileSync(at(`test/fixtures/hosts/${tree}.tree`), 'utf8'));
    const driver = name === 'v2' ? 'v2' : 'v1';
    const common = { image: 'localhost/shop:1', cgroupIds: [] };
    this.docker = container({
      ...common,
      ...{ id: DOCKER, name: 'shop-web', hostname: 'web-7f', runtime: 'docker' },
      ...{ initPid: 17870, netnsInode: 4026532301, cgroups: this.#cgroups(name, CGROUPS[driver].docker) },
    });
    this.inPod = container({
      ...common,
      ...{ id: IN_POD, name: 'db', hostname: 'shop-db-0', podName: 'shop-db-0', runtime: 'containerd' },
      ...{ hostNamespace: 'shop', qos: 'burstable' },
      ...{ initPid: 22345, netnsInode: 4026532402, cgroups: this.#cgroups(name, CGROUPS[driver].pod) },
    });
    this.units = UNITS.map((id, index) => {
      const { memory, ...others } = this.#cgroups(name, `system.slice/${id}`);
      return {
        id,
        cgroupIds: [],
        cgroups: { ...(memory !== undefined && { memory }), ...(index === 0 || name === 'v2' ? others : {}) },
      };
    });
  }

  /** @param path below the tree */
  write(path: string, text: string): void {
    const file = join(this.directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  #unpack(tree: string): void {
    let file: { readonly path: string; readonly lines: string[] } | undefined;
    const flush = (): void => {
      if (file) this.write(file.path, `${file.lines.join('\n')}\n`);
      file = undefined;
    };
    for (const line of tree.trimEnd().split('\n')) {
      const [, path, target] = HEAD.exec(line) ?? [];
      if (path === undefined) {
        file?.lines.push(line);
        continue;
      }
      flush();
      if (target === undefined) file = { path, lines: [] };
      else this.#link(path, target);
    }
    flush();
  }

  #link(path: string, target: string): void {
    const link = join(this.directory, path);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link);
  }

  #cgroups(name: HostName, path: string): Container['cgroups'] {
    const root = join(this.paths.sysfs, 'fs/cgroup');
    if (name === 'v2') return { unified: join(root, path) };
    return {
      ...Object.fromEntries(
        Object.entries(CONTROLLERS).map(([controller, mount]) => [controller, join(root, mount, path)]),
      ),
      ...(name === 'hybrid' && { unified: join(root, 'unified', path) }),
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true });
  }
}
