/** An autotracer over files under its supervisor: looks on a real pool, captures in real workers. No agent, no privileges. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { scratchDirectory } from '../soak/scratch.ts';
import { LoneCollector } from '../support/lone-collector.ts';

/** The expression of one whose every sample triggers. */
function alarming(capture: string, subjects = "['host', 1]"): string {
  return `defineAutotracing({
    doc: 'Is always triggered.',
    document: {},
    sample: () => [${subjects}],
    trigger: ({ newest }) => ({ level: newest.state }),
    capture: ${capture},
  })`;
}

/** A capture that goes on until a file is there. */
function untilThereIs(path: string): string {
  return `async (subject, why) => {
    while (!process.getBuiltinModule('node:fs').existsSync(${JSON.stringify(path)}))
      await new Promise((done) => setTimeout(done, 20));
    return { ...why, seen: true };
  }`;
}

const PACE = { every: '1s', cooldown: '1h' };
const HANGS_SOON = { heartbeat_timeout: '2s' };

/** Values of a family that are not 0, by outcome or cause. */
async function counted(lone: LoneCollector, family: string): Promise<Record<string, number>> {
  const found = (await lone.scrape()).find(({ name }) => name === `huatuo_autotracing_${family}_total`);
  const samples = found?.samples.filter(({ value }) => value > 0) ?? [];
  return Object.fromEntries(
    samples.map(({ labels, value }) => [labels.outcome ?? labels.cause ?? '', value]),
  );
}

async function samples(lone: LoneCollector): Promise<number> {
  return (await counted(lone, 'samples')).taken ?? 0;
}

test('one that is quiet has no thread, and says that it samples', async () => {
  await using lone = await LoneCollector.start(
    `defineAutotracing({
      doc: 'Quiet.', document: {}, sample: () => [['host', 1]], trigger: () => undefined, capture: () => ({}),
    })`,
    PACE,
  );
  await lone.until('two samples', async () => (await samples(lone)) >= 2);
  assert.deepEqual([lone.child.workers, lone.states, lone.child.ledger()], [[], ['sampling'], undefined]);
});

test('a capture has a worker while it runs; samples go on meanwhile, and its documents stay counted', async () => {
  using scratch = scratchDirectory();
  const end = join(scratch.path, 'end');
  await using lone = await LoneCollector.start(alarming(untilThereIs(end)), PACE);
  const [worker] = await lone.until('its worker', () => lone.child.workers.length > 0 && lone.child.workers);
  assert.equal(lone.status.state, 'capturing');
  const before = await samples(lone);
  await lone.until('another sample', async () => (await samples(lone)) > before);
  assert.equal(lone.child.workers[0], worker, 'the capture still runs');
  writeFileSync(end, '');
  await lone.until('its end', () => lone.status.state === 'sampling');
  assert.deepEqual(lone.states, ['sampling', 'capturing', 'sampling']);
  assert.deepEqual(lone.child.workers, []);
  assert.deepEqual(
    lone.documents.map(({ data }) => data),
    [{ level: 1, seen: true }],
  );
  const { produced, journalled, difference } = lone.child.ledger() ?? {};
  assert.deepEqual([produced, journalled, difference], ['1', '1', '0']);
  assert.deepEqual(await counted(lone, 'captures'), { complete: 1 });
  assert.ok((lone.status.vitals?.cpu_seconds ?? 0) > 0);
});

test('a capture during which the journal is replaced writes its document to the next one', async () => {
  using scratch = scratchDirectory();
  const end = join(scratch.path, 'end');
  await using lone = await LoneCollector.start(alarming(untilThereIs(end)), PACE);
  await lone.until('its worker', () => lone.child.workers[0]?.state === 'running');
  await lone.replaceJournal();
  writeFileSync(end, '');
  await lone.until('its document', async () => (await counted(lone, 'captures')).complete === 1);
  assert.deepEqual(
    lone.documents.map(({ data }) => data),
    [{ level: 1, seen: true }],
  );
});

test('several subjects are captured at once, no more than four of them, the others after these', async () => {
  const subjects = Array.from({ length: 6 }, (_, part) => `['part ${part}', ${part}]`).join();
  await using lone = await LoneCollector.start(
    alarming('(subject, why) => new Promise((done) => setTimeout(done, 1500, why))', subjects),
    PACE,
  );
  const most = { workers: 0 };
  await lone.until('six documents', () => {
    most.workers = Math.max(most.workers, lone.child.workers.length);
    return lone.documents.length === 6;
  });
  assert.equal(most.workers, 4);
  assert.equal(new Set(lone.documents.map(({ fields }) => fields.event_id)).size, 6);
  await lone.until('the last end', () => lone.status.state === 'sampling');
  assert.equal(lone.child.ledger()?.journalled, '6');
});

