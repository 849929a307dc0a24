/** How each fault is brought about, and what counts as recovered from it: faults of threads, of load, and of the configuration. */
import assert from 'node:assert/strict';
import type { Failure } from '../fixtures/collectors/failing.ts';
import type { WorkerFailure } from '../fixtures/workers/fuse.ts';
import { footprint } from '../soak/footprint.ts';
import { flood } from '../support/flood.ts';
import {
  closeForWriting,
  cutSegment,
  deleteLock,
  deleteSegment,
  diskOf,
  dropFiles,
  fill,
  freeze,
} from './disk-faults.ts';
import { askWithMalice, failEngine, holdConnections } from './peer-faults.ts';
import { actor, flowing, patiently, replaced, type Scene } from './scene.ts';
import type { Fault } from './schedule.ts';

/** @returns milliseconds from the fault, or from its end for one that lasts, until things are as before */
export async function inject(scene: Scene, fault: Fault): Promise<number> {
  switch (fault) {
    case 'frozen disk':
      return freeze(scene, diskOf(scene));
    case 'full disk':
      return fill(scene, diskOf(scene));
    case 'read-only disk':
      return closeForWriting(scene, diskOf(scene));
    case 'lock deleted':
      return deleteLock(scene);
    case 'segment deleted':
      return deleteSegment(scene);
    case 'segment cut':
      return cutSegment(scene);
    case 'foreign files':
      return dropFiles(scene);
    case 'engine floods':
    case 'engine hangs':
    case 'engine babbles':
      return failEngine(scene, fault);
    case 'slow clients':
      return holdConnections(scene);
    case 'hostile requests':
      return askWithMalice(scene);
    case 'leak':
      return leak(scene);
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

/** Buffers, which no limit of the thread's heap sees: the cap on the agent's memory does. */
async function leak(scene: Scene): Promise<number> {
  const { agent, collector, memory_limit_bytes } = scene;
  const recovered_ms = await replaced(scene, 'flood', () => void collector.fail('leak'));
  const { last_error } = await actor(scene, 'flood');
  assert.equal(last_error?.code, 'MEMORY_LIMIT', `${last_error?.message}`);
  await patiently(scene, 'the memory to come back', () => {
    return footprint(agent.pid).resident_bytes < memory_limit_bytes;
  });
  return recovered_ms;
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
