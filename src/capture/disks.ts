/** What a disk does during one capture, within its time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProfileCalls } from '../profile/protocol.ts';
import { readAll } from '../profile/take-profile.ts';
import type { DiskActivity, Disks } from '../sdk/disks.ts';
import { rawLosses, rawPaths, rawRequests, rawUsages } from './disk-wire.ts';
import { type ProfileLimits, within } from './profiles.ts';

type Calls = Pick<ProfileCalls, 'diskStart' | 'profileRead' | 'profileEnd' | 'profileFree'>;

export function captureDisks(calls: Calls, limits: ProfileLimits): Disks {
  const timeOf = within(limits);
  return { watch: (device, seconds) => watch(calls, device, timeOf(seconds), limits.signal) };
}

async function watch(
  calls: Calls,
  device: number,
  seconds: number,
  signal: AbortSignal,
): Promise<DiskActivity> {
  const id = await calls.diskStart(device);
  try {
    const started_ms = performance.now();
    await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
    const now_ns = process.hrtime.bigint();
    await calls.profileEnd(id);
    const lasted = (performance.now() - started_ms) / 1000;
    const paths = new Map((await readAll(calls, id, 'files')).flatMap(rawPaths));
    const usages = await readAll(calls, id, 'usages');
    const requests = await readAll(calls, id, 'in_flight');
    const lost = rawLosses(await calls.profileRead(id, 'losses'));
    return {
      seconds: lasted,
      usages: usages.flatMap((batch) => rawUsages(batch, paths)),
      inFlight: requests
        .flatMap((batch) => rawRequests(batch, paths, now_ns))
        .toSorted((a, b) => b.age_ns - a.age_ns),
      lost,
    };
  } finally {
    await calls.profileFree(id);
  }
}
