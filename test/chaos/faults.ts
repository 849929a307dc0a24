/** How each fault is brought about, and what counts as recovered from it. */
import assert from 'node:assert/strict';
import type { ActorStatus } from '../../src/actor/state.ts';
import type { Failure } from '../fixtures/collectors/failing.ts';
import type { WorkerFailure } from '../fixtures/workers/fuse.ts';
import type { FailingCollector } from '../soak/collectors.ts';
import type { LoopDisk } from '../soak/loop-disk.ts';
import type { WorkerFuse } from '../soak/worker-fuse.ts';
import type { AgentProcess } from '../support/agent.ts';
import { flood } from '../support/flood.ts';
import type { Fault } from './schedule.ts';
import type { RingCounts } from './witness.ts';

/** One life of the agent, as faults see it. */
export interface Scene {
  readonly agent: AgentProcess;
  readonly collector: FailingCollector;
  readonly fuse: WorkerFuse;
  readonly disk: LoopDisk | undefined;
  readonly ring_bytes: number;
  /** The ring that the agent reads; undefined while it has none, or two. */
  ring(): number | undefined;
  /** Of that ring, as the kernel has them. */
  counts(): RingCounts;
  /** Writes the configuration, with another value of an option of the collector. */
  changeConfig(): void;
  /** Writes one that cannot be used; `restore` writes the present one. */
  spoilConfig(): { restore(): void };
}

/** A loaded host may take its time: nothing here is about speed. */
const PATIENCE_MS = 60_000;

/**
 * Asks again until the answer is true. What throws is asked again, too: the agent's server may be the one that is being
 * replaced, by the fault or because this host did not let it run.
 */
export function patiently<T>(
  { agent }: Pick<Scene, 'agent'>,
  what: string,
  check: () => T | Promise<T>,
): Promise<Exclude<T, undefined | false>> {
  const answered = async (): Promise<T | undefined> => {
    try {
      return await check();
    } catch {
      return undefined;
    }
  };
  return agent.until(what, answered, PATIENCE_MS) as Promise<Exclude<T, undefined | false>>;
}

function actor(scene: Scene, name: string): Promise<ActorStatus> {
  return patiently(scene, `the status of ${name}`, () => scene.agent.actor(name));
}

/** @returns milliseconds from the fault, or from its end for one that lasts, until things are as before */
export async function inject(scene: Scene, fault: Fault): Promise<number> {
  switch (fault) {
    case 'frozen disk':
      return freeze(scene, diskOf(scene));
    case 'full disk':
      return fill(scene, diskOf(scene));
    case 'burst beyond the ring':
      return burst(scene);
    case 'reload':
      return reload(scene);
    case 'reload refused':
      return reloadRefused(scene);
    case 'throw in update':
    case 'throw in enrich':
      return survive(scene, fault);
  }
  const [first, how] = fault.split(' ');
  if (first === 'journal' || first === 'prometheus' || first === 'containers') {
    return replaced(scene, first, () => scene.fuse.light(first, how as WorkerFailure));
  }
  return replaced(scene, 'flood', () => void scene.collector.fail(fault as Failure));
}

function diskOf({ disk }: Scene): LoopDisk {
  if (!disk) throw new Error('this fault needs a disk of its own');
  return disk;
}

/** The actor's thread ends, the next one runs, and events get through. */
async function replaced(scene: Scene, name: string, fail: () => void): Promise<number> {
  const { agent } = scene;
  const { restarts } = await actor(scene, name);
  const start_ms = Date.now();
  fail();
  const next = await patiently(scene, `the next ${name}`, async () => {
    // What fails in a scrape needs one.
    await agent.metrics();
    const now = await agent.actor(name);
    return now.restarts > restarts && now.state === 'running' ? now : undefined;
  });
  await flowing(scene);
  return Date.parse(next.since) - start_ms;
}

/** The collector fails in a call that it may fail in: its worker goes on. */
async function survive(scene: Scene, failure: 'throw in update' | 'throw in enrich'): Promise<number> {
  const { agent, collector } = scene;
  const { restarts } = await actor(scene, 'flood');
  const start_ms = performance.now();
  collector.fail(failure);
  await patiently(scene, failure, async () => (await agent.metrics()) && !collector.waiting);
  await flowing(scene);
  const elapsed_ms = performance.now() - start_ms;
  const after = await actor(scene, 'flood');
  assert.deepEqual([after.restarts, after.state], [restarts, 'running'], `${failure} keeps the worker`);
  return elapsed_ms;
}

/** Something that is produced from now on is committed. */
async function flowing(scene: Scene): Promise<void> {
  const { producer } = scene.counts();
  await patiently(scene, 'events to flow', () => scene.counts().consumer > producer);
}

async function freeze(scene: Scene, disk: LoopDisk): Promise<number> {
  const { agent } = scene;
  const { restarts } = await actor(scene, 'journal');
  {
    using _ = disk.freeze();
    await patiently(scene, 'the hang to be seen', async () => {
      const { state, last_error } = await agent.actor('journal');
      return last_error?.code === 'WORKER_HUNG' && state === 'restarting';
    });
    await patiently(scene, 'a scrape', () => agent.metrics());
  }
  const thawed_ms = performance.now();
  await patiently(scene, 'the next journal', async () => {
    const now = await agent.actor('journal');
    return now.restarts > restarts && now.state === 'running';
  });
  await flowing(scene);
  return performance.now() - thawed_ms;
}

async function fill(scene: Scene, disk: LoopDisk): Promise<number> {
  const refused = async (): Promise<number> => (await actor(scene, 'flood')).vitals?.refused_batches ?? 0;
  const before = await refused();
  {
    using _ = disk.fill();
    await patiently(scene, 'a batch to be refused', async () => (await refused()) > before);
  }
  const start_ms = performance.now();
  await flowing(scene);
  return performance.now() - start_ms;
}

/** In one call of the kernel: nobody can read as fast. */
async function burst(scene: Scene): Promise<number> {
  const { dropped_ring_full } = scene.counts();
  const start_ms = performance.now();
  // As many as fill it, and more, when only one of four is kept.
  flood(scene.ring_bytes / 8);
  assert.ok(scene.counts().dropped_ring_full > dropped_ring_full, 'the ring was full');
  await flowing(scene);
  return performance.now() - start_ms;
}

async function reload(scene: Scene): Promise<number> {
  const { agent } = scene;
  const [before, said] = [scene.ring(), agent.stderr.length];
  const start_ms = performance.now();
  scene.changeConfig();
  agent.signal('SIGHUP');
  await patiently(scene, 'the reload', () => agent.stderr.includes('configuration reloaded', said));
  await patiently(scene, 'the next ring', () => {
    const now = scene.ring();
    return now !== undefined && now !== before;
  });
  await flowing(scene);
  return performance.now() - start_ms;
}

async function reloadRefused(scene: Scene): Promise<number> {
  const { agent } = scene;
  const said = agent.stderr.length;
  const start_ms = performance.now();
  const config = scene.spoilConfig();
  agent.signal('SIGHUP');
  await patiently(scene, 'the refusal', () => agent.stderr.includes('reload refused', said));
  config.restore();
  await flowing(scene);
  return performance.now() - start_ms;
}
