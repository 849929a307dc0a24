import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { AgentProcess } from '../../support/agent.ts';
import { Allocator } from '../../support/allocator.ts';
import { skipWithoutController, TestCgroup } from '../../support/cgroup.ts';
import { CompiledProgram } from '../../support/compiled-program.ts';
import { skipWithoutPrograms } from '../../support/container-programs.ts';
import { type FlameRows, hottestUserFrame } from '../../support/flame-rows.ts';
import { skipWithoutBpf, skipWithoutRoot } from '../../support/kernel.ts';
import { sampleValue } from '../../support/prometheus-text.ts';
import { RunningProgram } from '../../support/running-program.ts';

const MIB = 2 ** 20;
const LIMIT_BYTES = 512 * MIB;
const WINDOW = 3;

const skip = skipWithoutRoot() || skipWithoutController('memory');

interface Burst {
  readonly grew: string;
  readonly kinds: readonly {
    readonly kind: string;
    readonly before_bytes: number;
    readonly after_bytes: number;
  }[];
  readonly top_cache_users?: readonly {
    readonly PID: number;
    readonly ProcessName: string;
    readonly path?: string;
    readonly bytes: number;
  }[];
  readonly top_slab_users?: readonly {
    readonly PID: number;
    readonly ProcessName: string;
    readonly cache: string;
    readonly growth_bytes: number;
  }[];
  readonly before_bytes: number;
  readonly after_bytes: number;
  readonly window_seconds: number;
  readonly limit_bytes: number;
  readonly flamedata: FlameRows;
  readonly profile: { readonly kind: string; readonly lost: number };
  readonly top_memory_usage: readonly {
    readonly PID: number;
    readonly ProcessName: string;
    readonly MemSize: number;
    readonly growth_bytes: number;
  }[];
}

test('a process that takes memory fast in a container is one document, and other containers are silent', {
  skip,
}, async () => {
  const [bursting, quiet] = ['b', 'd'].map((digit) => process.pid.toString(16).padStart(64, digit));
  await using burstingCgroup = TestCgroup.make('memory', `/docker/${bursting}`);
  await using quietCgroup = TestCgroup.make('memory', `/docker/${quiet}`);
  await using taker = new Allocator();
  await using bystander = new Allocator();
  await using other = new Allocator();
  burstingCgroup.limitMemory(LIMIT_BYTES);
  for (const child of [taker, bystander]) burstingCgroup.add(child.pid);
  quietCgroup.add(other.pid);
  await taker.ask({ comm: Buffer.from('ta"k\ner').toString('hex') });
  await bystander.ask({ comm: Buffer.from('bystander').toString('hex') });
  // So that what comes is a multiple of what is there, and both cgroups are charged something.
  for (const child of [bystander, other]) await child.ask({ bytes: 20 * MIB });

  await using agent = await AgentProcess.start({
    only: ['memburst'],
    config: {
      collectors: {
        memburst: { every: '1s', window: WINDOW, share: 0.5, floor: '128MiB', top: 2 },
      },
    },
  });
  await agent.until('both containers to be known', async () => {
    const list = await agent.get('/api/v1/containers');
    return [bursting, quiet].every((id) => list.includes(String(id)));
  });
  const samples = async (): Promise<number> =>
    sampleValue(await agent.metrics('memburst'), 'huatuo_autotracing_samples_total', {
      collector: 'memburst',
      outcome: 'taken',
    }) ?? 0;
  const untilSampled = async (more: number): Promise<void> => {
    const least = (await samples()) + more;
    await agent.until('windows to be full', async () => (await samples()) >= least);
  };
  await untilSampled(WINDOW + 1);
  assert.deepEqual(agent.documents('memburst'), []);

  await taker.ask({ bytes: 300 * MIB });
  await agent.until('a document', () => agent.documents('memburst').length > 0);
  await untilSampled(WINDOW + 1);
  const [document, ...more] = agent.documents('memburst');
  assert.deepEqual(more, []);
  assert.ok(document);
  const { tracer_name, tracer_type, severity, container_id } = document.fields;
  assert.deepEqual(
    { tracer_name, tracer_type, severity, container_id },
    { tracer_name: 'memburst', tracer_type: 'autotracing', severity: 'warning', container_id: bursting },
  );

  const burst = document.data as unknown as Burst;
  assert.ok(!('partial' in burst));
  assert.equal(burst.limit_bytes, LIMIT_BYTES);
  assert.ok(burst.after_bytes >= 2 * burst.before_bytes && burst.after_bytes >= LIMIT_BYTES / 2);
  assert.ok(burst.before_bytes >= 20 * MIB && burst.after_bytes < LIMIT_BYTES);
  const [first, second, ...rest] = burst.top_memory_usage;
  assert.deepEqual(
    [first?.PID, first?.ProcessName, second?.PID, second?.ProcessName, rest],
    [taker.pid, 'ta"k\ner', bystander.pid, 'bystander', []],
  );
  assert.ok((first?.MemSize ?? 0) >= 250 * MIB);
  assert.ok((first?.growth_bytes ?? 0) >= 250 * MIB);
  assert.ok(Math.abs(second?.growth_bytes ?? Number.POSITIVE_INFINITY) < 20 * MIB);

  const page = await agent.metrics('memburst');
  assert.equal(
    sampleValue(page, 'huatuo_autotracing_captures_total', { collector: 'memburst', outcome: 'complete' }),
    1,
  );
  assert.equal(
    sampleValue(page, 'huatuo_autotracing_samples_total', { collector: 'memburst', outcome: 'failed' }),
    0,
  );
});

