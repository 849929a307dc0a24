/** What becomes of the journal's directory and disk under a whole agent: it is said, counted, and healed where that can be. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { at } from '../../src/paths.ts';
import { SmallDisk } from '../storage/elasticsearch/small-disk.ts';
import { tempDirectory } from '../storage/journal/fixture.ts';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors, FLOOD_CONFIG, flood, floodDocuments } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();
const collectors = skip ? '' : await builtCollectors('collectors');

/** @param directory of the journal, where it is not the agent's own */
function startFlooded(directory?: string): Promise<AgentProcess> {
  return AgentProcess.start({
    collectors,
    only: ['flood'],
    config: { collectors: { flood: FLOOD_CONFIG }, supervisor: { stop_timeout: '8s' } },
    ...(directory !== undefined && { args: ['--journal.directory', directory] }),
  });
}

async function drained(agent: AgentProcess, produced: number): Promise<void> {
  await agent.until('the ring to be drained', async () => {
    const row = await agent.ledger('flood');
    return row?.produced === String(produced) && row.pending_bytes === '0' && row.difference === '0';
  });
}

test('a full disk degrades the agent, no document comes twice, and what is left at a stop is said', {
  skip,
}, async () => {
  using temp = tempDirectory();
  const directory = join(temp.path, 'journal');
  using disk = new SmallDisk(directory);
  await using agent = await startFlooded(directory);
  const isIn = (state: string): Promise<true> =>
    agent.until(`the agent to be ${state}`, async () => (await agent.status()).agent.state === state);
  {
    using _ = disk.fill();
    flood(200);
    await isIn('degraded');
    assert.match((await agent.actor('journal')).reason?.message ?? '', /ENOSPC/);
    flood(100);
  }
  await isIn('ready');
  await drained(agent, 300);
  const documents = floodDocuments(directory);
  assert.equal(documents.size, 300);
  for (const ids of documents.values()) assert.equal(ids.length, 1);

  using _ = disk.fill();
  flood(300);
  await isIn('degraded');
  assert.deepEqual(await agent.stop(), { code: 0, signal: null }, agent.stderr);
  assert.match(agent.stderr, /huatuo has stopped; 300 events are lost/);
  assert.equal(agent.stderr.match(/the journal refuses a tracer/g)?.length, 2, agent.stderr);
});

test('a journal directory that is deleted is made anew, locked against a second agent, and numbers go on', {
  skip,
}, async () => {
  await using agent = await startFlooded();
  flood(100);
  await drained(agent, 100);
  rmSync(agent.journal, { recursive: true });
  await agent.until('the journal to go on', () => agent.stderr.includes('the journal goes on'));
  flood(50);
  await drained(agent, 150);
  assert.equal(floodDocuments(agent.journal).size, 50);
  const { journal } = await agent.status();
  const { sequence, stored_documents, lost_documents } = journal?.tracers.flood ?? assert.fail();
  assert.deepEqual(
    { sequence, stored_documents, lost_documents },
    { sequence: 150, stored_documents: 50, lost_documents: 100 },
  );
  assert.match(await agent.get('/metrics'), /^huatuo_journal_lost_documents_total\{tracer="flood"\} 100$/m);
  assert.match(await agent.get('/'), /Of 150 documents, 50 are on disk, 0 expired, 100 are lost\./);

  const second = await AgentProcess.run({ args: ['--journal.directory', agent.journal] });
  assert.equal(second.code, 1);
  assert.match(second.stderr, /JOURNAL_FAILED.*held by process/);
  assert.doesNotMatch(second.stderr, /DEADLINE_EXCEEDED/);
});

test('the segment in use is compressed or not as a reload says; all that was written is there, and huatuo events reads it', {
  skip,
}, async () => {
  const config = (compression: string): Record<string, unknown> => ({
    collectors: { flood: FLOOD_CONFIG },
    journal: { compression },
  });
  await using agent = await AgentProcess.start({ collectors, only: ['flood'], config: config('sealed') });
  for (const [n, compression] of ['sealed', 'live', 'off', 'live'].entries()) {
    agent.configure(config(compression));
    const changed = await agent.reload();
    assert.match(changed, n === 0 ? /nothing changed/ : /reloaded: journal$/);
    flood(100);
    await drained(agent, 100 * (n + 1));
  }
  assert.deepEqual(
    [...floodDocuments(agent.journal).values()].map((ids) => ids.length),
    Array(400).fill(1),
  );
  const newest = readdirSync(join(agent.journal, 'flood')).toSorted().at(-1) ?? '';
  assert.match(newest, /^0{17}300\.live\.ndjson\.zst$/);
  const argv = [at('src/cli/huatuo.mjs'), 'events', '--journal.directory', agent.journal, '-o', 'json'];
  assert.equal(execFileSync(process.execPath, argv, { encoding: 'utf8' }).trimEnd().split('\n').length, 400);
});

test('what a bound deletes is counted, and the sum closes', { skip }, async () => {
  await using agent = await AgentProcess.start({
    collectors,
    only: ['flood'],
    config: {
      collectors: { flood: FLOOD_CONFIG },
      journal: { segment_size: '64KiB', segments: 2, total_size: '128KiB' },
      ring: { batch_size: '64KiB' },
    },
  });
  flood(2000);
  await drained(agent, 2000);
  const { journal } = await agent.status();
  const { sequence, stored_documents, expired_documents, lost_documents } =
    journal?.tracers.flood ?? assert.fail();
  assert.equal(sequence, 2000);
  assert.ok(expired_documents > 0);
  assert.equal(stored_documents + expired_documents + lost_documents, sequence);
  assert.equal(floodDocuments(agent.journal).size, stored_documents);
});

test('an agent starts on a disk that is full or read-only, tells why it keeps nothing, and begins when it can', {
  skip,
}, async () => {
  for (const [trouble, errno] of [
    ['fill', 'ENOSPC'],
    ['readOnly', 'EROFS'],
  ] as const) {
    using temp = tempDirectory();
    using disk = new SmallDisk(join(temp.path, 'disk'));
    const directory = join(temp.path, 'disk', 'journal');
    const held = disk[trouble]();
    let isHeld = true;
    using _ = { [Symbol.dispose]: () => void (isHeld && held[Symbol.dispose]()) };
    await using agent = await startFlooded(directory);
    flood(20);
    await agent.until(`the reason ${errno}`, async () =>
      ((await agent.actor('journal')).reason?.message ?? '').includes(errno),
    );
    assert.equal((await agent.status()).agent.state, 'degraded');
    held[Symbol.dispose]();
    isHeld = false;
    await drained(agent, 20);
    assert.equal(floodDocuments(directory).size, 20);
    assert.deepEqual(await agent.stop(), { code: 0, signal: null }, agent.stderr);
  }
});
