/** Autotracers of a user in a real agent: what a declaration does, what its crash does, and the loop of its own. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WorkerFuse } from '../soak/worker-fuse.ts';
import { type AgentOptions, AgentProcess } from '../support/agent.ts';
import { freePort } from '../support/free-port.ts';
import { skipWithoutRoot } from '../support/kernel.ts';
import { type PageFamily, samplesOf } from '../support/prometheus-text.ts';

const SDK = JSON.stringify(new URL('../../src/sdk/index.js', import.meta.url).href);
const MODULES: Readonly<Record<string, string>> = {
  declared: `export default sdk.defineAutotracing({
    doc: 'Is triggered by every other sample.',
    document: { level: sdk.integer('Level') },
    severity: 'critical',
    sample: () => [['host', Math.floor(performance.now() / 1000) % 2], ['disk', 0]],
    trigger: ({ newest }) => (newest.state === 1 ? { level: newest.state } : undefined),
    capture: (subject, why) => why,
  });`,
  crashing: `export default sdk.defineAutotracing({
    doc: 'Ends its thread in each capture.',
    document: {},
    sample: () => [['host', 1]],
    trigger: () => ({}),
    capture: () => process.exit(1),
  });`,
  commanded: `import { existsSync } from 'node:fs';
  export default sdk.defineAutotracing({
    doc: 'Is triggered while a file is there, and captures until another one is gone.',
    options: {
      flag: sdk.text('', 'The file'),
      hold: sdk.text('', 'The other one'),
      window: sdk.count(600, 'Samples', { min: 2, max: 720 }),
    },
    document: { samples: sdk.integer('Samples in the window'), version: sdk.integer('Version') },
    sample: ({ options }) => [['host', existsSync(options.flag)]],
    trigger: ({ newest, samples }) => (newest.state ? { samples: samples.length } : undefined),
    async capture(subject, why, { options: { hold } }) {
      while (existsSync(hold)) await new Promise((done) => setTimeout(done, 20));
      return { ...why, version: 1 };
    },
  });`,
  counting: `export default sdk.defineMetric({
    doc: 'Counts its own calls.',
    metrics: { calls: sdk.gauge({ name: 'huatuo_counting_calls', help: 'Calls of update.' }) },
    update({ state, metrics }) {
      const calls = (state.get() ?? 0) + 1;
      state.set(calls);
      metrics.calls.set(calls);
    },
  });`,
  looping: `export default sdk.defineAutotracing({
    doc: 'Has the loop itself.',
    interval: 0.2,
    document: { runs: sdk.integer('Runs') },
    async start(ctx) {
      const runs = (ctx.state.get() ?? 0) + 1;
      ctx.state.set(runs);
      await ctx.save({ data: { runs } });
      if (runs === 2) throw new Error('a bug');
    },
  });`,
};

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'huatuo-tracers-'));
  for (const [name, text] of Object.entries(MODULES))
    writeFileSync(join(directory, `${name}.js`), `import * as sdk from ${SDK};\n${text}\n`);
});
after(() => rmSync(directory, { recursive: true }));

const skip = skipWithoutRoot();

function start(name: string, options: object = {}, more: AgentOptions = {}): Promise<AgentProcess> {
  return AgentProcess.start({
    only: [name],
    collectors: directory,
    config: { collectors: { [name]: options } },
    ...more,
  });
}

/** The agent's threads by name, each with its nice value. */
function threads(agent: AgentProcess): Map<string, number> {
  const task = `/proc/${agent.pid}/task`;
  return new Map(
    readdirSync(task).flatMap((tid) => {
      try {
        const [, comm = '', rest = ''] =
          /^\d+ \((.*)\) (.*)/s.exec(readFileSync(`${task}/${tid}/stat`, 'utf8')) ?? [];
        return [[comm, Number(rest.split(' ')[16])] as const];
      } catch {
        // The thread has ended meanwhile.
        return [];
      }
    }),
  );
}

function counted(page: ReadonlyMap<string, PageFamily>, family: string, labels: object): number {
  // While no worker runs there is none.
  const [sample] = samplesOf(page, `huatuo_autotracing_${family}_total`, { ...labels });
  return sample?.value ?? 0;
}

test('a declaration is all that an autotracer needs', { skip }, async () => {
  await using agent = await start('declared', { every: '1s', cooldown: '1h' });
  const collector = 'declared';
  await agent.until('a trigger in the cool-down', async () => {
    const page = await agent.metrics(collector);
    return counted(page, 'suppressed', { collector, cause: 'cooldown' }) > 0;
  });
  const [document, ...more] = agent.documents(collector);
  assert.deepEqual([document?.data, document?.fields.severity, more], [{ level: 1 }, 'critical', []]);
  assert.equal((await agent.ledger(collector))?.difference, '0');
});

test('a capture that takes its worker down does so once for each cool-down, and costs the tracer nothing', {
  skip,
}, async () => {
  await using agent = await start('crashing', { every: '1s', cooldown: '1h' });
  const collector = 'crashing';
  await agent.until('triggers in the cool-down', async () => {
    const page = await agent.metrics(collector);
    return counted(page, 'suppressed', { collector, cause: 'cooldown' }) > 2;
  });
  const page = await agent.metrics(collector);
  assert.equal(counted(page, 'captures', { collector, outcome: 'partial' }), 1);
  const { restarts, state, last_error } = await agent.actor(collector);
  assert.deepEqual([restarts, state], [0, 'sampling']);
  assert.match(last_error?.message ?? '', /code 1/);
  assert.deepEqual(
    agent.documents(collector).map(({ data }) => data),
    [{ partial: true }],
  );
  const { produced, journalled, difference } = (await agent.ledger(collector)) ?? {};
  assert.deepEqual([produced, journalled, difference], ['1', '1', '0']);
});