test('the function that takes the memory is the hottest of the flame graph, with frame pointers and without', {
  skip: skip || skipWithoutBpf() || skipWithoutPrograms('cc'),
}, async () => {
  await using undo = new AsyncDisposableStack();
  const takers: (readonly [id: string, pid: number])[] = [];
  for (const [digit, flags] of [
    ['e', ['-O0', '-fno-omit-frame-pointer']],
    ['f', ['-O2', '-fomit-frame-pointer']],
  ] as const) {
    const program = undo.use(new CompiledProgram('growing', ...flags));
    const id = process.pid.toString(16).padStart(64, digit);
    const cgroup = undo.use(TestCgroup.make('memory', `/docker/${id}`));
    const { pid } = undo.use(await RunningProgram.start(program.path));
    cgroup.limitMemory(LIMIT_BYTES);
    cgroup.add(pid);
    takers.push([id, pid]);
  }
  const agent = undo.use(
    await AgentProcess.start({
      only: ['memburst'],
      config: {
        collectors: {
          memburst: { every: '1s', window: WINDOW, share: 0.25, floor: '100MiB', profile: '2s' },
        },
      },
    }),
  );
  await agent.until('samples', async () => {
    const labels = { collector: 'memburst', outcome: 'taken' };
    const page = await agent.metrics('memburst');
    return (sampleValue(page, 'huatuo_autotracing_samples_total', labels) ?? 0) > WINDOW + 3;
  });
  for (const [, pid] of takers) process.kill(pid, 'SIGCONT');
  await agent.until('both documents', () => agent.documents('memburst').length >= takers.length);
  const documents = agent.documents('memburst');
  assert.equal(documents.length, takers.length);
  for (const [id, pid] of takers) {
    const document = documents.find(({ fields }) => fields.container_id === id);
    assert.ok(document);
    const { flamedata, profile, top_memory_usage } = document.data as unknown as Burst;
    assert.equal(top_memory_usage[0]?.PID, pid);
    assert.deepEqual([profile.kind, profile.lost], ['allocations', 0]);
    assert.equal(hottestUserFrame(flamedata), 'growing_function', document.text);
    const [all] = flamedata;
    const taken = flamedata.find(({ label }) => label === 'growing_function');
    assert.ok(all && taken && taken.value > 0.9 * all.value, document.text);
  }
});

