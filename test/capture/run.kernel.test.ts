/** Autotracers of a user in a real agent: what a declaration does, what its crash does, and the loop of its own. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AgentProcess } from '../support/agent.ts';
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

function start(name: string, options: object = {}): Promise<AgentProcess> {
  return AgentProcess.start({
    only: [name],
    collectors: directory,
    config: { collectors: { [name]: options } },
  });
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

test('a capture that takes its worker down does so once for each cool-down', { skip }, async () => {
  await using agent = await start('crashing', { every: '1s', cooldown: '1h' });
  const collector = 'crashing';
  await agent.until('samples of a second worker', async () => {
    const page = await agent.metrics(collector);
    return counted(page, 'suppressed', { collector, cause: 'cooldown' }) > 2;
  });
  const { restarts, state } = await agent.actor(collector);
  assert.deepEqual([restarts, state, agent.documents(collector)], [1, 'running', []]);
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
