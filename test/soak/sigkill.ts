/**
 * Agents that are killed at any moment, on one journal: what was acknowledged stays, and the next one goes on at once. By turns the
 * segment in use is plain and compressed.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors, FLOOD_CONFIG } from '../support/flood.ts';
import { Producer } from '../support/producer.ts';
import { auditSequences, readEvents } from './audit.ts';
import { scratchDirectory } from './scratch.ts';
import { tearTail } from './torn.ts';

interface KillReport {
  /** From the start of each process to its readiness. */
  readonly ready_ms: readonly number[];
  /** Documents of all lives. */
  readonly documents: number;
  /** Sum over the lives of what the last status before the end said was journalled. */
  readonly acknowledged: number;
}

/** A kill comes this long after readiness, at random. */
const MAX_UP_MS = 500;

export async function killUnderFlood(kills: number): Promise<KillReport> {
  using scratch = scratchDirectory();
  const collectors = await builtCollectors('collectors');
  using _producer = new Producer({ collector: 'flood', events: 20, every_ms: 5 });
  const acknowledged: number[] = [];
  const ready_ms: number[] = [];
  for (let life = 0; life <= kills; life++) {
    const started_ms = performance.now();
    await using agent = await AgentProcess.start({
      collectors,
      only: ['flood'],
      config: {
        // Each life's documents carry its number: rings and sequence numbers begin anew with it.
        region: regionOf(life),
        journal: { directory: scratch.path, segments: 64, compression: life % 2 === 0 ? 'sealed' : 'live' },
        collectors: { flood: FLOOD_CONFIG },
      },
    });
    ready_ms.push(performance.now() - started_ms);
    acknowledged.push(await killedAfter(agent, Math.random() * MAX_UP_MS));
    if (life < kills) tearTail(scratch.path, 'flood');
  }
  const events = readEvents(scratch.path, 'flood');
  const lives = Map.groupBy(events, ({ region }) => region);
  for (const [life, count] of acknowledged.entries()) {
    const found = auditSequences(lives.get(regionOf(life)) ?? []);
    assert.ok(found.events >= count, `life ${life}: ${count} acknowledged, ${found.events} on disk`);
    assert.ok(found.most_copies <= 1, `life ${life}: an event is on disk ${found.most_copies} times`);
  }
  return {
    ready_ms,
    documents: events.length,
    acknowledged: acknowledged.reduce((sum, count) => sum + count, 0),
  };
}

function regionOf(life: number): string {
  return `life-${life}`;
}

/** @returns the journalled count of the last status that was answered */
async function killedAfter(agent: AgentProcess, up_ms: number): Promise<number> {
  let acknowledged = 0;
  const kill = sleep(up_ms).then(() => agent.kill());
  try {
    // Ends with the process.
    for (;;) acknowledged = Number((await agent.ledger('flood'))?.journalled ?? 0);
  } catch {
    await kill;
  }
  await agent.ended;
  return acknowledged;
}