test('a process that fills the page cache, and one that has the kernel make objects: a document each, with what grew, and by whom', {
  skip: skip || skipWithoutBpf() || skipWithoutPrograms('cc'),
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'huatuo-memburst-'));
  try {
    using program = new CompiledProgram('memory_user', '-O0', '-fno-omit-frame-pointer');
    const [ofCache, ofSlab] = ['c', 'f'].map((digit) => process.pid.toString(16).padStart(64, digit));
    await using cacheCgroup = TestCgroup.make('memory', `/docker/${ofCache}`);
    await using slabCgroup = TestCgroup.make('memory', `/docker/${ofSlab}`);
    await using filler = await RunningProgram.start(program.path, 'cache', join(directory, 'used'));
    await using namer = await RunningProgram.start(program.path, 'slab', directory);
    for (const cgroup of [cacheCgroup, slabCgroup]) cgroup.limitMemory(LIMIT_BYTES);
    cacheCgroup.add(filler.pid);
    slabCgroup.add(namer.pid);
    await using agent = await AgentProcess.start({
      only: ['memburst'],
      config: {
        collectors: {
          memburst: {
            ...{ every: '1s', window: WINDOW, profile: '2s' },
            // The host may have bursts of its own.
            include: `${ofCache?.slice(0, 12)}.*|${ofSlab?.slice(0, 12)}.*`,
            ...{ cache_share: 0.25, cache_floor: '100MiB', slab_share: 0, slab_floor: '24MiB' },
          },
        },
      },
    });
    await agent.until('samples', async () => {
      const labels = { collector: 'memburst', outcome: 'taken' };
      const page = await agent.metrics('memburst');
      return (sampleValue(page, 'huatuo_autotracing_samples_total', labels) ?? 0) > WINDOW + 3;
    });
    for (const { pid } of [filler, namer]) process.kill(pid, 'SIGCONT');
    const burstOf = (id: string | undefined, grew: string): Promise<Burst> =>
      agent.until(`a document of ${grew}`, () =>
        agent
          .documents('memburst')
          .filter(({ fields }) => fields.container_id === id)
          .map(({ data }) => data as unknown as Burst)
          .find((burst) => burst.grew === grew),
      );
    const cached = await burstOf(ofCache, 'file');
    const [user] = cached.top_cache_users ?? [];
    assert.deepEqual([user?.PID, user?.ProcessName], [filler.pid, 'memory_user']);
    assert.ok(user?.path?.endsWith(`${basename(directory)}/used`), `${user?.path}`);
    assert.ok((user?.bytes ?? 0) > 8 * MIB);
    assert.ok(isMostOf(cached.flamedata, 'filling_function'), JSON.stringify(cached.flamedata));

    const made = await burstOf(ofSlab, 'slab');
    const users = made.top_slab_users ?? [];
    const dentries = users.find(({ cache }) => cache === 'dentry');
    assert.deepEqual(
      [dentries?.PID, dentries?.ProcessName],
      [namer.pid, 'memory_user'],
      JSON.stringify(users),
    );
    assert.ok((dentries?.growth_bytes ?? 0) > MIB, JSON.stringify(users));
    assert.ok(isMostOf(made.flamedata, 'naming_function'), JSON.stringify(made.flamedata));

    for (const burst of [cached, made]) {
      assert.ok(burst.after_bytes >= 2 * burst.before_bytes, JSON.stringify(burst));
      assert.deepEqual(
        burst.kinds.map(({ kind }) => kind),
        ['anon', 'file', 'slab'],
      );
    }
    assert.deepEqual(
      [cached, made].map(({ profile }) => [profile.kind, profile.lost]),
      [
        ['page_cache', 0],
        ['slab', 0],
      ],
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** Whether most of it is below a function. */
function isMostOf(flamedata: Burst['flamedata'], name: string): boolean {
  const [all] = flamedata;
  const own = flamedata.find(({ label }) => label === name);
  return all !== undefined && own !== undefined && own.value > 0.5 * all.value;
}
