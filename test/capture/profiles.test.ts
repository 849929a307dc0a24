/** `ctx.profile`: whose stacks, and for how long. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { captureProfiles } from '../../src/capture/profiles.ts';
import { PROFILE_STACK } from '../../src/generated/agent_structs.ts';
import type { RolledProfile } from '../../src/profile/protocol.ts';
import type { Subject } from '../../src/sdk/autotracing.ts';
import type { Profiles } from '../../src/sdk/profile.ts';
import { FakeKernel, mappingsOf } from '../profile/fake-kernel.ts';
import { container } from '../support/harness-containers.ts';

function profilesOf(kernel: FakeKernel, subject: Subject, deadline_seconds = 30): Profiles {
  const { signal } = new AbortController();
  return captureProfiles(kernel, subject, { procfs: '/proc', signal, deadline_seconds }).profiles;
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

/** One process that is known, with so many samples before the trigger. */
function rolled(samples: number, mappings = [mappingsOf(7)]): RolledProfile {
  const key = Buffer.alloc(PROFILE_STACK.size_bytes);
  key.writeUInt32LE(7, 0);
  key.writeBigUInt64LE(0x1500n, PROFILE_STACK.size_bytes - 127 * 8);
  const values = Buffer.from(BigUint64Array.of(BigInt(samples), 0n).buffer);
  return {
    ...{ seconds: 20, started_unix_ns: 0n, samples, lost: 0, idle: 0, mappings },
    stacks: [{ count: 1, keys: key, values }],
    processes: [[7, { comm: 'burner', program: 1n }]],
  };
}

const LIMITS = { procfs: '/proc', signal: new AbortController().signal, deadline_seconds: 30 };

test('around a trigger is what ran before, where that is watched, and what runs since', async () => {
  const kernel = new FakeKernel();
  kernel.names = () => ({ name: 'hot', module: 'app' });
  const { profiles, isIncomplete } = captureProfiles(kernel, 'host', LIMITS);
  const alone = await profiles.around({ seconds: 0.1 });
  assert.deepEqual([alone.before, alone.after?.samples], [undefined, 0]);
  kernel.before = rolled(40);
  const { before, after } = await profiles.around({ seconds: 0.1 });
  assert.deepEqual([before?.samples, before?.seconds, after?.samples], [40, 20, 0]);
  assert.deepEqual(
    before?.stacks.map(({ comm, frames }) => [comm, ...frames.map(({ name }) => name)]),
    [['burner', 'hot']],
  );
  assert.equal(isIncomplete(), false);
});

test('of a container that has ended there is what ran before, as a part; without that it is a failure', async () => {
  const gone = { ...container('a'.repeat(64), {}), cgroups: { cpu: '/is/gone' } };
  const kernel = new FakeKernel();
  const { profiles, isIncomplete } = captureProfiles(kernel, gone, LIMITS);
  await assert.rejects(profiles.around({ seconds: 1 }), { code: 'SOURCE_UNREADABLE' });
  kernel.before = rolled(40);
  const { before, after } = await profiles.around({ seconds: 1 });
  assert.deepEqual([before?.samples, after, isIncomplete()], [40, undefined, true]);
});

test('processes that ended before it was known where their code is make it a part', async () => {
  const kernel = new FakeKernel();
  kernel.before = rolled(40, []);
  const { profiles, isIncomplete } = captureProfiles(kernel, 'host', LIMITS);
  const { before } = await profiles.around({ seconds: 0.1 });
  assert.deepEqual([before?.unknown_samples, before?.samples, isIncomplete()], [40, 40, true]);
});
