/** One life of the agent, as faults see it, and what they ask of it. */
import type { ActorStatus } from '../../src/actor/state.ts';
import type { FailingCollector } from '../soak/collectors.ts';
import type { LoopDisk } from '../soak/loop-disk.ts';
import type { WorkerFuse } from '../soak/worker-fuse.ts';
import type { AgentProcess } from '../support/agent.ts';
import type { Engine } from './engine.ts';
import type { RingCounts } from './witness.ts';

export interface Scene {
  readonly agent: AgentProcess;
  readonly collector: FailingCollector;
  readonly fuse: WorkerFuse;
  readonly disk: LoopDisk | undefined;
  /** The docker that the agent asks. */
  readonly engine: Engine;
  /** Directories of the journal, and of what faults take from it. */
  readonly journal: string;
  readonly taken: string;
  /** Of the agent's server, on 127.0.0.1. */
  readonly port: number;
  readonly memory_limit_bytes: number;
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

export function actor(scene: Scene, name: string): Promise<ActorStatus> {
  return patiently(scene, `the status of ${name}`, () => scene.agent.actor(name));
}

/** Something that is produced from now on is committed. */
export async function flowing(scene: Scene): Promise<void> {
  const { producer } = scene.counts();
  await patiently(scene, 'events to flow', () => scene.counts().consumer > producer);
}

/** The actor's thread ends, the next one runs, and events get through. */
export async function replaced(scene: Scene, name: string, fail: () => void): Promise<number> {
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
