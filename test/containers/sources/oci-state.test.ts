/** Trees as they are below /run, and a procfs that says who runs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ociState } from '../../../src/containers/sources/oci-state.ts';
import type { DetailSource } from '../../../src/containers/sources/source.ts';
import { failsWith, soon } from './failure.ts';
import { fixture } from './fixture.ts';

const K8S = 'c1'.repeat(32);
const PODMAN = 'b0'.repeat(32);
const CRIO = 'e0'.repeat(32);

class Host implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'huatuo-oci-'));
  readonly run: string = join(this.#directory, 'run');
  readonly source: DetailSource = ociState({ root: this.run, procfs: join(this.#directory, 'proc') });

  write(path: string, text: string): string {
    const whole = join(this.#directory, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, text);
    return whole;
  }

  process(pid: number, start_ticks: number): void {
    const fields = ['S', ...Array.from({ length: 18 }, () => 0), start_ticks, 0];
    this.write(`proc/${pid}/stat`, `${pid} (web) ${fields.join(' ')}\n`);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** The fixture with fields changed. */
const changed = (name: string, fields: object): string =>
  JSON.stringify({ ...JSON.parse(fixture(name)), ...fields });

test('a container of runc is linked by its cgroup directories, below the roots of their hierarchies', async () => {
  using host = new Host();
  host.process(4242, 1181791);
  host.write('run/runc/web/state.json', fixture('runc-state.json'));
  assert.equal(host.source.present(), true);
  assert.deepEqual(await host.source.list(soon()), [
    {
      id: 'web',
      runtime: 'runc',
      name: 'web',
      image: 'registry.test/web:1',
      hostname: 'web-host',
      labels: { 'org.opencontainers.image.ref.name': 'registry.test/web:1', equals: 'a=b' },
      initPid: 4242,
      startTime: '2023-11-14T22:13:21.5Z',
      cgroupPaths: ['/web', '/jobs/web'],
    },
  ]);
  assert.deepEqual(host.source.leftOut, { malformed: 0, overLimit: 0 });
});

test('on cgroup v2 the path is below /sys/fs/cgroup itself; other mounts and the root are no link', async () => {
  using host = new Host();
  host.process(4242, 1181791);
  const paths = (cgroup_paths: object): string => changed('runc-state.json', { cgroup_paths });
  host.write('run/runc/a/state.json', paths({ '': '/sys/fs/cgroup/system.slice/runc-a.scope' }));
  host.write('run/runc/b/state.json', paths({ '': '/sys/fs/cgroup/', memory: '/cgroup/memory/b' }));
  host.write('run/runc/c/state.json', paths({ '': '/sys/fs/cgroup/../../etc' }));
  const found = await host.source.list(soon());
  assert.deepEqual(Object.fromEntries(found.map(({ id, cgroupPaths }) => [id, cgroupPaths])), {
    a: ['/system.slice/runc-a.scope'],
    b: [],
    c: [],
  });
});

test('a container of crun', async () => {
  using host = new Host();
  host.process(4343, 2000);
  host.write('run/crun/job/status', fixture('crun-status.json'));
  mkdirSync(join(host.run, 'crun/.empty-directory'));
  assert.deepEqual(await host.source.list(soon()), [
    {
      id: 'job',
      runtime: 'crun',
      name: 'job',
      initPid: 4343,
      startTime: '2023-11-14T22:13:21.500000Z',
      cgroupPaths: ['/system.slice/crun-job.scope'],
    },
  ]);
});