test('a quiet tracer has no thread; a capture has one with its fence, which ends with it, and samples go on', {
  skip,
}, async () => {
  const collector = 'commanded';
  const flag = join(directory, 'flag');
  const hold = join(directory, 'hold');
  writeFileSync(hold, '');
  await using agent = await start(collector, {
    every: '1s',
    flag,
    hold,
    cooldown: '1h',
    cpu: { nice: 5 },
  });
  const samples = async (): Promise<number> =>
    counted(await agent.metrics(collector), 'samples', { collector, outcome: 'taken' });
  const isOurs = (name: string): boolean => name.startsWith(collector);
  await agent.until('samples', async () => (await samples()) >= 2);
  assert.deepEqual([...threads(agent).keys()].filter(isOurs), []);
  assert.equal((await agent.actor(collector)).state, 'sampling');

  writeFileSync(flag, '');
  const nice = await agent.until('the thread of the capture', () => threads(agent).get('commanded-1'));
  assert.equal(nice, 5);
  assert.equal((await agent.actor(collector)).state, 'capturing');
  const before = await samples();
  await agent.until('another sample', async () => (await samples()) > before);
  assert.ok(threads(agent).has('commanded-1'), 'it captures still');
  rmSync(hold);
  await agent.until('its end', async () => (await agent.actor(collector)).state === 'sampling');
  await agent.until('the end of its thread', () => ![...threads(agent).keys()].some(isOurs));
  rmSync(flag);

  const page = await agent.metrics();
  const state = (name: string): number | undefined =>
    samplesOf(page, 'huatuo_actor_state', { actor: collector, state: name })[0]?.value;
  assert.deepEqual([state('sampling'), state('capturing')], [1, undefined]);
  assert.equal(samplesOf(page, 'huatuo_events_journalled_total', { collector })[0]?.value, 1);
  assert.equal(agent.documents(collector).length, 1);
});

test('windows, and what a metric collector keeps, outlive the worker that has the pool', {
  skip,
}, async () => {
  using fuse = new WorkerFuse();
  const collector = 'commanded';
  const flag = join(directory, 'flag');
  const options = { [collector]: { every: '1s', flag } };
  const only = [collector, 'counting'];
  // The server comes back where it was.
  const web = { listen_address: `127.0.0.1:${await freePort()}` };
  const config = { web, collectors: options };
  await using agent = await start(collector, {}, { only, env: fuse.env, config });
  const samples = async (): Promise<number> =>
    counted(await agent.metrics(collector), 'samples', { collector, outcome: 'taken' });
  const calls = async (): Promise<number> =>
    samplesOf(await agent.metrics('counting'), 'huatuo_counting_calls')[0]?.value ?? 0;
  await agent.until('some samples', async () => (await samples()) >= 5);
  const [before, called] = [await samples(), await calls()];
  fuse.light('prometheus', 'throw');
  await agent.until('its replacement', () =>
    agent.actor('prometheus').then(
      ({ restarts, state }) => restarts === 1 && state === 'running',
      () => false,
    ),
  );
  writeFileSync(flag, '');
  const [document] = await agent.until(
    'a document',
    () => agent.documents(collector).length > 0 && agent.documents(collector),
  );
  rmSync(flag);
  const since = (await samples()) - before;
  assert.ok(
    Number(document?.data.samples) > since,
    `${document?.data.samples} samples, ${since} of them new`,
  );
  assert.ok((await calls()) > called);
});

test('a reload puts a changed option and a rebuilt module in force', { skip }, async () => {
  const collector = 'commanded';
  const flag = join(directory, 'flag');
  writeFileSync(flag, '');
  const module = join(directory, `${collector}.js`);
  const text = readFileSync(module, 'utf8');
  await using agent = await start(collector, { every: '1s', cooldown: '0s' });
  const versions = (): unknown[] => agent.documents(collector).map(({ data }) => data.version);
  try {
    agent.configure({ collectors: { [collector]: { every: '1s', cooldown: '0s', flag } } });
    assert.equal(await agent.reload(), `configuration reloaded: ${collector}`);
    await agent.until('a document', () => versions().includes(1));
    writeFileSync(module, text.replace('version: 1', 'version: 2'));
    assert.equal(await agent.reload(), `configuration reloaded: ${collector}`);
    await agent.until('a document of the new module', () => versions().includes(2));
    assert.equal(await agent.reload(), 'configuration reloaded: nothing changed');
  } finally {
    writeFileSync(module, text);
    rmSync(flag);
  }
  assert.deepEqual(await agent.stop(), { code: 0, signal: null });
});

test('the loop of its own is called again after its interval, and after a crash with what it kept', {
  skip,
}, async () => {
  await using agent = await start('looping');
  const runs = (): number[] => agent.documents('looping').map(({ data }) => Number(data.runs));
  await agent.until('four runs', () => runs().length >= 4);
  assert.deepEqual(runs().slice(0, 4), [1, 2, 3, 4]);
  assert.equal((await agent.actor('looping')).restarts, 1);
});
