/** Programs of every kind, attached to this kernel and let go of again. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { accessSync, constants, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KernelMap } from '../../src/decoder/maps.ts';
import type { HuatuoError } from '../../src/error.ts';
import { lacksOf } from '../../src/kernel/features.ts';
import { inspect } from '../../src/kernel/inspect.ts';
import { mount } from '../../src/kernel/libc.ts';
import { MapAccess } from '../../src/kernel/map-access.ts';
import { KernelObject, type LoadRequest } from '../../src/kernel/object.ts';
import type { PinRequest } from '../../src/kernel/pins/pinning.ts';
import { ProgramChoice } from '../../src/kernel/programs.ts';
import { MappedRing } from '../../src/kernel/ring.ts';
import { readOnlineCpus } from '../../src/kernel/sampling.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { tempDirectory } from '../storage/journal/fixture.ts';
import { BusyProcesses } from '../support/busy.ts';
import { skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { builtCollectors } from '../support/flood.ts';
import { HOST_PATHS, skipWithoutBpf, skipWithoutKernelType } from '../support/kernel.ts';
import { rename } from '../support/rename.ts';

const skip = skipWithoutBpf();
/** In the order of `enum program` of the fixture. */
const PROGRAMS = ['btf', 'raw', 'perf', 'sample', 'newest', 'older', 'oldest', 'missing'];
/** The same of `variants`, where each counts two for a rename and the one back. */
const VARIANTS = ['always', 'attached', 'loaded', 'never'];

interface Loaded extends Disposable {
  readonly object: KernelObject;
  map(name: string): KernelMap<number, number>;
}

async function requestFor(name: string): Promise<LoadRequest & { readonly choice: ProgramChoice }> {
  const directory = await builtCollectors('collectors/attach');
  const manifest = JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8')) as ObjectManifest;
  return {
    manifest,
    bytes: readFileSync(join(directory, `${name}.bpf.o`)),
    options: { process: BigInt(process.pid) },
    choice: new ProgramChoice(manifest.attachPoints, lacksOf(HOST_PATHS)),
  };
}

async function load(name: string, changes: Partial<LoadRequest> = {}): Promise<Loaded> {
  const request = { ...(await requestFor(name)), ...changes };
  const object = await KernelObject.load(request);
  return {
    object,
    map: (map) => {
      const layout = request.manifest.maps.find((candidate) => candidate.name === map)!;
      const access = new MapAccess(object.mapFd(map)!, layout);
      return new KernelMap<number, number>(layout, {
        lookup: async (key) => access.lookup(key),
        batch: async (position) => access.batch(position),
        update: async (key, value) => access.update(key, value),
        delete: async (key) => access.delete(key),
      });
    },
    [Symbol.dispose]: () => object.unload(),
  };
}

function states({ programs }: Pick<KernelObject, 'programs'>): Record<string, string> {
  return Object.fromEntries(programs.map(({ program, state }) => [program, state]));
}

async function runsOf({ map }: Loaded, names: readonly string[] = PROGRAMS): Promise<Record<string, number>> {
  const runs: Record<string, number> = {};
  for await (const [program, count] of map('runs').entries())
    if (count > 0) runs[names[program] ?? program] = count;
  return runs;
}

function ringOf(object: KernelObject): MappedRing {
  return new MappedRing(object.mapFd('events')!, object.mapFd('ledger_commits')!, {
    outputBytes: 1 << 16,
    recordBytes: 256,
  });
}

test('what the kernel has runs, what is optional or a variant of it does not hinder, and it is said', {
  skip,
}, async () => {
  using loaded = await load('kinds');
  await loaded.object.attach();
  await loaded.object.attach();
  // Twice: the name, and the old one again.
  rename('a');
  assert.deepEqual(await runsOf(loaded), { btf: 2, raw: 2, perf: 2, older: 2 });
  assert.deepEqual(
    { ...states(loaded.object), renamed___oldest: '' },
    {
      renamed_btf: 'runs',
      renamed_raw: 'runs',
      renamed_perf: 'runs',
      sampled: 'runs',
      missing: 'missing',
      renamed___newest: 'missing',
      renamed___older: 'runs',
      renamed___oldest: '',
      list_tasks: 'runs',
      list_cgroups: 'runs',
    },
  );
  const reason = loaded.object.programs.find(({ program }) => program === 'missing')?.reason;
  assert.match(reason ?? '', /^expected tracepoint no_such_tracepoint, found a kernel without it/);
  await loaded.object.detach();
  const before = await runsOf(loaded);
  rename('a');
  assert.deepEqual(await runsOf(loaded), before);
});

