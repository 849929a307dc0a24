/** Workers that collectors lean on and that fail under a flood: collectors wait for the next one, and nothing is lost. */
import assert from 'node:assert/strict';
import type { ActorStatus } from '../../src/actor/state.ts';
import type { FailingWorker, WorkerFailure } from '../fixtures/workers/fuse.ts';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors, FLOOD_CONFIG } from '../support/flood.ts';
import { freePort } from '../support/free-port.ts';
import { Producer } from '../support/producer.ts';
import { auditSequences, closedLedger, readEvents } from './audit.ts';
import { WorkerFuse } from './worker-fuse.ts';

interface ServiceCrashReport {
  readonly actor: ActorStatus;
  readonly collector: ActorStatus;
  readonly repeated: number;
}

/** @returns how things stand after the failure, when every event is on disk */
export async function failService(
  worker: FailingWorker,
  failure: WorkerFailure,
): Promise<ServiceCrashReport> {
  using fuse = new WorkerFuse();
  await using agent = await AgentProcess.start({
    collectors: await builtCollectors('collectors'),
    only: ['flood'],
    env: fuse.env,
    config: {
      // The next server has to be found where the last one was.
      web: { listen_address: `127.0.0.1:${await freePort()}` },
      supervisor: { heartbeat_timeout: '2s' },
      collectors: { flood: FLOOD_CONFIG },
    },
  });
  using producer = new Producer({ collector: 'flood', events: 100, every_ms: 10 });
  await agent.until('events to flow', async () => (await agent.ledger('flood'))?.journalled !== '0');
  fuse.light(worker, failure);
  await agent.until('the failure', () => !fuse.waiting);
  const actor = await agent.until(`the next ${worker}`, () => restarted(agent, worker));
  producer[Symbol.dispose]();
  const { journalled } = await closedLedger(agent, 'flood', producer.made);
  assert.equal(journalled, String(producer.made));
  const { most_copies, ...audit } = auditSequences(readEvents(agent.journal, 'flood'));
  assert.equal(audit.events, producer.made, 'every event is on disk');
  assert.ok(most_copies <= 2, `an event is on disk ${most_copies} times`);
  return { actor, collector: await agent.actor('flood'), repeated: audit.repeated };
}

/** While there is no server there is no answer. */
async function restarted(agent: AgentProcess, worker: string): Promise<ActorStatus | undefined> {
  try {
    const actor = await agent.actor(worker);
    return actor.restarts > 0 && actor.state === 'running' ? actor : undefined;
  } catch {
    return undefined;
  }
}
