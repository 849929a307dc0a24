import assert from 'node:assert/strict';
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