test('a program that the verifier refuses is left out with its words, and a variant takes its place', {
  skip,
}, async () => {
  using loaded = await load('refused');
  await loaded.object.attach();
  assert.deepEqual(states(loaded.object), {
    renamed: 'runs',
    careless: 'missing',
    also_renamed___careless: 'missing',
    also_renamed___careful: 'runs',
  });
  const { reason = '' } = loaded.object.programs.find(({ program }) => program === 'careless') ?? {};
  assert.match(reason, /invalid mem access 'map_value_or_null'/);
  rename('a');
  assert.deepEqual(await runsOf(loaded), { btf: 2, raw: 2 });
});

test('a variant that does not attach, or does not load, gives its place to the next, in the same maps', {
  skip,
}, async () => {
  using loaded = await load('variants');
  const { object } = loaded;
  assert.equal(states(object).loaded___second, 'runs');
  assert.equal(states(object).attached___first, 'runs', 'only the attempt can tell');
  using before = ringOf(object);
  await Promise.all([object.attach(), object.attach()]);
  assert.deepEqual(states(object), {
    renamed: 'runs',
    attached___first: 'missing',
    attached___second: 'missing',
    attached___third: 'runs',
    loaded___first: 'missing',
    loaded___second: 'runs',
    optional: 'missing',
  });
  const reasonOf = (name: string): string =>
    object.programs.find(({ program }) => program === name)?.reason ?? '';
  assert.match(
    reasonOf('attached___first'),
    /expected it attached to tp\/syscalls\/sys_enter_no_such_call, found ENOENT/,
  );
  assert.match(
    reasonOf('loaded___first'),
    /expected the verifier to accept it, found EINVAL:.*unknown#99999/s,
  );
  assert.equal(object.programs.find(({ program }) => program === 'attached___third')?.purpose, 'attached');
  rename('a');
  assert.deepEqual(await runsOf(loaded, VARIANTS), { always: 2, attached: 2, loaded: 2 });
  using after = ringOf(object);
  assert.equal(after.mapId, before.mapId);

  await object.detach();
  rename('a');
  assert.deepEqual(await runsOf(loaded, VARIANTS), { always: 2, attached: 2, loaded: 2 });
});

