/**
 * One profile, from the request to stacks with names:
 *
 *   start ──► every quarter of a second: processes that are new, and where they have code ──► end ──► read ──► free ──► names
 *
 * Mappings are read while it runs because processes end; those that still run are looked at once more at the end, for what they
 * have loaded meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessMappings } from '../decoder/frame-places.ts';
import { allBatches, type MapBatch } from '../decoder/maps.ts';
import type { Profile } from '../sdk/profile.ts';
import { KnownMappings, type Processes } from './known-mappings.ts';
import { nameStacks } from './name-stacks.ts';
import type { ProfileCalls, ProfileMap, ProfileRequest } from './protocol.ts';
import { rawCounts, rawProcesses, slabStacks } from './wire.ts';

const LOOK_MS = 250;

interface ProfileTime {
  readonly seconds: number;
  /** Ends it before its time, with what there is. */
  readonly signal: AbortSignal;
  /** Where processes had code before it began. */
  readonly earlier?: readonly ProcessMappings[] | undefined;
  /** As in `TakenStacks`. */
  readonly names_ms?: number;
  /** Called at each look, with the seconds that have passed. */
  readonly progress?: (seconds: number) => void;
}

/**
 * @param pageBytes what a page fault stands for
 * @param readMore called with the id when it has ended and is not freed yet, for other maps of its object
 * @throws what `ProfileCalls.profileStart` throws
 */
export async function takeProfile(
  calls: ProfileCalls,
  request: ProfileRequest,
  { seconds, signal, progress, earlier, names_ms }: ProfileTime,
  pageBytes: number,
  readMore?: (id: number) => Promise<void>,
): Promise<Profile> {
  const id = await calls.profileStart(request);
  try {
    const started_unix_ns = BigInt(Date.now()) * 1_000_000n;
    const started_ms = performance.now();
    const known = new KnownMappings(calls, earlier);
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
    const stacks =
      request.kind === 'slab'
        ? (await readAll(calls, id, 'slab_stacks')).map(slabStacks)
        : await readAll(calls, id, 'stacks');
    await readMore?.(id);
    const counts = rawCounts(await calls.profileRead(id, 'counts'));
    // Before names are looked up, which takes longer: the kernel's memory is no longer needed.
    await calls.profileFree(id);
    await known.lookAgain(processes);
    const taken = { stacks, processes, mappings: known.mappings, pageBytes, names_ms };
    const named = await nameStacks(calls, request, taken);
    return { kind: request.kind, seconds: lasted, started_unix_ns, ...named, ...counts };
  } finally {
    await calls.profileFree(id);
  }
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
  return allBatches((position) => calls.profileRead(id, map, position));
}
