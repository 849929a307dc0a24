/** One capture: whatever becomes of it, there is a document, with what triggered it. */
import { existsSync } from 'node:fs';
import type { ProfileCalls } from '../profile/protocol.ts';
import type { Subject } from '../sdk/autotracing.ts';
import type { AnyAutotracer } from '../sdk/collector.ts';
import type { SampleContext, SavedDocument } from '../sdk/context.ts';
import { type EngineClock, within } from './clock.ts';
import { captureDisks } from './disks.ts';
import { captureMemory } from './memory-growth.ts';
import { paceOf } from './pace.ts';
import { type Baseline, CaptureProcesses } from './processes.ts';
import { captureProfiles } from './profiles.ts';
import type { SubjectAlarm } from './watch.ts';

export interface Captured {
  readonly document: SavedDocument;
  /** The subject ended meanwhile, or not all of it could be looked at. */
  readonly isPartial: boolean;
}

interface CaptureSources {
  /** Of processes, for their growth. */
  readonly baseline: Baseline | undefined;
  readonly profile: ProfileCalls;
}

/**
 * Captures within the collector's `deadline`. A capture that throws or takes longer gives a document of what triggered it.
 * @throws CANCELLED when it is stopped
 */
export async function captureDocument(
  collector: AnyAutotracer,
  ctx: SampleContext<unknown>,
  alarm: SubjectAlarm,
  { baseline, profile: calls }: CaptureSources,
  time: { readonly clock: EngineClock; readonly stop: AbortSignal },
): Promise<Captured> {
  const { subject, why } = alarm;
  const { options, paths, containers, log } = ctx;
  const { deadline_seconds } = paceOf(options);
  const processes = new CaptureProcesses(paths.procfs, baseline);
  let profilesIncomplete = (): boolean => false;
  try {
    const data = await within(deadline_seconds, 'a capture', time, (signal) => {
      const limits = { procfs: paths.procfs, signal, deadline_seconds };
      const { profiles: profile, isIncomplete } = captureProfiles(calls, subject, limits);
      profilesIncomplete = isIncomplete;
      const tools = {
        signal,
        processes,
        profile,
        disks: captureDisks(calls, limits),
        memory: captureMemory(calls, subject, limits),
      };
      return collector.capture(subject, why, { options, paths, containers, log, ...tools });
    });
    const isPartial = processes.isIncomplete || profilesIncomplete() || !isThere(subject);
    return documentOf(collector, alarm, isPartial ? { ...data, partial: true } : data, isPartial);
  } catch (error) {
    if (time.stop.aborted) throw error;
    log.warn('a capture failed; what triggered it is written', { subject: alarm.key, error });
    return triggerDocument(collector, alarm);
  }
}

/** The document of a capture of which nothing is known but that it began. */
export function triggerDocument(collector: AnyAutotracer, alarm: SubjectAlarm): Captured {
  return documentOf(collector, alarm, { ...alarm.why, partial: true }, true);
}

function documentOf(
  { severity = 'warning' }: AnyAutotracer,
  { subject, boottime_ns: time_ns }: SubjectAlarm,
  data: object,
  isPartial: boolean,
): Captured {
  return {
    document: { ...(typeof subject !== 'string' && { subject }), time_ns, severity, data },
    isPartial,
  };
}

/** The lists of containers and units lag behind the kernel; the cgroups do not. */
function isThere(subject: Subject): boolean {
  return typeof subject === 'string' || Object.values(subject.cgroups).every((path) => existsSync(path));
}
