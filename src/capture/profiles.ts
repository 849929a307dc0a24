/** Profiles of one capture: of its subject, within its time. */
import { pageSize } from '../procfs/page-size.ts';
import type { ProfileCalls, ProfileRequest, ProfileSubject } from '../profile/protocol.ts';
import { containerSubject } from '../profile/subject.ts';
import { takeProfile } from '../profile/take-profile.ts';
import type { Subject } from '../sdk/autotracing.ts';
import type { CpuProfileOptions, Profile, Profiles } from '../sdk/profile.ts';

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

/** @param subject a container, or a name of the host or a part of it: then of the whole host */
export function captureProfiles(calls: ProfileCalls, subject: Subject, limits: ProfileLimits): Profiles {
  const timeOf = within(limits);
  const take = async (
    kind: ProfileRequest['kind'],
    { seconds, pids, of, hz = HZ, cpus }: CpuProfileOptions,
  ): Promise<Profile> => {
    const time = { seconds: timeOf(seconds), signal: limits.signal };
    const request: ProfileRequest = {
      kind,
      subject: pids ? { type: 'processes', pids } : subjectOf(of ?? subject),
      hz: Math.max(1, Math.min(Math.round(hz), MAX_HZ)),
      cpus,
      faultsPerSample: FAULTS_PER_SAMPLE,
    };
    return takeProfile(calls, request, time, pageSize(limits.procfs));
  };
  return {
    onCpu: (options) => take('on_cpu', options),
    offCpu: (options) => take('off_cpu', options),
    allocations: (options) => take('allocations', options),
    block: (options) => take('block', options),
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

function subjectOf(subject: Subject): ProfileSubject {
  return typeof subject === 'string' ? { type: 'host' } : containerSubject(subject);
}
