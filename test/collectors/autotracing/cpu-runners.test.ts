import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processOwners, runnersOf } from '../../../src/collectors/autotracing/cpu-runners.ts';
import type { Profile, ProfileStack } from '../../../src/sdk/profile.ts';
import { sampleContext } from '../../support/autotracer-run.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { container } from '../../support/harness-containers.ts';

function profileOf(...ran: readonly (readonly [pid: number, comm: string, samples: number])[]): Profile {
  const stacks = ran.map(
    ([pid, comm, samples]): ProfileStack => ({
      pid,
      comm,
      samples,
      value: samples,
      state: 'on_cpu',
      frames: [],
    }),
  );
  return { stacks } as Partial<Profile> as Profile;
}

test('who ran is told by name and container, with the process that ran most', () => {
  using proc = new FixtureProc();
  const web = container('a'.repeat(64), { cpu: proc.cgroup('web', [10, 11]) });
  const ctx = sampleContext(proc.directory);
  const owners = processOwners({ ...ctx, containers: { ...ctx.containers, list: () => [web] } });
  const profile = profileOf(
    [10, 'worker a', 10],
    [11, 'worker a', 30],
    [11, 'worker a', 10],
    [20, 'worker a', 25],
    [21, 'sshd', 25],
  );
  const inWeb = { container_id: web.id, container_name: web.name };
  assert.deepEqual(runnersOf(profile, owners, 10), [
    { comm: 'worker a', pid: 11, ...inWeb, percent: 50 },
    { comm: 'worker a', pid: 20, percent: 25 },
    { comm: 'sshd', pid: 21, percent: 25 },
  ]);
  assert.equal(runnersOf(profile, owners, 1).length, 1);
});

test('when nothing ran there is no one', () => {
  assert.deepEqual(runnersOf(profileOf(), new Map(), 10), []);
});

test('who ran in a systemd unit is told with it; in a container below the unit, with the container', () => {
  using proc = new FixtureProc();
  const web = container('a'.repeat(64), { cpu: proc.cgroup('web', [10]) });
  const unit = { id: 'podman.service', cgroups: { cpu: proc.cgroup('unit', [10, 20]) }, cgroupIds: [] };
  const ctx = sampleContext(proc.directory);
  const containers = { ...ctx.containers, list: () => [web], units: () => [unit] };
  const owners = processOwners({ ...ctx, containers });
  assert.deepEqual(runnersOf(profileOf([10, 'web', 3], [20, 'podman', 1]), owners, 10), [
    { comm: 'web', pid: 10, container_id: web.id, container_name: web.name, percent: 75 },
    { comm: 'podman', pid: 20, systemd_unit: unit.id, percent: 25 },
  ]);
});
