/** The life of a collector that is its own loop, in a real worker under its supervisor. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bpfFiles } from '../config/collectors.ts';
import { LoneCollector } from '../support/lone-collector.ts';

test('start that returns is called again after the interval; between two calls the collector waits', async () => {
  await using lone = await LoneCollector.start(`defineAutotracing({
    doc: 'Comes back.',
    interval: 0.02,
    metrics: { runs: counter({ name: 'huatuo_lone_runs_total', help: 'Calls of start.' }) },
    async start({ metrics }) { metrics.runs.add(1); },
  })`);
  await lone.until('the third call', async () => ((await lone.value('huatuo_lone_runs_total')) ?? 0) >= 3);
  assert.deepEqual(lone.states.slice(0, 5), ['starting', 'running', 'waiting', 'running', 'waiting']);
  assert.equal(lone.status.restarts, 0);
});

test('start that throws costs the worker, and the next one goes on with state and counters', async () => {
  await using lone = await LoneCollector.start(`defineAutotracing({
    doc: 'Fails twice.',
    interval: 0.05,
    metrics: {
      runs: counter({ name: 'huatuo_lone_runs_total', help: 'Calls of start.', labels: ['how'] }),
      seconds: histogram({ name: 'huatuo_lone_seconds', help: 'Something.', buckets: [1] }),
    },
    async start(ctx) {
      const { runs = 0 } = ctx.state.get() ?? {};
      ctx.state.set({ runs: runs + 1 });
      ctx.metrics.runs.add(1, { how: 'called' });
      ctx.metrics.seconds.observe(runs);
      await ctx.save({ data: { run: runs } });
      if (runs === 0) throw new Error('on purpose');
      if (runs === 1) process.exit(7);
      await ctx.clock.sleep(3600);
    },
  })`);
  await lone.until('the third document', () => lone.documents.length === 3);
  assert.deepEqual(
    lone.documents.map(({ data }) => data.run),
    [0, 1, 2],
  );
  assert.equal(await lone.value('huatuo_lone_runs_total'), 3);
  const delays = (await lone.scrape()).find(({ name }) => name === 'huatuo_lone_seconds')?.samples;
  assert.deepEqual(
    delays?.map(({ value }) => value),
    [2, 3, 3, 3],
  );
  assert.equal(lone.status.restarts, 2);
  assert.match(lone.status.last_error?.message ?? '', /code 7/);
  const { produced, journalled, difference } = lone.child.ledger() ?? {};
  assert.deepEqual([produced, journalled, difference], ['3', '3', '0']);
});

for (const [what, ending] of [
  ['returns', 'await clock.sleep(3600).catch(() => undefined);'],
  ['throws', 'await clock.sleep(3600);'],
  ['saves a last document', 'await clock.sleep(3600).catch(() => undefined); last();'],
] as const) {
  test(`start that ${what} when it is stopped has not failed`, async () => {
    const lone = await LoneCollector.start(`defineAutotracing({
      doc: 'Waits.',
      async start({ clock, save }) {
        const last = () => save({ data: {} }).catch(() => undefined);
        await save({ data: { text: 'first' } });
        ${ending}
      },
    })`);
    await lone.until('its first document', () => lone.documents.length === 1);
    await lone[Symbol.asyncDispose]();
    assert.equal(lone.states.at(-1), 'stopped');
    assert.equal(lone.status.last_error, undefined);
  });
}

test('options arrive in the units that the SDK promises, with the types of their fields', async () => {
  await using lone = await LoneCollector.start(
    `defineAutotracing({
      doc: 'Shows its options.',
      options: {
        every: duration('10s', 'Time'),
        least: size('64KiB', 'Size'),
        ratio: number(1.5, 'Ratio'),
        disks: list(text(), 'Disks'),
        on: flag(false, 'On'),
        mode: choice(['a', 'b'], 'a', 'Mode'),
      },
      async start({ options, save, clock }) { await save({ data: options }); await clock.sleep(3600); },
    })`,
    { every: '1500ms', disks: ['sda', 'sdb'], on: true },
  );
  const [document] = await lone.until('its document', () => lone.documents.length > 0 && lone.documents);
  const expected = { every: 1.5, least: 65_536, ratio: 1.5, disks: ['sda', 'sdb'], on: true, mode: 'a' };
  assert.deepEqual(document?.data, expected);
});

test('a collector with nothing to say answers a scrape', async () => {
  await using lone = await LoneCollector.start(`defineAutotracing({
    doc: 'Quiet.',
    metrics: { level: gauge({ name: 'huatuo_lone_level', help: 'Level.' }) },
    update() {},
    async start({ clock }) { await clock.sleep(3600); },
  })`);
  await lone.until('running', () => lone.status.state === 'running');
  assert.equal(await lone.value('huatuo_lone_level'), undefined);
});

test('a stop loads no BPF object in order to detach it', async () => {
  const lone = await LoneCollector.start(
    `defineEvent({
      doc: 'Has an object that cannot be loaded, and does not load it.',
      async start({ clock, save }) { await save({ data: {} }); await clock.sleep(3600); },
    })`,
    {},
    bpfFiles('lone', {
      attachPoints: [{ program: 'never', section: 'tp_btf/huatuo_no_such_tracepoint', optional: false }],
    }),
  );
  await lone.until('its document', () => lone.child.ledger()?.journalled === '1');
  await lone[Symbol.asyncDispose]();
  assert.equal(lone.status.state, 'stopped');
  assert.equal(lone.status.last_error, undefined);
});