for (const [what, capture, error, supervisor = {}] of [
  ['ends its thread', '() => process.exit(3)', /code 3/],
  [
    'throws where nothing catches',
    '() => new Promise(() => setImmediate(() => { throw new Error("late"); }))',
    /late/,
  ],
  ['loops', '() => { for (;;); }', /heartbeat/, HANGS_SOON],
  ['takes all memory', '() => { for (const all = []; ; ) all.push(new Array(1e5).fill(1.5)); }', /memory/],
] as const) {
  test(`of a capture that ${what}, what triggered it is written, and the tracer goes on`, async () => {
    await using lone = await LoneCollector.start(alarming(capture), PACE, {}, supervisor);
    await lone.until('its document', async () => (await counted(lone, 'captures')).partial === 1);
    assert.deepEqual(
      lone.documents.map(({ data }) => data),
      [{ level: 1, partial: true }],
    );
    const { restarts, last_error, state } = lone.status;
    assert.deepEqual([restarts, state], [0, 'sampling']);
    assert.match(last_error?.message ?? '', error);
    const before = await samples(lone);
    await lone.until('another sample', async () => (await samples(lone)) > before);
  });
}

for (const [what, capture] of [
  ['throws', '() => { throw new Error("on purpose"); }'],
  ['never ends', '() => new Promise(() => {})'],
] as const) {
  test(`a capture that ${what} writes what triggered it from its own worker`, async () => {
    await using lone = await LoneCollector.start(alarming(capture), { ...PACE, deadline: '1s' });
    await lone.until('its document', async () => (await counted(lone, 'captures')).partial === 1);
    assert.deepEqual(
      lone.documents.map(({ data }) => data),
      [{ level: 1, partial: true }],
    );
    assert.equal(lone.status.last_error, undefined);
  });
}

test('a document that is none is a capture that failed, and counted in the ledger by cause', async () => {
  await using lone = await LoneCollector.start(
    alarming('() => { const circle = {}; circle.again = circle; return circle; }'),
    PACE,
  );
  await lone.until('the failure', async () => (await counted(lone, 'captures')).failed === 1);
  assert.deepEqual(lone.documents, []);
  const { produced, dropped_invalid, difference } = lone.child.ledger() ?? {};
  assert.deepEqual([produced, dropped_invalid, difference], ['1', '1', '0']);
});

test('a stop ends a capture that runs, and leaves nothing open', async () => {
  const lone = await LoneCollector.start(alarming('() => new Promise(() => {})'), PACE);
  await lone.until('its worker', () => lone.child.workers[0]?.state === 'running');
  await lone[Symbol.asyncDispose]();
  assert.deepEqual([lone.status.state, lone.child.workers, lone.documents], ['stopped', [], []]);
  assert.equal(lone.child.ledger()?.difference ?? '0', '0');
});

test('samples that keep failing are a failure of the tracer, which is tried again, with the cool-downs it had', async () => {
  await using lone = await LoneCollector.start(
    `defineAutotracing({
      doc: 'Can sample once, and again after ten failures.',
      document: {},
      sample() {
        globalThis.calls = (globalThis.calls ?? 0) + 1;
        if (globalThis.calls > 1 && globalThis.calls <= 11) throw new Error('no such file');
        return [['host', 1]];
      },
      trigger: () => ({}),
      capture: () => ({}),
    })`,
    PACE,
  );
  await lone.until('a trigger in the cool-down', async () => (await counted(lone, 'suppressed')).cooldown);
  const { restarts, last_error } = lone.status;
  assert.deepEqual([restarts, lone.documents.length], [1, 1]);
  assert.deepEqual(lone.states.filter((state) => state !== 'capturing').slice(-3), [
    'sampling',
    'restarting',
    'sampling',
  ]);
  assert.match(last_error?.message ?? '', /no such file/);
  assert.deepEqual((await counted(lone, 'samples')).failed, 10);
});

test('windows outlive the thread of the pool that they were made in', async () => {
  await using lone = await LoneCollector.start(
    `defineAutotracing({
      doc: 'Takes its thread down in the third sample.',
      document: { samples: sdk.integer('Samples') },
      options: { window: sdk.count(60, 'Samples', { min: 2, max: 720 }) },
      sample() {
        globalThis.calls = (globalThis.calls ?? 0) + 1;
        if (globalThis.calls === 3) process.exit(1);
        return [['host', process.getBuiltinModule('node:worker_threads').threadId]];
      },
      trigger: ({ samples }) =>
        new Set(samples.map(({ state }) => state)).size > 1 ? { samples: samples.length } : undefined,
      capture: (subject, why) => why,
    })`,
    PACE,
  );
  const [document] = await lone.until('its document', () => lone.documents.length > 0 && lone.documents);
  assert.equal(document?.data.samples, 3);
  assert.deepEqual((await counted(lone, 'samples')).failed, 1);
});

test('a sample that hangs is given up, and the tracer rests on the pool', { timeout: 60_000 }, async () => {
  await using lone = await LoneCollector.start(
    `defineAutotracing({
      doc: 'Hangs.',
      document: {},
      sample: () => { for (;;); },
      trigger: () => undefined,
      capture: () => ({}),
    })`,
    { every: '1s' },
  );
  await lone.until('two failures', async () => ((await counted(lone, 'samples')).failed ?? 0) >= 2);
  assert.equal(lone.status.state, 'sampling');
});
