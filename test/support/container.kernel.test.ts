/** The containers that other tests lean on are real, and leave nothing behind. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { BUNDLE_PREFIX, type OciRuntime, skipWithoutRuntime, TestContainer } from './container.ts';
import { CGROUP_PARENT, cgroupInodes, mountPointOf } from './container-cgroups.ts';
import { skipWithoutPrograms } from './container-programs.ts';

const SHORT_LIVED = 25;
const LIMIT_BYTES = 32 * 2 ** 20;

test('a test that needs a program that is not installed is skipped, and says which', () => {
  const reason = process.geteuid?.() === 0 ? 'not installed: no-such-runtime' : 'containers need root';
  assert.equal(skipWithoutPrograms('sh', 'no-such-runtime'), reason);
  assert.equal(skipWithoutPrograms('sh'), process.geteuid?.() === 0 ? false : reason);
});

for (const runtime of ['runc', 'crun'] as const satisfies readonly OciRuntime[]) {
  const skip = skipWithoutRuntime(runtime);

  test(`a ${runtime} container has its own host name, and its init is in its cgroup`, { skip }, async () => {
    await using container = await TestContainer.start({
      runtime,
      hostname: 'some-host',
      args: ['hostname'],
      cgroup: (id) => `kubepods/burstable/pod1/${id}`,
      held: true,
    });
    const mountPoint = mountPointOf('memory') ?? '';
    const directory = `${mountPoint}${CGROUP_PARENT}/kubepods/burstable/pod1/${container.id}`;
    assert.equal(readFileSync(`${directory}/cgroup.procs`, 'utf8'), `${container.pid}\n`);
    assert.equal(cgroupInodes(container.cgroup).get(mountPoint), container.cgroupId('memory'));
    container.release();
    assert.equal(await container.exited(), 0);
    assert.equal(container.output, 'some-host\n');
  });

  test(`a ${runtime} container is killed when it needs more than its memory limit`, { skip }, async () => {
    await using container = await TestContainer.start({
      runtime,
      memoryLimit_bytes: LIMIT_BYTES,
      args: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=128M', 'count=1'],
    });
    assert.equal(await container.exited(), 128 + 9);
  });

  test(`${runtime} containers that are still running, or never ran, are removed`, { skip }, async () => {
    await using running = await TestContainer.start({ runtime });
    await running[Symbol.asyncDispose]();
    await assert.rejects(TestContainer.start({ runtime, hostname: 'x'.repeat(1_000) }), /the runtime ended/);
    assert.deepEqual(remains(), []);
  });

  test(`${SHORT_LIVED} short-lived ${runtime} containers leave nothing behind`, { skip }, async () => {
    for (let count = 0; count < SHORT_LIVED; count++) {
      await using container = await TestContainer.start({ runtime, args: ['sh', '-c', 'exit 3'] });
      assert.equal(await container.exited(), 3);
    }
    assert.deepEqual(remains(), []);
  });
}

/** Processes, cgroups, mounts and files of containers of this process. */
function remains(): string[] {
  const processes = readdirSync('/proc')
    .filter(
      (name) => /^\d+$/.test(name) && readOrNothing(`/proc/${name}/cgroup`).includes(`${CGROUP_PARENT}/`),
    )
    .map((pid) => `process ${pid}`);
  const cgroups = [...cgroupInodes(CGROUP_PARENT).keys()].map((mount) => `cgroup ${mount}${CGROUP_PARENT}`);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(BUNDLE_PREFIX));
  const bundles = readdirSync(tmpdir()).filter((name) => name.startsWith(BUNDLE_PREFIX));
  return [...processes, ...cgroups, ...mounts, ...bundles];
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