test("a bundle of containerd's CRI plugin, without its environment", async () => {
  using host = new Host();
  host.process(99, 5);
  const bundle = `run/containerd/io.containerd.runtime.v2.task/k8s.io/${K8S}`;
  host.write(`${bundle}/config.json`, fixture('containerd-config.json'));
  host.write(`${bundle}/init.pid`, '99');
  const [found, ...others] = await host.source.list(soon());
  assert.equal(others.length, 0);
  assert.ok(found);
  const { labels, ...rest } = found;
  assert.equal(labels?.['io.kubernetes.cri.container-type'], 'container');
  assert.deepEqual(rest, {
    id: K8S,
    runtime: 'containerd',
    name: 'nginx',
    image: 'docker.io/library/nginx:1.25',
    hostname: 'web-0',
    podName: 'web-0',
    hostNamespace: 'shop',
    initPid: 99,
    cgroupPaths: [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-${K8S}.scope`,
      `/kubepods-burstable-pod1_2.slice:cri-containerd:${K8S}`,
    ],
  });
  assert.ok(!JSON.stringify(found).includes('hunter2'));
});

test('the state of the runtime and the bundle of its caller are one container', async () => {
  using host = new Host();
  host.process(4242, 1181791);
  host.process(4343, 2000);
  host.write(`run/containerd/runc/k8s.io/${K8S}/state.json`, fixture('runc-state.json'));
  const bundle = `run/containerd/io.containerd.runtime.v2.task/k8s.io/${K8S}`;
  host.write(`${bundle}/config.json`, fixture('containerd-config.json'));
  host.write(`${bundle}/init.pid`, '1');
  host.write(`run/crun/${PODMAN}/status`, fixture('crun-status.json'));
  host.write(
    `run/containers/storage/overlay-containers/${PODMAN}/userdata/config.json`,
    fixture('podman-config.json'),
  );
  host.write(`run/crun/${CRIO}/status`, fixture('crun-status.json'));
  host.write(
    `run/containers/storage/overlay-containers/${CRIO}/userdata/config.json`,
    fixture('crio-config.json'),
  );
  host.write('run/docker/runtime-runc/moby/d/state.json', fixture('runc-state.json'));
  const found = await host.source.list(soon());
  assert.deepEqual(
    found.map(({ id, runtime, name, hostname, podName, initPid, cgroupPaths }) => [
      id,
      runtime,
      name,
      hostname,
      podName,
      initPid,
      cgroupPaths?.[0],
    ]),
    [
      ['d', 'docker', 'd', 'web-host', undefined, 4242, '/web'],
      [K8S, 'containerd', 'nginx', 'web-host', 'web-0', 4242, '/web'],
      [PODMAN, 'podman', undefined, 'db-host', undefined, 4343, '/system.slice/crun-job.scope'],
      [CRIO, 'cri-o', 'coredns', 'dns-0', 'dns-0', 4343, '/system.slice/crun-job.scope'],
    ],
  );
});

test('containers of one name in two containerd namespaces stay two', async () => {
  using host = new Host();
  host.process(4242, 1181791);
  for (const namespace of ['default', 'test'])
    host.write(
      `run/containerd/runc/${namespace}/redis/state.json`,
      changed('runc-state.json', { cgroup_paths: { '': `/sys/fs/cgroup/${namespace}/redis` } }),
    );
  const found = await host.source.list(soon());
  assert.deepEqual(
    found.map(({ id, cgroupPaths }) => [id, cgroupPaths]),
    [
      ['redis', ['/default/redis']],
      ['redis', ['/test/redis']],
    ],
  );
});

test('what ended is not listed, also when another process has its pid now', async () => {
  using host = new Host();
  host.process(4242, 1181792);
  host.write('run/runc/reused/state.json', fixture('runc-state.json'));
  host.write('run/runc/ended/state.json', changed('runc-state.json', { init_process_pid: 9 }));
  host.write('run/runc/creating/state.json', changed('runc-state.json', { init_process_pid: 0 }));
  host.write(
    `run/containers/storage/overlay-containers/${PODMAN}/userdata/config.json`,
    fixture('podman-config.json'),
  );
  assert.deepEqual(await host.source.list(soon()), []);
  assert.deepEqual(host.source.leftOut, { malformed: 0, overLimit: 0 });
});

test('a file is read again when it was written again', async () => {
  using host = new Host();
  host.process(4242, 1181791);
  const write = (created: string): string =>
    host.write('run/runc/web/state.json', changed('runc-state.json', { created }));
  write('2023-11-14T22:13:21Z');
  const first = await host.source.list(soon());
  assert.deepEqual(await host.source.list(soon()), first);
  write('2024-01-01T00:00:00.5Z');
  assert.equal((await host.source.list(soon()))[0]?.startTime, '2024-01-01T00:00:00.5Z');
});

test('a torn, mistyped, huge, linked or endless file costs its container only', {
  timeout: 20_000,
}, async () => {
  using host = new Host();
  host.process(4242, 1181791);
  host.write('run/runc/good/state.json', fixture('runc-state.json'));
  host.write('run/runc/torn/state.json', fixture('runc-state.json').slice(0, 200));
  host.write('run/runc/mistyped/state.json', changed('runc-state.json', { init_process_pid: '4242' }));
  host.write('run/runc/huge/state.json', `"${'x'.repeat(5 << 20)}"`);
  mkdirSync(join(host.run, 'runc/linked'));
  symlinkSync('/dev/zero', join(host.run, 'runc/linked/state.json'));
  mkdirSync(join(host.run, 'runc/fifo'));
  assert.equal(spawnSync('mkfifo', [join(host.run, 'runc/fifo/state.json')]).status, 0);
  host.write('run/runc/nothing/other', '');
  assert.deepEqual(
    (await host.source.list(soon())).map(({ id }) => id),
    ['good'],
  );
  assert.deepEqual(host.source.leftOut, { malformed: 5, overLimit: 0 });
});

test('state that nobody understands is a failure that quotes nothing', async () => {
  using host = new Host();
  host.write('run/crun/a/status', '{"env": "PASSWORD=hunter2');
  const error = await failsWith(host.source.list(soon()), /25 bytes that are not JSON/);
  assert.ok(!`${error.message} ${error.cause}`.includes('hunter2'));
  host.write('run/crun/a/status', '{"pid": "x"}');
  await failsWith(host.source.list(soon()), /found pid: .*expected number, received string/);
});

test('a deadline that has passed ends the reading', async () => {
  using host = new Host();
  host.write('run/crun/a/status', fixture('crun-status.json'));
  await failsWith(host.source.list(AbortSignal.abort(new Error('too late'))), /given up \(too late\)/);
});

test('a host without any of it: not present, and nothing', async () => {
  using host = new Host();
  assert.equal(host.source.present(), false);
  assert.deepEqual(await host.source.list(soon()), []);
});
