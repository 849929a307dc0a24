/** A disk that does not answer: the journal hangs, seen, and everything else goes on. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentProcess } from '../support/agent.ts';
import { FLOOD_CONFIG } from '../support/flood.ts';
import { Producer } from '../support/producer.ts';
import { sampleValue } from '../support/prometheus-text.ts';
import { auditSequences, closedLedger, readEvents } from './audit.ts';
import { FailingCollector } from './collectors.ts';
import type { LoopDisk } from './loop-disk.ts';

interface FrozenReport {
  /** From the freeze to the status that names the hang. */
  readonly seen_ms: number;
  /** From the thaw to the closed ledger. */
  readonly recovered_ms: number;
  readonly events: number;
  /** Made while the disk stood still. */
  readonly meanwhile: number;
  readonly repeated: number;
  readonly scrapes: number;
}

const SEEN_WITHIN_MS = 10_000;

/** @param frozen_seconds how long the disk stands still, at least until that is seen */
export async function freezeJournal(disk: LoopDisk, frozen_seconds: number): Promise<FrozenReport> {
  using collector = await FailingCollector.build();
  await using agent = await AgentProcess.start({
    collectors: collector.path,
    only: ['flood', 'loadavg'],
    env: collector.env,
    deadline_ms: 90_000 + frozen_seconds * 1000,
    config: {
      journal: { directory: disk.path, segment_size: '16MiB', total_size: '192MiB' },
      collectors: { flood: FLOOD_CONFIG },
    },
  });
  using producer = new Producer({ collector: 'flood', events: 10, every_ms: 10 });
  await agent.until('events to flow', async () => (await agent.ledger('flood'))?.journalled !== '0');
  // Declared after the agent: it cannot end before the disk goes on.
  using frozen = disk.freeze();
  const [frozen_ms, before] = [performance.now(), producer.made];
  const hung = await agent.until(
    'the hang to be seen',
    async () => {
      const { state, last_error } = await agent.actor('journal');
      return last_error?.code === 'WORKER_HUNG' && state;
    },
    SEEN_WITHIN_MS,
  );
  assert.equal(hung, 'restarting');
  const seen_ms = performance.now() - frozen_ms;
  let scrapes = 0;
  do {
    const page = await agent.metrics();
    sampleValue(page, 'huatuo_bamai_loadavg_load1');
    assert.equal(
      sampleValue(page, 'huatuo_flood_scrapes_total'),
      ++scrapes,
      'the collector answers, in one life',
    );
    await sleep(100);
  } while (scrapes < 5 || performance.now() - frozen_ms < frozen_seconds * 1000);
  assert.equal((await agent.actor('flood')).state, 'running');
  const meanwhile = producer.made - before;
  producer[Symbol.dispose]();
  frozen[Symbol.dispose]();
  const thawed_ms = performance.now();
  const { journalled } = await closedLedger(agent, 'flood', producer.made);
  assert.equal(journalled, String(producer.made));
  const recovered_ms = performance.now() - thawed_ms;
  const { most_copies, ...audit } = auditSequences(readEvents(disk.path, 'flood'));
  assert.equal(audit.events, producer.made, 'every event is on disk');
  assert.ok(most_copies <= 2, `an event is on disk ${most_copies} times`);
  assert.deepEqual(await agent.stop(), { code: 0, signal: null }, agent.stderr);
  return { seen_ms, recovered_ms, meanwhile, scrapes, ...audit };
}
