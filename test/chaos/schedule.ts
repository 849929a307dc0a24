/** What happens to the agent and when, as data made from a seed: the same seed gives the same schedule. Pure. */
import type { Failure } from '../fixtures/collectors/failing.ts';
import type { WorkerFailure } from '../fixtures/workers/fuse.ts';
import type { EngineFailure } from './engine.ts';

/** Faults within one life of the agent. */
export type Fault =
  | Failure
  | `journal ${WorkerFailure}`
  | `prometheus ${WorkerFailure}`
  | `containers ${WorkerFailure}`
  | 'frozen disk'
  | 'full disk'
  | 'read-only disk'
  | 'lock deleted'
  | 'segment deleted'
  | 'segment cut'
  | 'foreign files'
  | `engine ${EngineFailure}`
  | 'slow clients'
  | 'hostile requests'
  | 'burst beyond the ring'
  | 'reload'
  | 'reload refused';

/** How a life ends. After `SIGKILL, pinned` the next one adopts what was left; after `SIGTERM` everything is on disk. */
export type End = 'SIGKILL' | 'SIGKILL, pinned' | 'SIGTERM';

/** All of them take the same road: injected, seen, recovered. */
export const FAULTS: readonly Fault[] = [
  'throw',
  'reject',
  'exit',
  'heap',
  'leak',
  'loop',
  'loop in update',
  'hang in update',
  'throw in update',
  'hang in enrich',
  'throw in enrich',
  'trap in decoder',
  'loop in decoder',
  'journal throw',
  'journal exit',
  'journal loop',
  'prometheus throw',
  'prometheus exit',
  'prometheus loop',
  'containers throw',
  'containers exit',
  'containers loop',
  'frozen disk',
  'full disk',
  'read-only disk',
  'lock deleted',
  'segment deleted',
  'segment cut',
  'foreign files',
  'engine floods',
  'engine hangs',
  'engine babbles',
  'slow clients',
  'hostile requests',
  'burst beyond the ring',
  'reload',
  'reload refused',
];

interface Step {
  readonly fault: Fault;
  /** Quiet time before it, while the load goes on. */
  readonly after_ms: number;
}

export interface Life {
  readonly pinned: boolean;
  readonly steps: readonly Step[];
  readonly end: End;
  /** Between the last recovery and the end. */
  readonly end_after_ms: number;
}

/** One round: two lives without pins, then two with; the second of each pair follows one that was killed. */
const LIVES: readonly Pick<Life, 'pinned' | 'end'>[] = [
  { pinned: false, end: 'SIGKILL' },
  { pinned: false, end: 'SIGTERM' },
  { pinned: true, end: 'SIGKILL, pinned' },
  { pinned: true, end: 'SIGTERM' },
];

interface ScheduleOptions {
  /** Of four lives each. */
  readonly rounds: number;
  readonly faults?: readonly Fault[];
  /** Each fault is injected once in each life, or once in each round; in an order of its own each time. */
  readonly once_in: 'life' | 'round';
  readonly max_pause_ms: number;
}

export function schedule(
  seed: number,
  { rounds, faults = FAULTS, once_in, max_pause_ms }: ScheduleOptions,
): readonly Life[] {
  const random = mulberry32(seed);
  const pause_ms = (): number => Math.floor(random() * max_pause_ms);
  const steps = (): Step[] => shuffled(faults, random).map((fault) => ({ fault, after_ms: pause_ms() }));
  return Array.from({ length: rounds }, () => {
    const shared = steps();
    return LIVES.map((life, index) => ({
      ...life,
      steps:
        once_in === 'life'
          ? steps()
          : shared.slice(share(shared.length, index), share(shared.length, index + 1)),
      end_after_ms: pause_ms(),
    }));
  }).flat();
}

/** Where the steps of a life begin. */
function share(steps: number, life: number): number {
  return Math.round((steps * life) / LIVES.length);
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}

/** A generator of 32 bits of state: a Weyl sequence through a mixing function. @returns numbers in [0, 1) */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
