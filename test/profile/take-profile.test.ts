/** The way of a profile from start to names, over what a kernel would have counted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProfileRequest } from '../../src/profile/protocol.ts';
import { takeProfile } from '../../src/profile/take-profile.ts';
import type { Profile } from '../../src/sdk/profile.ts';
import { FakeKernel, mappingsOf } from './fake-kernel.ts';

const REQUEST: ProfileRequest = { kind: 'on_cpu', subject: { type: 'host' }, hz: 100, faultsPerSample: 7 };

function take(
  kernel: FakeKernel,
  request: Partial<ProfileRequest> = {},
  seconds = 0.3,
  names_ms?: number,
): Promise<Profile> {
  return takeProfile(
    kernel,
    { ...REQUEST, ...request },
    { seconds, signal: new AbortController().signal, ...(names_ms !== undefined && { names_ms }) },
    4096,
  );
}

const shown = ({ stacks }: Profile): readonly (readonly unknown[])[] =>
  stacks.map(({ comm, state, frames, samples, value }) => [
    `${comm}: ${frames.map(({ name, mode }) => (mode === 'kernel' ? `${name}_k` : name)).join(' > ')}`,
    ...[state, samples, value],
  ]);

test('outermost first, callers looked up before their return address, samples of CPUs added up', async () => {
  const kernel = new FakeKernel();
  kernel.stacks = [{ pid: 7, user: [0x1500n, 0x1010n], samples: 3 }];
  kernel.processes.set(7, ['app\x1b', 1n]);
  kernel.mappings.set(7, mappingsOf(7));
  kernel.names = (_process, address) => ({ name: `at_${address.toString(16)}`, module: 'app' });
  kernel.counts = [
    [2n, 0n, 5n],
    [2n, 1n, 6n],
  ];
  const profile = await take(kernel);
  assert.deepEqual(shown(profile), [['app?: at_100f > at_1500', 'on_cpu', 3, 3e7]]);
  assert.deepEqual([profile.samples, profile.lost, profile.idle], [4, 1, 11]);
  assert.deepEqual([profile.frames, profile.unknown_frames, profile.unknown_samples], [6, 0, 0]);
  assert.deepEqual([kernel.log[0], kernel.log.indexOf('free') > kernel.log.indexOf('end')], ['start', true]);
});

test('what has no name is unknown, with its file where that is known, and counted', async () => {
  const kernel = new FakeKernel();
  kernel.stacks = [
    { pid: 7, user: [0x1500n], kernel: [0xffffffff81000000n], samples: 2 },
    { pid: 8, user: [0x1500n], samples: 5 },
  ];
  kernel.processes.set(7, ['app', 1n]);
  kernel.mappings.set(7, mappingsOf(7));
  kernel.names = () => ({ name: '', module: 'libx.so' });
  const profile = await take(kernel);
  assert.deepEqual(shown(profile), [
    ['app: [unknown] libx.so > [unknown] [kernel]_k', 'on_cpu', 2, 2e7],
    ['pid 8: [unknown]', 'on_cpu', 5, 5e7],
  ]);
  assert.deepEqual([profile.frames, profile.unknown_frames, profile.unknown_samples], [9, 9, 7]);
});

test('a process whose files cannot be read in time costs its own names only', async () => {
  const kernel = new FakeKernel();
  kernel.stacks = [7, 8].map((pid) => ({ pid, user: [0x1500n], samples: pid }));
  for (const pid of [7, 8]) {
    kernel.processes.set(pid, ['app', 1n]);
    kernel.mappings.set(pid, mappingsOf(pid));
  }
  kernel.names = ({ process }) => (process === 8 ? undefined : { name: 'work', module: 'app' });
  assert.deepEqual(
    (await take(kernel)).stacks.map(({ pid, frames }) => [pid, frames[0]?.name]),
    [
      [7, 'work'],
      [8, '[unknown] app'],
    ],
  );
});

test('a process that ends meanwhile keeps the mappings it had; one that becomes another program is looked at again', async () => {
  const kernel = new FakeKernel();
  kernel.stacks = [{ pid: 7, user: [0x1500n], samples: 1 }];
  kernel.processes.set(7, ['sh', 1n]);
  kernel.mappings.set(7, mappingsOf(7, '/bin/sh'));
  const names: string[] = [];
  kernel.names = ({ mappings }) => {
    names.push(...mappings.map(({ path }) => path));
    return { name: 'run', module: '' };
  };
  const looked = kernel.processMappings.bind(kernel);
  kernel.processMappings = async (pids) => {
    const found = await looked(pids);
    // It has become another program after the first look, and is gone after the second one.
    if (kernel.processes.get(7)?.[1] === 1n) {
      kernel.processes.set(7, ['cc', 2n]);
      kernel.mappings.set(7, {
        ...mappingsOf(7),
        mappings: [{ start: 0x8000n, end: 0x9000n, offset: 0n, inode: '08:01 6', path: '/bin/cc' }],
      });
    } else {
      kernel.mappings.delete(7);
    }
    return found;
  };
  const [stack] = (await take(kernel, {}, 0.8)).stacks;
  assert.deepEqual([stack?.comm, names], ['cc', ['/bin/sh', '/bin/cc']]);
});

test('many processes are looked at in turns; one that gives no answer in time costs the others none of theirs', async () => {
  const kernel = new FakeKernel();
  const pids = Array.from({ length: 150 }, (_, index) => index + 1);
  kernel.stacks = pids.map((pid) => ({ pid, user: [0x1500n], samples: 1 }));
  for (const pid of pids) {
    kernel.processes.set(pid, ['app', 1n]);
    kernel.mappings.set(pid, mappingsOf(pid));
  }
  kernel.names = () => ({ name: 'work', module: 'app' });
  const asked: (readonly number[])[] = [];
  const looked = kernel.processMappings.bind(kernel);
  kernel.processMappings = async (some) => {
    asked.push(some);
    return some.includes(70) ? undefined : looked(some);
  };
  const profile = await take(kernel, {}, 0.8);
  assert.deepEqual(
    profile.stacks.filter(({ frames }) => frames[0]?.name !== 'work').map(({ pid }) => pid),
    [70],
  );
  assert.ok(asked.every(({ length }) => length <= 64));
  assert.equal(asked.filter((some) => some.includes(70)).length, 3);
});

test('names that do not come in time are missing; the file of the code is told all the same', async () => {
  const kernel = new FakeKernel();
  kernel.stacks = [{ pid: 7, user: [0x1500n], samples: 1 }];
  kernel.processes.set(7, ['app', 1n]);
  kernel.mappings.set(7, mappingsOf(7));
  kernel.processFrames = () => new Promise(() => {});
  const [stack] = (await take(kernel, {}, 0.1, 50)).stacks;
  assert.deepEqual(
    stack?.frames.map(({ name, isUnknown }) => [name, isUnknown]),
    [['[unknown] app', true]],
  );
});

test('waits are nanoseconds by what is waited for; page faults are bytes', async () => {
  const kernel = new FakeKernel();
  kernel.stacks = [1, 2, 3, 4].map((state) => ({ pid: 1, state, samples: 2, ns: 500n }));
  const waits = await take(kernel, { kind: 'off_cpu' });
  assert.deepEqual(
    waits.stacks.map(({ state, value }) => [state, value]),
    [
      ['run_queue', 500],
      ['sleeping', 500],
      ['uninterruptible', 500],
      ['io_wait', 500],
    ],
  );
  const faults = await take(kernel, { kind: 'allocations' });
  assert.deepEqual([faults.unit, faults.stacks[0]?.value], ['bytes', 2 * 7 * 4096]);
});

test('what fails in the middle frees what the kernel holds', async () => {
  const kernel = new FakeKernel();
  kernel.profileEnd = async () => {
    throw new Error('detach');
  };
  await assert.rejects(take(kernel), /detach/);
  assert.equal(kernel.log.at(-1), 'free');
});
