/**
 * Starts threads of one kind, lets them collect their garbage, and prints what each costs, in megabytes of resident memory; and the
 * milliseconds of CPU until each has said something.
 */
import console from 'node:console';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';
import { Heartbeat } from '../../src/actor/heartbeat.ts';
import { RingWakes } from '../../src/actor/ring-wakes.ts';
import { transferPort, wrap } from '../../src/actor/rpc.ts';
import { ActorStats } from '../../src/actor/stats.ts';
import { hasMallocOfStart, SETTLED_THRESHOLD_BYTES } from '../../src/agent/malloc.ts';
import { WORKER_LIMITS } from '../../src/agent/specs.ts';
import type { CollectorControl, CollectorWorkerData } from '../../src/collector/protocol.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { setMallocThresholds } from '../../src/kernel/libc.ts';
import { at } from '../../src/paths.ts';
import { allocateSeries } from '../../src/sdk/kept-series.ts';
import { allocateState } from '../../src/sdk/shared-state.ts';

const THREADS = 10;
/** On a busy host ten threads take seconds to start and to collect. */
const SETTLED_MS = 5000;
const BARE = `const { parentPort } = require('node:worker_threads');
parentPort.postMessage('');
parentPort.on('message', () => globalThis.gc?.({ type: 'major', flavor: 'last-resort' }));`;

interface Thread {
  /** It runs. */
  readonly spoken: Promise<unknown>;
  collect(): void;
}

function bare(): Thread {
  const worker = new Worker(BARE, { eval: true, resourceLimits: WORKER_LIMITS });
  return { spoken: once(worker, 'message'), collect: () => worker.postMessage('') };
}

/** A collector that has started and waits, without a BPF object. @param modulePath of one whose start() never ends */
function collector(modulePath: string): Thread {
  const { port1, port2 } = new MessageChannel();
  const stats = ActorStats.allocate();
  const workerData: CollectorWorkerData = {
    name: 'quiet',
    kind: 'event',
    modulePath,
    options: {},
    maxSeries: 1000,
    isMapped: false,
    interval_seconds: 10,
    agent: { hostname: 'host', region: 'default', bootId: '' },
    paths: { procfs: '/proc', sysfs: '/sys' },
    ring: { wakeup_age_ms: 200, batch_bytes: 1 << 18, batches_in_flight: 4 },
    containerWait_ms: 0,
    log: { level: 'info', format: 'json' },
    stats,
    wakes: RingWakes.allocate(),
    saveOrigin: '',
    state: allocateState(),
    containerKeepGone_ms: 300_000,
    series: allocateSeries(),
    control: port2,
  };
  const entry = process.env.ENTRY ?? at('dist/workers/collector.js');
  const worker = new Worker(entry, { workerData, transferList: [port2], resourceLimits: WORKER_LIMITS });
  // As in the agent, it is told of a port, and lives as long as the control port's other end.
  void wrap<CollectorControl>(port1).connectTo('none', transferPort(new MessageChannel().port1));
  const heartbeat = new Heartbeat(stats);
  return { spoken: once(worker, 'message'), collect: () => heartbeat.collect() };
}

function resident_bytes(): number {
  globalThis.gc?.({ type: 'major', flavor: 'last-resort' });
  const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8');
  return 1024 * Number(/^Rss:\s+(\d+)/m.exec(rollup)?.[1]);
}

async function settled(threads: readonly Thread[]): Promise<void> {
  await sleep(SETTLED_MS);
  for (let time = 0; time < 2; time++) {
    for (const thread of threads) thread.collect();
    await sleep(SETTLED_MS / 3);
  }
}

const [kind, directory = ''] = process.argv.slice(2);
keepClock();
if (hasMallocOfStart(process.env)) setMallocThresholds(SETTLED_THRESHOLD_BYTES);
const modulePath = `${directory}/quiet.mjs`;
writeFileSync(modulePath, `export default { kind: 'event', doc: '', start: () => new Promise(() => {}) }`);
const start = kind === 'bare' ? bare : () => collector(modulePath);
// What the first one makes for all is not its cost.
await settled([start()]);
const before = resident_bytes();
const cpu = process.cpuUsage();
const threads = Array.from({ length: THREADS }, start);
await Promise.all(threads.map(({ spoken }) => spoken));
const { user, system } = process.cpuUsage(cpu);
await settled(threads);
console.log((resident_bytes() - before) / THREADS / 1e6, (user + system) / THREADS / 1e3);
process.exit(0);
