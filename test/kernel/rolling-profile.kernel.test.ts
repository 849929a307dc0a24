/** The profile that never ends, in process: windows that take turns, and stacks of a container that is gone. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ProfileOwner } from '../../src/kernel/profile-owner.ts';
import { RollingProfile } from '../../src/kernel/rolling-profile.ts';
import { nameRolled } from '../../src/profile/name-rolled.ts';
import { profileDocument } from '../../src/sdk/profile-document.ts';
import { skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { CompiledProgram } from '../support/compiled-program.ts';
import { skipWithoutPrograms } from '../support/container-programs.ts';
import { eventually } from '../support/eventually.ts';
import { hottestUserFrame, processesOf } from '../support/flame-rows.ts';
import { HOST_PATHS, skipWithoutBpf } from '../support/kernel.ts';
import { RunningProgram } from '../support/running-program.ts';

const skip = skipWithoutBpf() || skipWithoutPrograms('cc') || skipWithoutController('cpu');

test('what a cgroup below a container has run stays told when process and cgroups are gone; others have nothing of it', {
  skip,
}, async () => {
  const { calls } = new ProfileOwner(HOST_PATHS);
  const failures: unknown[] = [];
  const rolling = await RollingProfile.start(HOST_PATHS, (error) => failures.push(error));
  try {
    using program = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
    const container = `/docker/${process.pid.toString(16).padStart(64, 'a')}`;
    const [inode, other] = await inCgroups(container, async (below) => {
      await using burner = await RunningProgram.start(program.path, 'burn');
      below.add(burner.pid);
      const ticks = (): number => Number(readFileSync(`/proc/${burner.pid}/stat`, 'utf8').split(' ')[13]);
      await eventually('a burst', () => ticks() > 60);
    });
    const rolled = await rolling.rolled({ type: 'cgroup', hierarchy: 'cpu', inode });
    assert.ok(rolled);
    const { profile, hasGaps } = await nameRolled(calls, rolled);
    const { flamedata } = profileDocument(profile);
    assert.deepEqual(processesOf(flamedata), ['profiled']);
    assert.equal(hottestUserFrame(flamedata), 'hot_function');
    assert.ok(profile.samples > 30 && profile.samples < 99 * 30, `${profile.samples}`);
    assert.deepEqual([profile.lost, hasGaps, failures], [0, false, []]);
    const none = await rolling.rolled({ type: 'cgroup', hierarchy: 'cpu', inode: other });
    assert.deepEqual([none?.samples, none?.processes], [0, []]);
    assert.equal(await rolling.rolled({ type: 'cgroup', hierarchy: 'io', inode }), undefined);
    const host = await rolling.rolled({ type: 'host' });
    assert.ok(host && host.samples >= profile.samples);
  } finally {
    await rolling.stop();
  }
});

test('what is older than two windows is forgotten, and its processes are; what runs since is there', {
  skip,
}, async () => {
  const failures: unknown[] = [];
  const rolling = await RollingProfile.start(HOST_PATHS, (error) => failures.push(error), 1);
  const host = async () => {
    const rolled = await rolling.rolled({ type: 'host' });
    assert.ok(rolled);
    return rolled;
  };
  try {
    using program = new CompiledProgram('profiled', '-O0', '-fno-omit-frame-pointer');
    await using running = await RunningProgram.start(program.path, 'burn');
    let ended: number;
    {
      await using burner = await RunningProgram.start(program.path, 'burn');
      ended = burner.pid;
      await eventually('samples', async () => (await host()).processes.some(([pid]) => pid === burner.pid));
    }
    const later = await eventually('it to be forgotten', async () => {
      const rolled = await host();
      const pids = rolled.processes.map(([pid]) => pid);
      return pids.includes(running.pid) && !pids.includes(ended) && rolled;
    });
    assert.ok(later.mappings.every(({ process }) => process !== ended));
    assert.ok(later.mappings.some(({ process }) => process === running.pid));
    assert.ok(later.samples > 0 && later.lost === 0);
    assert.deepEqual(failures, []);
  } finally {
    await rolling.stop();
  }
});

/** @returns inodes of the container and of another one, both gone by then */
async function inCgroups(
  container: string,
  work: (below: TestCgroup) => Promise<void>,
): Promise<readonly [bigint, bigint]> {
  await using outer = TestCgroup.make('cpu', container);
  await using quiet = TestCgroup.make('cpu', `${container}0`.replace('/docker/a', '/docker/b').slice(0, -1));
  await using below = TestCgroup.make('cpu', `${container}/a/b`);
  await work(below);
  return [outer.inode, quiet.inode];
}
