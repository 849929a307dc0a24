/** What ran before a capture, with names. */
import type { Profile } from '../sdk/profile.ts';
import { nameStacks } from './name-stacks.ts';
import { PRECAPTURE_HZ, type ProfileCalls, type ProfileRequest, type RolledProfile } from './protocol.ts';
import { rawStacks } from './wire.ts';

/** Whose stacks they are was decided when they were read. */
const REQUEST: ProfileRequest = {
  kind: 'on_cpu',
  subject: { type: 'host' },
  hz: PRECAPTURE_HZ,
  faultsPerSample: 1,
};

export async function nameRolled(
  calls: ProfileCalls,
  rolled: RolledProfile,
): Promise<{
  readonly profile: Profile;
  /** Processes had ended before it was known where their code is. */
  readonly hasGaps: boolean;
}> {
  const { seconds, started_unix_ns, stacks, samples, lost, idle } = rolled;
  const processes = new Map(rolled.processes);
  const mappings = new Map(rolled.mappings.map((one) => [one.process, one]));
  const named = await nameStacks(calls, REQUEST, { stacks, processes, mappings, pageBytes: 0 });
  const hasGaps = stacks.some((batch) =>
    [...rawStacks(batch)].some(({ pid, user }) => user.length > 0 && !mappings.has(pid)),
  );
  return {
    profile: { kind: 'on_cpu', seconds, started_unix_ns, ...named, samples, lost, idle },
    hasGaps,
  };
}
