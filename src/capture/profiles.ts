/** Profiles of one capture: of its subject, within its time. */
import type { ProcessMappings } from '../decoder/frame-places.ts';
import { HuatuoError } from '../error.ts';
import { pageSize } from '../procfs/page-size.ts';
import { nameRolled } from '../profile/name-rolled.ts';
import type { ProfileCalls, ProfileRequest } from '../profile/protocol.ts';
import { subjectOf } from '../profile/subject.ts';
import { takeProfile } from '../profile/take-profile.ts';
import type { Subject } from '../sdk/autotracing.ts';
import type { CpuProfileOptions, Profile, ProfileAround, Profiles } from '../sdk/profile.ts';

const HZ = 99;
const MAX_HZ = 1000;
const FAULTS_PER_SAMPLE = 7;
const [LEAST_SECONDS, MOST_SECONDS] = [0.1, 60];
/** Of a capture's time, what stays for names and for the rest of it. */
const RESERVED_SHARE = 0.25;

export interface ProfileLimits {
  readonly procfs: string;
  /** Aborts when the capture is over. */
  readonly signal: AbortSignal;
  /** Of the whole capture, from now on. */
  readonly deadline_seconds: number;
}

/** Profiles of a capture, and whether all of them could be taken in full. */
interface CaptureProfiles {
  readonly profiles: Profiles;
  readonly isIncomplete: () => boolean;
}

/** @param subject as of `subjectOf` */
export function captureProfiles(
  calls: ProfileCalls,
  subject: Subject,
  limits: ProfileLimits,
): CaptureProfiles {
  const timeOf = within(limits);
  const pageBytes = pageSize(limits.procfs);
  let isIncomplete = false;
  const take = async (
    kind: ProfileRequest['kind'],
    { seconds, pids, of, hz = HZ, cpus }: CpuProfileOptions,
    earlier?: readonly ProcessMappings[],
  ): Promise<Profile> => {
    const time = { seconds: timeOf(seconds), signal: limits.signal, earlier };
    const request: ProfileRequest = {
      kind,
      subject: pids ? { type: 'processes', pids } : subjectOf(of ?? subject),
      hz: Math.max(1, Math.min(Math.round(hz), MAX_HZ)),
      cpus,
      faultsPerSample: FAULTS_PER_SAMPLE,
    };
    return takeProfile(calls, request, time, pageBytes);
  };
  const around = async (options: Pick<CpuProfileOptions, 'seconds'>): Promise<ProfileAround> => {
    const rolled = await calls.profileBefore();
    const [before, after] = await Promise.allSettled([
      rolled && nameRolled(calls, rolled),
      take('on_cpu', options, rolled?.mappings),
    ]);
    const found = before.status === 'fulfilled' ? before.value : undefined;
    // What is over, with its container, is what is asked for.
    if (after.status === 'rejected' && !(found && isGone(after.reason))) throw after.reason;
    isIncomplete ||= [before, after].some(({ status }) => status === 'rejected') || found?.hasGaps === true;
    return {
      ...(found && { before: found.profile }),
      ...(after.status === 'fulfilled' && { after: after.value }),
    };
  };
  return {
    isIncomplete: () => isIncomplete,
    profiles: {
      onCpu: (options) => take('on_cpu', options),
      around,
      offCpu: (options) => take('off_cpu', options),
      allocations: (options) => take('allocations', options),
      block: (options) => take('block', options),
    },
  };
}

/** @returns how long one that asks for so many seconds may look */
export function within({ deadline_seconds }: ProfileLimits): (seconds: number) => number {
  const end_ms = performance.now() + deadline_seconds * (1 - RESERVED_SHARE) * 1000;
  return (seconds) => {
    const left = (end_ms - performance.now()) / 1000;
    return Math.max(LEAST_SECONDS, Math.min(seconds, MOST_SECONDS, left));
  };
}

function isGone(error: unknown): boolean {
  return error instanceof HuatuoError && error.code === 'SOURCE_UNREADABLE';
}