test('when no variant is left, the error names each with its reason', { skip }, async () => {
  const { manifest } = await requestFor('variants');
  const without = (absent: string): Partial<LoadRequest> => ({
    manifest,
    choice: new ProgramChoice(manifest.attachPoints, (section) =>
      section === absent ? { expected: `the tracepoint of ${absent}`, found: 'none' } : undefined,
    ),
  });
  using loaded = await load('variants', without('raw_tp/task_rename'));
  // A worker that is started again tries again.
  for (let attempt = 0; attempt < 2; attempt++)
    await assert.rejects(loaded.object.attach(), (error: HuatuoError) => {
      assert.equal(error.code, 'ATTACH_FAILED');
      assert.match(error.message, /^expected a variant of attached that this kernel runs, found none:\n/);
      assert.match(error.message, /^attached___first \(tp\/syscalls\/\w+\): expected .* found ENOENT$/m);
      assert.match(error.message, /^attached___second \(tp\/syscalls\/\w+\): expected .* found ENOENT$/m);
      assert.match(error.message, /^attached___third \(raw_tp\/task_rename\): expected the .* found none$/m);
      return true;
    });

  await assert.rejects(load('variants', without('tp_btf/task_rename')), (error: HuatuoError) => {
    // It calls a function that no kernel has.
    assert.equal(error.code, 'KERNEL_FEATURE_MISSING');
    assert.match(error.message, /^loaded___first \(raw_tp\/task_rename\): expected .* found EINVAL:$/m);
    assert.match(error.message, /unknown#99999/);
    assert.match(error.message, /^loaded___second \(tp_btf\/task_rename\): expected the .* found none$/m);
    return true;
  });
});

test('what was attached and pinned by other variants is adopted with them', { skip }, async (t) => {
  const messages: string[] = [];
  const pin = pinsFor(t, messages);
  const first = await load('variants', { pin });
  await first.object.attach();
  const chosen = states(first.object);
  first.object.release();
  using second = await load('variants', { pin });
  await second.object.attach();
  assert.deepEqual(messages, ['adopted what an earlier agent pinned']);
  assert.deepEqual(states(second.object), chosen);
  rename('a');
  assert.deepEqual(await runsOf(second, VARIANTS), { always: 2, attached: 2, loaded: 2 });
});

test('to inspect an object loads it and attaches nothing', { skip }, async () => {
  const { manifest } = await requestFor('refused');
  const objectPath = join(await builtCollectors('collectors/attach'), 'refused.bpf.o');
  const source = { manifest, objectPath, options: {}, paths: HOST_PATHS };
  const { error, programs } = await inspect(source);
  assert.equal(error, undefined);
  assert.deepEqual(Object.values(states({ programs })), ['runs', 'missing', 'missing', 'runs']);
  const missing = [{ program: 'a', section: 'tp_btf/no_such_tracepoint', optional: false }];
  const { error: lacking } = await inspect({ ...source, manifest: { ...manifest, attachPoints: missing } });
  assert.equal(lacking?.code, 'TRACEPOINT_MISSING');
});

/** What a program that samples has counted, by CPU, and a wait for more of it. */
function samplesOf(loaded: Awaited<ReturnType<typeof load>>) {
  const samples = (): Promise<readonly number[]> => loaded.map('samples').perCpu(0);
  const sampled = async (cpu: number, more: number): Promise<void> => {
    const before = (await samples())[cpu]!;
    await eventually(`samples of CPU ${cpu}`, async () => (await samples())[cpu]! >= before + more);
  };
  return { samples, sampled };
}

test('every online CPU is sampled, one that goes is let go of, and one that comes is taken up', {
  skip: skip || (availableParallelism() < 2 ? 'one CPU' : false),
}, async () => {
  using directory = tempDirectory();
  const onlineCpus = join(directory.path, 'online');
  const [first, second] = readOnlineCpus('/sys/devices/system/cpu/online');
  writeFileSync(onlineCpus, `${first}\n`);
  using loaded = await load('kinds', { onlineCpus });
  await loaded.object.attach();
  await using _busy = new BusyProcesses(2);
  const { samples, sampled } = samplesOf(loaded);
  await sampled(first!, 5);
  assert.equal((await samples())[second!], 0);

  writeFileSync(onlineCpus, `${first},${second}\n`);
  loaded.object.followCpus();
  await sampled(second!, 5);

  writeFileSync(onlineCpus, `${second}\n`);
  loaded.object.followCpus();
  const left = (await samples())[first!];
  await sampled(second!, 20);
  assert.equal((await samples())[first!], left);

  await loaded.object.detach();
  const last = await samples();
  loaded.object.followCpus();
  assert.deepEqual(await samples(), last);
});

/** Why no CPU can be taken off line here; false when one can. */
function skipWithoutHotplug(): string | false {
  const [, second] = readOnlineCpus('/sys/devices/system/cpu/online');
  if (second === undefined) return 'one CPU';
  try {
    accessSync(onlineFile(second), constants.W_OK);
    return false;
  } catch {
    return `CPU ${second} cannot be taken off line`;
  }
}

function onlineFile(cpu: number): string {
  return `/sys/devices/system/cpu/cpu${cpu}/online`;
}

test('a CPU that the kernel takes off line and brings back is sampled again', {
  skip: skip || skipWithoutHotplug(),
}, async () => {
  const [first, second] = readOnlineCpus('/sys/devices/system/cpu/online');
  using loaded = await load('kinds');
  await loaded.object.attach();
  await using _busy = new BusyProcesses(2);
  const { samples, sampled } = samplesOf(loaded);
  await sampled(second!, 5);
  using _online = { [Symbol.dispose]: () => writeFileSync(onlineFile(second!), '1') };
  writeFileSync(onlineFile(second!), '0');
  loaded.object.followCpus();
  const left = (await samples())[second!];
  await sampled(first!, 20);
  assert.equal((await samples())[second!], left);

  writeFileSync(onlineFile(second!), '1');
  loaded.object.followCpus();
  await sampled(second!, 5);
});

test('a frequency that the kernel does not allow is an error with its errno', { skip }, async () => {
  using loaded = await load('kinds', { options: { samples_per_second: 10_000_000n } });
  await assert.rejects(loaded.object.attach(), { code: 'ATTACH_FAILED', message: /sampled .*EINVAL/ });
});

test('an iterator over tasks lists what /proc lists', { skip }, async () => {
  using loaded = await load('kinds');
  const before = threads();
  const records = await loaded.object.iterate('list_tasks');
  const after = threads();
  const listed = new Map<number, { pid: number; comm: string }>();
  for (let offset = 0; offset < records.length; offset += 24) {
    const view = Buffer.from(records.buffer, offset, 24);
    const comm = view.toString('latin1', 8).split('\0')[0]!;
    listed.set(view.readUInt32LE(4), { pid: view.readUInt32LE(0), comm });
  }
  // Some hosts keep their init from programs.
  const lasting = [...before].filter(([tid, pid]) => pid !== 1 && after.get(tid) === pid);
  assert.ok(lasting.length > 10);
  for (const [tid, pid] of lasting) assert.equal(listed.get(tid)?.pid, pid, `thread ${tid}`);
  assert.equal(listed.get(process.pid)?.comm, readFileSync('/proc/self/comm', 'latin1').trim());
  await assert.rejects(loaded.object.iterate('no_such'), { code: 'OBJECT_UNREADABLE' });
});

test('an iterator over cgroups begins where it is told to', {
  skip: skip || skipWithoutKernelType('bpf_iter__cgroup') || skipWithoutController('cpu'),
}, async () => {
  await using group = TestCgroup.make('cpu', `/huatuo-test-${process.pid}/inner`);
  using loaded = await load('kinds');
  const top = join(group.path, '..');
  const records = await loaded.object.iterate('list_cgroups', top);
  assert.deepEqual(
    [...new BigUint64Array(records.buffer)],
    [top, group.path].map((path) => statSync(path, { bigint: true }).ino),
  );
});

test('what an iterator writes is bounded, also a run that is cut short lets go of everything', {
  skip,
}, async () => {
  using loaded = await load('kinds');
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  await loaded.object.iterate('list_tasks');
  const before = descriptors();
  await assert.rejects(loaded.object.iterate('list_tasks', undefined, 10), {
    code: 'SYSCALL_FAILED',
    message: /more than 10 bytes/,
  });
  assert.equal(descriptors(), before);
});

test('what was pinned without the programs that the kernel refused is adopted without them', {
  skip,
}, async (t) => {
  const messages: string[] = [];
  const pin = pinsFor(t, messages);
  // Run by this process: there is no agent that could leave it.
  const first = await load('refused', { pin });
  await first.object.attach();
  first.object.release();
  rename('a');
  using second = await load('refused', { pin });
  await second.object.attach();
  assert.deepEqual(messages, ['adopted what an earlier agent pinned']);
  assert.deepEqual(Object.values(states(second.object)), ['runs', 'missing', 'missing', 'runs']);
  assert.deepEqual(await runsOf(second), { btf: 2, raw: 2 });
  await second.object.detach();
  rename('a');
  assert.deepEqual(await runsOf(second), { btf: 2, raw: 2 });
});

test('an object that samples is not pinned, and that is said', { skip }, async (t) => {
  const messages: string[] = [];
  const pin = pinsFor(t, messages);
  using loaded = await load('kinds', { pin });
  await loaded.object.attach();
  assert.match(messages.join(), /^not pinned: it samples CPUs or iterates/);
  assert.deepEqual(readdirSync(pin.directory), []);
});

/** A BPF file system of the test's own. */
function pinsFor(t: TestContext, messages: string[]): PinRequest {
  const { path: root, ...temp } = tempDirectory();
  assert.equal(mount('bpf', root, 'mode=0700'), 0);
  t.after(() => {
    execFileSync('umount', [root]);
    temp[Symbol.dispose]();
  });
  const say = (message: string): void => void messages.push(message);
  return { directory: join(root, 'pins'), log: { debug: say, info: say, warn: say, error: say } };
}

/** Threads of all processes: tid -> pid. */
function threads(): Map<number, number> {
  const found = new Map<number, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      for (const tid of readdirSync(`/proc/${pid}/task`)) found.set(Number(tid), Number(pid));
    } catch {
      // It has just ended.
    }
  }
  return found;
}
