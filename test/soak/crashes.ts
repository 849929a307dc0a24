/** Workers that crash under a steady flood: how long nobody reads, and that nothing is lost. */
import assert from 'node:assert/strict';
import type { Failure } from '../fixtures/collectors/failing.ts';
import { AgentProcess } from '../support/agent.ts';
import { FLOOD_CONFIG } from '../support/flood.ts';
import { Producer } from '../support/producer.ts';
import { auditSequences, closedLedger, type Event, readEvents } from './audit.ts';
import { FailingCollector } from './collectors.ts';

interface CrashReport {
  /** From the end of each worker to the next one's "running", by the agent's log. */
  readonly running_ms: readonly number[];
  /** From the end of each worker to the first batch that the next one read, by `uploaded_time` of its documents. */
  readonly reading_ms: readonly number[];
  readonly events: number;
  /** Events that are in the journal twice. */
  readonly repeated: number;
}

const KINDS: readonly Failure[] = ['throw', 'exit', 'heap'];

/** Never gives up, waits the least; for scenarios about the mechanism and not the policy. */
export const TIRELESS: Readonly<Record<string, unknown>> = {
  restarts: 1000,
  restart_window: '1s',
  backoff_min: '10ms',
  backoff_max: '10ms',
};

/**
 * @param crashes kinds are taken in turn
 * @param supervisor its section of the configuration
 */
export async function crashUnderFlood(
  crashes: number,
  supervisor: Readonly<Record<string, unknown>>,
): Promise<CrashReport> {
  using collector = await FailingCollector.build();
  await using agent = await AgentProcess.start({
    collectors: collector.path,
    only: ['flood'],
    env: collector.env,
    deadline_ms: 60_000 + crashes * 5000,
    config: {
      // Repeated state changes are summarised at other levels.
      log: { level: 'debug' },
      supervisor,
      journal: { segments: 64 },
      collectors: { flood: FLOOD_CONFIG },
    },
  });
  using producer = new Producer({ collector: 'flood', events: 20, every_ms: 5 });
  for (let crash = 0; crash < crashes; crash++) {
    // A worker that dies before it has read anything tells nothing about how soon it would have.
    const made = producer.made;
    await agent.until('events to flow', async () => {
      const ledger = await agent.ledger('flood');
      return Number(ledger?.journalled) > made;
    });
    collector.fail(KINDS[crash % KINDS.length] ?? 'throw');
    await agent.until(`restart ${crash + 1}`, async () => {
      const { restarts, state } = await agent.actor('flood');
      return restarts > crash && state === 'running';
    });
  }
  producer[Symbol.dispose]();
  const { journalled } = await closedLedger(agent, 'flood', producer.made);
  assert.equal(journalled, String(producer.made));
  const events = readEvents(agent.journal, 'flood');
  const { most_copies, ...audit } = auditSequences(events);
  assert.equal(audit.events, producer.made, 'every event is on disk');
  assert.ok(most_copies <= 2, `an event is on disk ${most_copies} times`);
  const lives = restartsIn(agent.stderr);
  assert.equal(lives.length, crashes);
  return {
    ...audit,
    running_ms: lives.map(({ ended_ms, running_ms }) => running_ms - ended_ms),
    reading_ms: readingAgain(
      events,
      lives.map(({ ended_ms }) => ended_ms),
    ),
  };
}

interface Restart {
  /** UTC, as the other. */
  readonly ended_ms: number;
  readonly running_ms: number;
}

function restartsIn(log: string): Restart[] {
  const found: Restart[] = [];
  let ended_ms: number | undefined;
  for (const line of log.split('\n').filter((text) => text.startsWith('{'))) {
    const { actor, state, time } = JSON.parse(line) as { actor?: string; state?: string; time: string };
    if (actor !== 'flood') continue;
    if (state === 'restarting') ended_ms = Date.parse(time);
    if (state === 'running' && ended_ms !== undefined) {
      found.push({ ended_ms, running_ms: Date.parse(time) });
      ended_ms = undefined;
    }
  }
  return found;
}

/** @param events in the order of the journal @param ended_ms ascending */
function readingAgain(events: readonly Event[], ended_ms: readonly number[]): number[] {
  const read_ms = [...new Set(events.map(({ uploaded_time }) => uploaded_time))].map((text) =>
    Date.parse(text),
  );
  return ended_ms.map((end) => (read_ms.find((time) => time > end) ?? Number.NaN) - end);
}
