/** Agents and a real Elasticsearch that are killed at any moment of a flood, with rollovers in between: every event is there once. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { stored } from '../storage/elasticsearch/fixture.ts';
import { AgentProcess } from '../support/agent.ts';
import { builtCollectors, FLOOD_CONFIG } from '../support/flood.ts';
import { Producer } from '../support/producer.ts';
import { type FoundServer, SearchServer } from '../support/search-server/server.ts';
import { readEvents } from './audit.ts';
import { scratchDirectory } from './scratch.ts';

interface ShippingReport {
  readonly rounds: number;
  readonly agentKills: number;
  readonly serverKills: number;
  readonly rollovers: number;
  /** Distinct event ids in the journal. */
  readonly events: number;
  readonly documents: number;
}

const TARGET = 'logs-huatuo.flood-default';
/** A kill comes this long after both are up, at random. */
const MAX_UP_MS = 1500;

/**
 * @param random in [0, 1)
 * @throws AssertionError when an event of the journal is not in the index exactly once
 */
export async function killWhileShipping(
  rounds: number,
  found: FoundServer,
  progress: (line: string) => void,
  random: () => number = Math.random,
): Promise<ShippingReport> {
  using scratch = scratchDirectory();
  const collectors = await builtCollectors('collectors');
  await using server = await SearchServer.start(found);
  using _producer = new Producer({ collector: 'flood', events: 10, every_ms: 5 });
  const config = {
    journal: { directory: scratch.path, segments: 256, segment_size: '1MiB' },
    elasticsearch: { hosts: [server.url], flush_interval: '50ms', bulk_documents: 500, timeout: '5s' },
    collectors: { flood: FLOOD_CONFIG },
  };
  const start = (): Promise<AgentProcess> => AgentProcess.start({ collectors, only: ['flood'], config });
  let agent = await start();
  let agentKills = 0;
  let serverKills = 0;
  let rollovers = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      await sleep(random() * MAX_UP_MS);
      const kind = Math.floor(random() * 3);
      const dead: Promise<unknown>[] = [];
      if (kind !== 1) {
        agent.kill();
        dead.push(agent.ended);
        agentKills++;
      }
      if (kind !== 0) {
        dead.push(server.kill());
        serverKills++;
      }
      await Promise.all(dead);
      if (kind !== 0) await server.start();
      if (random() < 0.5) rollovers += Number(await rollOver(server));
      if (kind !== 1) {
        await agent[Symbol.asyncDispose]();
        agent = await start();
      }
      if ((round + 1) % 10 === 0) progress(`shipping: ${round + 1} rounds`);
    }
    _producer[Symbol.dispose]();
    await drained(agent);
    const ids = new Set(readEvents(scratch.path, 'flood').map(({ event_id }) => event_id));
    const { documents, events } = await stored(server, TARGET);
    assert.deepEqual({ documents, events }, { documents: ids.size, events: ids.size });
    return { rounds, agentKills, serverKills, rollovers, events: ids.size, documents };
  } finally {
    await agent[Symbol.asyncDispose]();
  }
}

async function rollOver(server: SearchServer): Promise<boolean> {
  return server.call('POST', `/${TARGET}/_rollover`).then(
    () => true,
    // Nothing has been shipped yet.
    () => false,
  );
}

async function drained(agent: AgentProcess): Promise<void> {
  await agent.until('the ring to be empty', async () => (await agent.ledger('flood'))?.pending_bytes === '0');
  await agent.until(
    'everything to be shipped',
    async () => {
      const { elasticsearch } = await agent.status();
      return elasticsearch?.streams.find(({ tracer }) => tracer === 'flood')?.lag_documents === 0;
    },
    120_000,
  );
}
