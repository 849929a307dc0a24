/** Trees of plain directories with a mountinfo that calls them cgroup file systems: the inodes are real. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { CgroupContainers } from '../../src/containers/cgroup.ts';

const A = 'aa'.repeat(32);
const B = 'bb'.repeat(32);
const POD = 'kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice';

/** A host: `<temp>/proc/self/mountinfo`, hierarchies below `<temp>/cgroup`, a clock and a log in the test's hands. */
class Host implements Disposable {
  readonly root: string = mkdtempSync(join(tmpdir(), 'huatuo-containers-'));
  readonly warnings: string[] = [];
  now_ms = 0;
  readonly containers: CgroupContainers = new CgroupContainers({
    procfs: join(this.root, 'proc'),
    log: { warn: (_, detail) => void this.warnings.push(JSON.stringify(detail)) },
    now_ms: () => this.now_ms,
  });

  /** @param mounts directory below `cgroup` to super options; undefined options mean cgroup v2 */
  constructor(mounts: Record<string, string | undefined>) {
    const lines = Object.entries(mounts).map(([name, options]) => {
      mkdirSync(this.path(name), { recursive: true });
      const [type, source] = options === undefined ? ['cgroup2', 'cgroup2'] : ['cgroup', 'cgroup'];
      return `30 24 0:26 / ${this.path(name)} rw,nosuid shared:9 - ${type} ${source} ${options ?? 'rw,nsdelegate'}\n`;
    });
    mkdirSync(dirname(this.mountinfo), { recursive: true });
    writeFileSync(this.mountinfo, lines.join(''));
  }

  get mountinfo(): string {
    return join(this.root, 'proc', 'self', 'mountinfo');
  }

  path(...parts: string[]): string {
    return join(this.root, 'cgroup', ...parts);
  }

