/**
 * One profile, from the request to stacks with names:
 *
 *   start ──► every half second: processes that are new, and where they have code ──► end ──► read ──► free ──► names
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
import { rawCounts, rawProcesses } from './wire.ts';

const LOOK_MS = 500;

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
    const mappings = new Map<number, ProcessMappings>();
    const passed = (): number => (performance.now() - started_ms) / 1000;
    while (!signal.aborted && passed() < seconds) {
      await sleep(Math.min(LOOK_MS, (seconds - passed()) * 1000), undefined, { signal }).catch(
        () => undefined,
      );
      const fresh = [...(await readProcesses(calls, id)).keys()].filter((pid) => !mappings.has(pid));
      await remember(calls, fresh, mappings);
      progress?.(passed());
    }
    await calls.profileEnd(id);
    const lasted = passed();
    const processes = await readProcesses(calls, id);
    const stacks = await readAll(calls, id, 'stacks');
    const counts = rawCounts(await calls.profileRead(id, 'counts'));
    // Before names are looked up, which takes longer: the kernel's memory is no longer needed.
    await calls.profileFree(id);
    await remember(calls, [...processes.keys()], mappings);
    const named = await nameStacks(calls, request, { stacks, processes, mappings, pageBytes });
    return { kind: request.kind, seconds: lasted, started_unix_ns, ...named, ...counts };
  } finally {
    await calls.profileFree(id);
  }
}

/** What a process that has ended had before stays. */
async function remember(
  calls: ProfileCalls,
  pids: readonly number[],
  mappings: Map<number, ProcessMappings>,
): Promise<void> {
  if (pids.length === 0) return;
  for (const found of await calls.processMappings(pids)) mappings.set(found.process, found);
}

async function readProcesses(calls: ProfileCalls, id: number): Promise<Map<number, string>> {
  const batches = await readAll(calls, id, 'processes');
  return new Map(batches.flatMap((batch) => [...rawProcesses(batch)]));
}

async function readAll(calls: ProfileCalls, id: number, map: ProfileMap): Promise<MapBatch[]> {
  const batches: MapBatch[] = [];
  for (let position: Uint8Array | undefined, more = true; more; more = position !== undefined) {
    const batch = await calls.profileRead(id, map, position);
    batches.push(batch);
    position = batch.next;
  }
  return batches;
}
