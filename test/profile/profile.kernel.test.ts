/** Profiles of real processes, from the BPF objects to names. */
import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { ProfileOwner } from '../../src/kernel/profile-owner.ts';
import { foldedText } from '../../src/profile/folded.ts';
import type { ProfileRequest, ProfileSubject } from '../../src/profile/protocol.ts';
import { takeProfile } from '../../src/profile/take-profile.ts';
import type { Profile, ProfileKind, ProfileStack } from '../../src/sdk/profile.ts';
import { skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { CompiledProgram } from '../support/compiled-program.ts';
import { skipWithoutPrograms } from '../support/container-programs.ts';
import { goPprofTop, skipWithoutGo } from '../support/go-pprof.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { RunningProgram } from '../support/running-program.ts';

const skip = skipWithoutBpf() || skipWithoutPrograms('cc');
const PATHS = { procfs: '/proc', sysfs: '/sys' };
const PAGE_BYTES = 4096;
const SECONDS = 2;
/** With optimisation, GCC leaves out the frames of functions that call none, whatever it is told. */
const FRAMES = ['-O0', '-fno-omit-frame-pointer'];

interface ProfileSettings {
  readonly seconds?: number;
  readonly signal?: AbortSignal;
  readonly cpus?: readonly number[];
}

async function profile(
  kind: ProfileKind,
  subject: ProfileSubject,
  { seconds = SECONDS, signal = new AbortController().signal, cpus }: ProfileSettings = {},
): Promise<Profile> {
  const owner = new ProfileOwner(PATHS);
  const request: ProfileRequest = { kind, subject, hz: 199, cpus, faultsPerSample: 7 };
  try {
    return await takeProfile(owner.calls, request, { seconds, signal }, PAGE_BYTES);
  } finally {
    await owner.release();
  }
}

const ofProcess = ({ pid }: RunningProgram): ProfileSubject => ({ type: 'processes', pids: [pid] });

function spentIn(stacks: readonly ProfileStack[], name: string): number {
  return stacks
    .filter(({ frames }) => frames.some((frame) => frame.name === name))
    .reduce((sum, { value }) => sum + value, 0);
}

const total = (stacks: readonly ProfileStack[]): number => stacks.reduce((sum, { value }) => sum + value, 0);

describe('profiles', { skip }, () => {
  const stack = new AsyncDisposableStack();
  let program: CompiledProgram;
  before(() => {
    program = stack.use(new CompiledProgram('profiled', ...FRAMES));
  });
  after(() => stack.disposeAsync());

  test('of CPU time: what a process runs, with its callers, and nothing of others', async (context) => {
    await using burner = await RunningProgram.start(program.path, 'burn');
    const taken = await profile('on_cpu', ofProcess(burner));
    assert.deepEqual(
      [...new Set(taken.stacks.map(({ pid, comm }) => `${pid} ${comm}`))],
      [`${burner.pid} profiled`],
    );
    const [hot, cool] = [spentIn(taken.stacks, 'hot_function'), spentIn(taken.stacks, 'cool_function')];
    assert.ok(hot > 1.5 * cool && cool > 0, foldedText(taken));
    assert.match(foldedText(taken), /^profiled;.*;?main;hot_function \d+$/m);
    assert.equal(taken.lost, 0);
    assert.equal(
      taken.samples,
      taken.stacks.reduce((sum, { samples }) => sum + samples, 0),
    );
    const noGo = skipWithoutGo();
    if (noGo) return context.diagnostic(`not read by another program: ${noGo}`);
    const { functions, total: all } = goPprofTop(taken, 'ns');
    const [first = assert.fail()] = functions;
    const rounded = taken.stacks.reduce((sum, { value }) => sum + Math.round(value), 0);
    assert.deepEqual([first[0], all], ['hot_function', `${rounded}ns`]);
    const own = total(taken.stacks.filter(({ frames }) => frames.at(-1)?.name === 'hot_function'));
    // Of each stack, a fraction of a nanosecond.
    assert.ok(Math.abs(Number.parseInt(first[1], 10) - own) <= taken.stacks.length);
  });

  test('of a program without frame pointers: the function that runs has its name, callers may be missing', async () => {
    using lean = new CompiledProgram('profiled', '-O2', '-fomit-frame-pointer');
    await using burner = await RunningProgram.start(lean.path, 'burn');
    const { stacks } = await profile('on_cpu', ofProcess(burner));
    const innermost = stacks.filter(
      ({ frames }) => frames.findLast(({ mode }) => mode === 'user')?.name === 'hot_function',
    );
    assert.ok(total(innermost) > total(stacks) / 2, JSON.stringify(stacks));
  });

  test('of a removed executable: the file is still there for who runs it', async () => {
    await using burner = await (async () => {
      using gone = new CompiledProgram('profiled', ...FRAMES);
      return await RunningProgram.start(gone.path, 'burn');
    })();
    const { stacks } = await profile('on_cpu', ofProcess(burner));
    assert.ok(spentIn(stacks, 'hot_function') > 0, JSON.stringify(stacks));
  });

  test('of waits: a sleeper sleeps, a reader reads, also one that has waited all the time', async () => {
    await using sleeper = await RunningProgram.start(program.path, 'sleep');
    await using reader = await RunningProgram.start(program.path, 'read');
    const { stacks, seconds } = await profile('off_cpu', {
      type: 'processes',
      pids: [sleeper.pid, reader.pid],
    });
    const slept = stacks.filter(({ pid, state }) => pid === sleeper.pid && state === 'sleeping');
    assert.ok(spentIn(slept, 'sleeping_function') > 0, JSON.stringify(slept));
    assert.ok(slept.some(({ samples }) => samples > 1));
    // It was switched out before the profile began: the kernel tells where, but not by which way of its own.
    const read = stacks.filter(({ pid }) => pid === reader.pid);
    assert.ok(read.every(({ state }) => state === 'sleeping'));
    assert.ok(
      spentIn(read, 'anon_pipe_read') +
        spentIn(read, 'pipe_read') +
        spentIn(read, 'unix_stream_read_generic') >
        0,
      JSON.stringify(read),
    );
    assert.ok(total(read) <= (seconds + 2) * 1e9 && total(read) > (SECONDS / 2) * 1e9, `${total(read)}`);
  });

  test('of waits: who shares a CPU waits on its run queue, which is told apart', async () => {
    await using one = await RunningProgram.start('/usr/bin/env', 'taskset', '-c', '0', program.path, 'burn');
    await using other = await RunningProgram.start(
      '/usr/bin/env',
      'taskset',
      '-c',
      '0',
      program.path,
      'burn',
    );
    const { stacks } = await profile('off_cpu', { type: 'processes', pids: [one.pid, other.pid] });
    const queued = stacks.filter(({ state }) => state === 'run_queue');
    assert.ok(total(queued) > total(stacks) / 2, JSON.stringify(stacks));
    assert.ok(spentIn(queued, 'hot_function') > 0);
  });

  test('of waits: of brief ones few are taken, each for many, and their sum is right', {
    skip: skipWithoutController('cpu'),
  }, async () => {
    using pair = new CompiledProgram('ping_pong', ...FRAMES);
    await using cgroup = TestCgroup.make('cpu', `/huatuo-profile-${process.pid}`);
    await using started = await RunningProgram.start(
      '/bin/sh',
      '-c',
      'echo; read go; exec taskset -c 0 "$0"',
      pair.path,
    );
    cgroup.add(started.pid);
    cgroup.favour(20);
    started.tell('go');
    const { stacks, seconds } = await profile('off_cpu', {
      type: 'cgroup',
      hierarchy: 'cpu',
      inode: cgroup.inode,
    });
    // One of the two always waits for the other, and both for what else runs on that CPU.
    const waited = spentIn(stacks, 'waiting_function');
    assert.ok(waited > seconds * 0.6e9 && waited < seconds * 2.2e9, `${waited} in ${seconds} s`);
    const waits = stacks.reduce((sum, { samples }) => sum + samples, 0);
    assert.ok(waits > seconds * 1000, `${waits} in ${seconds} s`);
  });

  test('of memory: the function that touches pages for the first time', async () => {
    await using toucher = await RunningProgram.start(program.path, 'touch');
    const { stacks, unit } = await profile('allocations', ofProcess(toucher), { seconds: 1 });
    assert.equal(unit, 'bytes');
    assert.ok(spentIn(stacks, 'touching_function') > total(stacks) * 0.8, JSON.stringify(stacks));
    assert.ok(total(stacks) > 1 << 20);
  });

  test('of a cgroup: what runs in it and below it, and not what runs beside it', {
    skip: skipWithoutController('cpu'),
  }, async () => {
    await using outer = TestCgroup.make('cpu', `/huatuo-profile-${process.pid}`);
    await using inner = TestCgroup.make('cpu', `/huatuo-profile-${process.pid}/inner`);
    await using own = await RunningProgram.start(program.path, 'burn');
    await using other = await RunningProgram.start(program.path, 'burn');
    inner.add(own.pid);
    const { stacks } = await profile('on_cpu', { type: 'cgroup', hierarchy: 'cpu', inode: outer.inode });
    assert.deepEqual([...new Set(stacks.map(({ pid }) => pid))], [own.pid]);
    assert.notEqual(other.pid, own.pid);
  });

  test('of the host: every process, and CPUs that were idle beside them', async () => {
    await using burner = await RunningProgram.start(program.path, 'burn');
    const { stacks, samples, idle } = await profile('on_cpu', { type: 'host' });
    assert.ok(stacks.some(({ pid }) => pid === burner.pid));
    assert.ok(samples + idle > SECONDS * 50);
  });

  test('of some CPUs: nothing that runs on others', { skip: availableParallelism() < 2 }, async () => {
    await using first = await RunningProgram.start(
      '/usr/bin/env',
      'taskset',
      '-c',
      '0',
      program.path,
      'burn',
    );
    await using last = await RunningProgram.start('/usr/bin/env', 'taskset', '-c', '1', program.path, 'burn');
    const { stacks } = await profile(
      'on_cpu',
      { type: 'processes', pids: [first.pid, last.pid] },
      { cpus: [0] },
    );
    assert.deepEqual([...new Set(stacks.map(({ pid }) => pid))], [first.pid]);
  });

  test('one that is aborted ends early with what there is; nothing stays attached', async () => {
    await using burner = await RunningProgram.start(program.path, 'burn');
    const { seconds } = await profile('on_cpu', ofProcess(burner), {
      seconds: 60,
      signal: AbortSignal.timeout(500),
    });
    assert.ok(seconds < 30, `${seconds}`);
  });

  test('more at a time than the kernel is to keep memory for are refused; the next one is not', async () => {
    const owner = new ProfileOwner(PATHS);
    const request: ProfileRequest = { kind: 'on_cpu', subject: { type: 'host' }, hz: 99, faultsPerSample: 7 };
    try {
      for (let count = 0; count < 4; count++) await owner.calls.profileStart(request);
      await assert.rejects(owner.calls.profileStart(request), { code: 'OVERLOADED' });
    } finally {
      await owner.release();
    }
    const id = await owner.calls.profileStart(request);
    await owner.calls.profileFree(id);
    await assert.rejects(owner.calls.profileEnd(id), { code: 'CANCELLED' });
  });
});
