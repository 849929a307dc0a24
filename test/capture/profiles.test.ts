/** `ctx.profile`: whose stacks, and for how long. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { captureProfiles } from '../../src/capture/profiles.ts';
import type { Subject } from '../../src/sdk/autotracing.ts';
import type { Profiles } from '../../src/sdk/profile.ts';
import { FakeKernel } from '../profile/fake-kernel.ts';
import { container } from '../support/harness-containers.ts';

function profilesOf(kernel: FakeKernel, subject: Subject, deadline_seconds = 30): Profiles {
  const { signal } = new AbortController();
  return captureProfiles(kernel, subject, { procfs: '/proc', signal, deadline_seconds });
}

test('a container is its cgroup, in the hierarchy that tells most; anything else is the host, or the processes one names', async () => {
  const kernel = new FakeKernel();
  const inode = statSync('/proc', { bigint: true }).ino;
  const web = {
    ...container('a'.repeat(64), {}),
    cgroups: { unified: '/sys', memory: '/proc', cpu: '/is/gone' },
  };
  await profilesOf(kernel, web).onCpu({ seconds: 0.1 });
  await profilesOf(kernel, 'sda').block({ seconds: 0.1 });
  await profilesOf(kernel, web).offCpu({ seconds: 0.1, pids: [4, 5] });
  assert.deepEqual(
    kernel.requests.map(({ kind, subject }) => [kind, subject]),
    [
      ['on_cpu', { type: 'cgroup', hierarchy: 'memory', inode }],
      ['block', { type: 'host' }],
      ['off_cpu', { type: 'processes', pids: [4, 5] }],
    ],
  );
});

test('beside a container, the host can be asked for, and some CPUs alone', async () => {
  const kernel = new FakeKernel();
  const web = { ...container('a'.repeat(64), {}), cgroups: { cpu: '/proc' } };
  await profilesOf(kernel, web).onCpu({ seconds: 0.1, of: 'host', cpus: [1, 3] });
  assert.deepEqual(
    kernel.requests.map(({ subject, cpus }) => [subject, cpus]),
    [[{ type: 'host' }, [1, 3]]],
  );
});

test('a container that has ended has no profile, and no other one is taken', async () => {
  const gone = { ...container('a'.repeat(64), {}), cgroups: { cpu: '/is/gone' } };
  const kernel = new FakeKernel();
  await assert.rejects(profilesOf(kernel, gone).onCpu({ seconds: 1 }), { code: 'SOURCE_UNREADABLE' });
  assert.deepEqual(kernel.requests, []);
});

test('it ends before the capture does, whatever was asked for', async () => {
  const kernel = new FakeKernel();
  const { seconds } = await profilesOf(kernel, 'host', 1).onCpu({ seconds: 60, hz: 1e9 });
  assert.ok(seconds < 30, `${seconds}`);
  assert.equal(kernel.requests[0]?.hz, 1000);
});
