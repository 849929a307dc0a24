/** Agents that are killed while their collector is pinned: what happens between two of them is not lost either. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors, FLOOD_CONFIG } from '../support/flood.ts';
import { Producer } from '../support/producer.ts';
import { auditSequences, closedLedger, readEvents } from './audit.ts';
import { PinPlace } from './pin-place.ts';
import { scratchDirectory } from './scratch.ts';

interface PinnedReport {
  readonly events: number;
  /** Made while no agent was ready. */
  readonly between: number;
  readonly repeated: number;
  readonly most_copies: number;
}

const MAX_UP_MS = 500;

export async function killPinned(kills: number): Promise<PinnedReport> {
  using scratch = scratchDirectory();
  using pins = new PinPlace();
  const collectors = await builtCollectors('collectors');
  const start = (): Promise<AgentProcess> =>
    AgentProcess.start({
      collectors,
      only: ['flood'],
      config: {
        journal: { directory: scratch.path, segments: 64 },
        bpf: { pin: true, pin_directory: pins.directory },
        collectors: { flood: FLOOD_CONFIG },
      },
    });
  // What is made before the first attach is not produced: the flood begins with the second life.
  await (await start())[Symbol.asyncDispose]();
  using producer = new Producer({ collector: 'flood', events: 20, every_ms: 5 });
  let between = 0;
  for (let kill = 0; kill < kills; kill++) {
    const made = producer.made;
    await using agent = await start();
    between += producer.made - made;
    await sleep(Math.random() * MAX_UP_MS);
    agent.kill();
    await agent.ended;
  }
  await using last = await start();
  producer[Symbol.dispose]();
  const { journalled } = await closedLedger(last, 'flood', producer.made);
  assert.equal(journalled, String(producer.made), 'the ledger goes on through all lives');
  assert.deepEqual(await last.stop(), { code: 0, signal: null }, last.stderr);
  const audit = auditSequences(readEvents(scratch.path, 'flood'));
  assert.equal(audit.events, producer.made, 'every event is on disk');
  pins.unpin();
  assert.ok(!existsSync(pins.directory), 'nothing is left pinned');
  return { ...audit, between };
}
