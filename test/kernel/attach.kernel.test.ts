/** Programs of every kind, attached to this kernel and let go of again. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KernelMap } from '../../src/decoder/maps.ts';
import { lacksOf } from '../../src/kernel/features.ts';
import { inspect } from '../../src/kernel/inspect.ts';
import { mount } from '../../src/kernel/libc.ts';
import { MapAccess } from '../../src/kernel/map-access.ts';
import { KernelObject, type LoadRequest } from '../../src/kernel/object.ts';
import type { PinRequest } from '../../src/kernel/pins/pinning.ts';
import { ProgramChoice } from '../../src/kernel/programs.ts';
import { readOnlineCpus } from '../../src/kernel/sampling.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { tempDirectory } from '../storage/journal/fixture.ts';
import { skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { builtCollectors } from '../support/flood.ts';
import { HOST_PATHS, skipWithoutBpf, skipWithoutKernelType } from '../support/kernel.ts';
import { rename } from '../support/rename.ts';

const skip = skipWithoutBpf();
/** In the order of `enum program` of the fixture. */
const PROGRAMS = ['btf', 'raw', 'perf', 'sample', 'newest', 'older', 'oldest', 'missing'];

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

async function runsOf({ map }: Loaded): Promise<Record<string, number>> {
  const runs: Record<string, number> = {};
  for await (const [program, count] of map('runs').entries())
    if (count > 0) runs[PROGRAMS[program] ?? program] = count;
  return runs;
}

test('what the kernel has runs, what is optional or a variant of it does not hinder, and it is said', {
  skip,
}, async () => {
  using loaded = await load('kinds');
  loaded.object.attach();
  loaded.object.attach();
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
  loaded.object.attach();
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

test('every online CPU is sampled, one that goes is let go of, and one that comes is taken up', {
  skip: skip || (availableParallelism() < 2 ? 'one CPU' : false),
}, async () => {
  using directory = tempDirectory();
  const onlineCpus = join(directory.path, 'online');
  const [first, second] = readOnlineCpus('/sys/devices/system/cpu/online');
  writeFileSync(onlineCpus, `${first}\n`);
  using loaded = await load('kinds', { onlineCpus });
  loaded.object.attach();
  const samples = (): Promise<readonly number[]> => loaded.map('samples').perCpu(0);
  const sampled = async (cpu: number, more: number): Promise<void> => {
    const before = (await samples())[cpu]!;
    await eventually(`samples of CPU ${cpu}`, async () => (await samples())[cpu]! >= before + more);
  };
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

test('a frequency that the kernel does not allow is an error with its errno', { skip }, async () => {
  using loaded = await load('kinds', { options: { samples_per_second: 10_000_000n } });
  assert.throws(() => loaded.object.attach(), { code: 'ATTACH_FAILED', message: /sampled .*EINVAL/ });
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
  first.object.attach();
  first.object.release();
  rename('a');
  using second = await load('refused', { pin });
  second.object.attach();
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
  loaded.object.attach();
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
