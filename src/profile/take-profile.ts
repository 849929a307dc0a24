/**
 * One profile, from the request to stacks with names:
 *
 *   start ──► every quarter of a second: processes that are new, and where they have code ──► end ──► read ──► free ──► names
 *
 * Mappings are read while it runs because processes end; those that still run are looked at once more at the end, for what they
 * have loaded meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MapBatch } from '../decoder/maps.ts';
import type { ProcessMappings } from '../decoder/process-frames.ts';
import type { Profile } from '../sdk/profile.ts';
import { nameStacks } from './name-stacks.ts';
import type { ProfileCalls, ProfileMap, ProfileRequest } from './protocol.ts';
import { type RawProcess, rawCounts, rawProcesses } from './wire.ts';

const LOOK_MS = 250;
/** Whose mappings are one task of the thread `symbols`: 10 ms, of the two seconds that it has. */
const PROCESSES_PER_TASK = 64;
/** Times that a process is looked at whose mappings did not come in time. */
const MAX_TRIES = 3;
/** Of all processes, about 300 bytes each; frames of those beyond have no name, and are counted as such. */
const MAX_MAPPINGS = 200_000;

export interface ProfileTime {
  readonly seconds: number;
  /** Ends it before its time, with what there is. */
  readonly signal: AbortSignal;
  /** Called at each look, with the seconds that have passed. */
  readonly progress?: (seconds: number) => void;
}

/**
 * @param pageBytes what a page fault stands for
 * @throws what `ProfileCalls.profileStart` throws
 */
export async function takeProfile(
  calls: ProfileCalls,
  request: ProfileRequest,
  { seconds, signal, progress }: ProfileTime,
  pageBytes: number,
): Promise<Profile> {
  const id = await calls.profileStart(request);
  try {
    const started_unix_ns = BigInt(Date.now()) * 1_000_000n;
    const started_ms = performance.now();
    const known = new KnownMappings(calls);
    const passed = (): number => (performance.now() - started_ms) / 1000;
    while (!signal.aborted && passed() < seconds) {
      await sleep(Math.min(LOOK_MS, (seconds - passed()) * 1000), undefined, { signal }).catch(
        () => undefined,
      );
      await known.look(await readProcesses(calls, id));
      progress?.(passed());
    }
    await calls.profileEnd(id);
    const lasted = passed();
    const processes = await readProcesses(calls, id);
    const stacks = await readAll(calls, id, 'stacks');
    const counts = rawCounts(await calls.profileRead(id, 'counts'));
    // Before names are looked up, which takes longer: the kernel's memory is no longer needed.
    await calls.profileFree(id);
    await known.lookAgain(processes);
    const taken = { stacks, processes, mappings: known.mappings, pageBytes };
    const named = await nameStacks(calls, request, taken);
    return { kind: request.kind, seconds: lasted, started_unix_ns, ...named, ...counts };
  } finally {
    await calls.profileFree(id);
  }
}

type Processes = ReadonlyMap<number, RawProcess>;

/** Where processes have code, or had when they were last there. */
class KnownMappings {
  readonly mappings = new Map<number, ProcessMappings>();
  readonly #calls: Pick<ProfileCalls, 'processMappings'>;
  readonly #seen = new Map<number, bigint>();
  readonly #tries = new Map<number, number>();
  #count = 0;

  constructor(calls: Pick<ProfileCalls, 'processMappings'>) {
    this.#calls = calls;
  }

  /** Looks at those that are new, or run another program than before. */
  async look(processes: Processes): Promise<void> {
    const fresh = [...processes].filter(([pid, { program }]) => this.#seen.get(pid) !== program);
    for (const pid of await this.#read(fresh.map(([pid]) => pid)))
      this.#seen.set(pid, processes.get(pid)!.program);
  }

  /** Looks at all that are still there. */
  async lookAgain(processes: Processes): Promise<void> {
    await this.#read([...processes.keys()]);
  }

  /**
   * A process that keeps the thread from answering costs the others of its task one look: each is alone at the next.
   * @returns those of which there is an answer
   */
  async #read(pids: readonly number[]): Promise<readonly number[]> {
    const triesOf = (pid: number): number => this.#tries.get(pid) ?? 0;
    const untried = pids.filter((pid) => triesOf(pid) === 0);
    const again = pids.filter((pid) => triesOf(pid) > 0 && triesOf(pid) < MAX_TRIES);
    const answered: number[] = [];
    for (const task of [...chunks(untried, PROCESSES_PER_TASK), ...chunks(again, 1)]) {
      const found = await this.#calls.processMappings(task);
      if (!found) {
        for (const pid of task) this.#tries.set(pid, triesOf(pid) + 1);
        continue;
      }
      for (const one of found) this.#keep(one);
      for (const pid of task) this.#tries.delete(pid);
      answered.push(...task);
    }
    return answered;
  }

  #keep(found: ProcessMappings): void {
    const before = this.mappings.get(found.process);
    const all = before ? joined(before, found) : found;
    const count = this.#count - (before?.mappings.length ?? 0) + all.mappings.length;
    if (count > MAX_MAPPINGS) return;
    this.#count = count;
    this.mappings.set(found.process, all);
  }
}

function chunks(pids: readonly number[], size: number): (readonly number[])[] {
  return Array.from({ length: Math.ceil(pids.length / size) }, (_, index) =>
    pids.slice(index * size, (index + 1) * size),
  );
}

/** Later mappings, and of earlier ones what does not lie where there is another now. */
function joined(before: ProcessMappings, now: ProcessMappings): ProcessMappings {
  const { mappings } = now;
  const gone = before.mappings.filter(
    (old) => !mappings.some(({ start, end }) => start < old.end && end > old.start),
  );
  if (gone.length === 0) return now;
  return { ...now, mappings: [...mappings, ...gone].toSorted((a, b) => (a.start < b.start ? -1 : 1)) };
}

async function readProcesses(calls: ProfileCalls, id: number): Promise<Processes> {
  const batches = await readAll(calls, id, 'processes');
  return new Map(batches.flatMap((batch) => [...rawProcesses(batch)]));
}

/** All entries of a map. */
export async function readAll(
  calls: Pick<ProfileCalls, 'profileRead'>,
  id: number,
  map: ProfileMap,
): Promise<MapBatch[]> {
  const batches: MapBatch[] = [];
  for (let position: Uint8Array | undefined, more = true; more; more = position !== undefined) {
    const batch = await calls.profileRead(id, map, position);
    batches.push(batch);
    position = batch.next;
  }
  return batches;
}