  /** Makes a cgroup and gives its inode. */
  cgroup(...parts: string[]): bigint {
    mkdirSync(this.path(...parts), { recursive: true });
    return statSync(this.path(...parts), { bigint: true }).ino;
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}

test('a v2 container is found by its cgroup and by those below it; the host is nobody', () => {
  using host = new Host({ unified: undefined });
  const id = host.cgroup('unified', POD, `cri-containerd-${A}.scope`);
  const below = host.cgroup('unified', POD, `cri-containerd-${A}.scope`, 'init', 'worker');
  const pod = host.cgroup('unified', POD);
  assert.deepEqual(host.containers.list(), [
    {
      id: A,
      hostname: A.slice(0, 12),
      name: A.slice(0, 12),
      hostNamespace: '',
      type: 'normal',
      qos: 'burstable',
      cgroups: { unified: host.path('unified', POD, `cri-containerd-${A}.scope`) },
      cgroupIds: [id],
    },
  ]);
  assert.equal(host.containers.byCgroupId(id)?.id, A);
  assert.equal(host.containers.byCgroupId(below)?.id, A);
  assert.equal(host.containers.byCgroupId(below, 'memory')?.id, A);
  assert.equal(host.containers.byCgroupId(pod), undefined);
});

test('v1 hierarchies are joined by id; cpu and cpuacct may share a mount; others are not read', () => {
  using host = new Host({
    memory: 'rw,memory',
    'cpu,cpuacct': 'rw,cpu,cpuacct',
    systemd: 'rw,xattr,name=systemd',
    freezer: 'rw,freezer',
  });
  const memory = host.cgroup('memory', 'docker', A);
  const cpu = host.cgroup('cpu,cpuacct', 'docker', A);
  host.cgroup('systemd', 'docker', B);
  const [container, ...others] = host.containers.list();
  assert.deepEqual(others, []);
  assert.deepEqual(container?.cgroups, {
    memory: host.path('memory', 'docker', A),
    cpu: host.path('cpu,cpuacct', 'docker', A),
    cpuacct: host.path('cpu,cpuacct', 'docker', A),
  });
  assert.deepEqual(container?.cgroupIds, [memory, cpu, cpu]);
  assert.equal(container?.qos, 'unknown');
  assert.equal(host.containers.byCgroupId(cpu, 'cpuacct')?.id, A);
  assert.equal(host.containers.byCgroupId(cpu, 'memory'), undefined);
});

test('an inode that means different containers in different v1 hierarchies needs its controller', (t) => {
  using host = new Host({ memory: 'rw,memory', cpu: 'rw,cpu' });
  const mountPoints = [host.path('memory'), host.path('cpu')];
  // Two tmpfs number their inodes alike, as two v1 hierarchies do.
  const mounted = mountPoints.filter(
    (path) => spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', path]).status === 0,
  );
  try {
    const inode = host.cgroup('memory', 'docker', A);
    if (mounted.length < 2 || host.cgroup('cpu', 'docker', B) !== inode)
      return t.skip('needs root and a tmpfs that numbers its own inodes');
    assert.equal(host.containers.byCgroupId(inode, 'memory')?.id, A);
    assert.equal(host.containers.byCgroupId(inode, 'cpu')?.id, B);
    assert.equal(host.containers.byCgroupId(inode), undefined);
  } finally {
    for (const path of mounted) spawnSync('umount', [path]);
  }
});

test('a container inside a container stands for itself; the same id again does not', () => {
  using host = new Host({ unified: undefined });
  const outer = host.cgroup('unified', 'docker', A);
  const again = host.cgroup('unified', 'docker', A, 'scope', A);
  const inner = host.cgroup('unified', 'docker', A, 'kubelet', 'kubepods', 'besteffort', 'pod-uid', B);
  const between = host.cgroup('unified', 'docker', A, 'kubelet');
  const byId = new Map(host.containers.list().map((container) => [container.id, container]));
  assert.equal(byId.get(A)?.cgroups.unified, host.path('unified', 'docker', A));
  assert.equal(byId.get(B)?.qos, 'besteffort');
  assert.deepEqual(
    [outer, again, inner, between].map((id) => host.containers.byCgroupId(id)?.id),
    [A, A, B, A],
  );
});

test('files and symbolic links with the name of a container are none', () => {
  using host = new Host({ unified: undefined });
  host.cgroup('unified', 'docker');
  host.cgroup('elsewhere');
  writeFileSync(host.path('unified', 'docker', A), '');
  linkSync(host.path('unified', 'docker', A), host.path('unified', A));
  symlinkSync(host.path('elsewhere'), host.path('unified', 'docker', B));
  assert.deepEqual(host.containers.list(), []);
});

test('the list is read again after 5 s, an unknown cgroup after 1 s', () => {
  using host = new Host({ unified: undefined });
  assert.deepEqual(host.containers.list(), []);
  const inode = host.cgroup('unified', 'docker', A);
  host.now_ms = 999;
  assert.equal(host.containers.byCgroupId(inode), undefined);
  host.now_ms = 1_000;
  assert.equal(host.containers.byCgroupId(inode)?.id, A);
  host.cgroup('unified', 'docker', B);
  host.now_ms = 5_999;
  assert.equal(host.containers.list().length, 1);
  host.now_ms = 6_000;
  assert.equal(host.containers.list().length, 2);
});

test('a cgroup of the host does not cause another reading', () => {
  using host = new Host({ unified: undefined });
  const slice = host.cgroup('unified', 'system.slice');
  assert.equal(host.containers.byCgroupId(slice), undefined);
  rmSync(host.mountinfo);
  host.now_ms = 10_000;
  assert.equal(host.containers.byCgroupId(slice), undefined);
  assert.deepEqual(host.warnings, []);
});

test('a container that vanished is known for 5 minutes, but not listed', () => {
  using host = new Host({ unified: undefined });
  const inode = host.cgroup('unified', 'docker', A, 'init');
  host.containers.list();
  rmSync(host.path('unified', 'docker', A), { recursive: true });
  host.now_ms = 6_000;
  assert.deepEqual(host.containers.list(), []);
  host.now_ms = 6_000 + 299_000;
  assert.equal(host.containers.byCgroupId(inode)?.id, A);
  host.now_ms = 6_000 + 301_000;
  assert.equal(host.containers.byCgroupId(inode), undefined);
});

test('the old list stays when the tree cannot be read, and that is said once', () => {
  using host = new Host({ unified: undefined });
  host.cgroup('unified', 'docker', A);
  assert.equal(host.containers.list().length, 1);
  renameSync(host.path('unified'), host.path('moved'));
  for (const now_ms of [6_000, 12_000, 18_000]) {
    host.now_ms = now_ms;
    assert.equal(host.containers.list()[0]?.id, A);
  }
  assert.equal(host.warnings.length, 1);
  renameSync(host.path('moved'), host.path('unified'));
  rmSync(host.path('unified', 'docker', A), { recursive: true });
  host.now_ms = 24_000;
  assert.deepEqual(host.containers.list(), []);
});

test('a host without cgroups has no containers and one warning', () => {
  using host = new Host({});
  host.now_ms = 5_000;
  assert.deepEqual(host.containers.list(), []);
  host.now_ms = 10_000;
  assert.deepEqual(host.containers.list(), []);
  assert.equal(host.warnings.length, 1);
  assert.match(host.warnings[0] ?? '', /cgroup file system/);
});

test('what is deeper than 10 levels is not searched, and that is said', () => {
  using host = new Host({ unified: undefined });
  const levels = (count: number): string[] => Array.from({ length: count }, (_, i) => `level${i}`);
  host.cgroup('unified', ...levels(9), A);
  assert.equal(host.containers.list().length, 1);
  assert.deepEqual(host.warnings, []);
  host.cgroup('unified', ...levels(10), B);
  host.now_ms = 5_000;
  assert.equal(host.containers.list().length, 1);
  assert.match(host.warnings[0] ?? '', /too deep/);
});

test('the mount that shows the whole hierarchy is taken before a bind mount of a part', () => {
  using host = new Host({ part: 'rw,memory', memory: 'rw,memory' });
  const lines = [
    `31 24 0:27 /docker/${A} ${host.path('part')} rw - cgroup cgroup rw,memory`,
    `32 24 0:27 / ${host.path('memory')} rw - cgroup cgroup rw,memory`,
  ];
  writeFileSync(host.mountinfo, `${lines.join('\n')}\n`);
  host.cgroup('memory', 'docker', A);
  host.cgroup('part', B);
  assert.deepEqual(
    host.containers.list().map(({ id }) => id),
    [A],
  );
});
