/**
 * An alarm on its way from the thread that took the look to the one that captures. The threads in between know whom it is
 * about and nothing else: what a trigger returned is as it comes, and theirs is not the code to trip over it.
 */
import { deserialize, serialize } from 'node:v8';
import { HuatuoError } from '../error.ts';
import type { ProfileSubject } from '../profile/protocol.ts';
import { subjectOf } from '../profile/subject.ts';
import type { Alarm, Look } from './tracer.ts';
import type { SubjectAlarm } from './watch.ts';

export interface CaptureRequest extends Alarm {
  /** The alarm, serialised. */
  readonly alarm: Uint8Array;
  /** Whose stacks are its subject's; absent for a container that was gone by then. */
  readonly scope?: ProfileSubject;
}

/** A container with its labels, and some numbers. */
const MAX_ALARM_BYTES = 64 << 10;

/** What cannot be sent counts as a trigger that failed. */
export function packLook(
  { alarms, suppressed }: Look<SubjectAlarm>,
  onError: (error: unknown) => void,
): Look<CaptureRequest> {
  const packed = alarms.flatMap((alarm) => {
    try {
      return [packAlarm(alarm)];
    } catch (error) {
      onError(error);
      return [];
    }
  });
  const failed = suppressed.failed + alarms.length - packed.length;
  return { alarms: packed, suppressed: { ...suppressed, failed } };
}

function packAlarm(alarm: SubjectAlarm): CaptureRequest {
  const bytes = serialize(alarm);
  if (bytes.byteLength <= MAX_ALARM_BYTES) {
    const scope = scopeOf(alarm);
    return { key: alarm.key, alarm: Uint8Array.from(bytes), ...(scope && { scope }) };
  }
  throw new HuatuoError('COLLECTOR_INVALID', {
    expected: `at most ${MAX_ALARM_BYTES} bytes of a subject and what its trigger returned`,
    found: `${bytes.byteLength} bytes`,
    remedy: 'leave to capture() what is large',
  });
}

function scopeOf({ subject }: SubjectAlarm): ProfileSubject | undefined {
  try {
    return subjectOf(subject);
  } catch {
    return undefined;
  }
}

export function unpackAlarm({ alarm }: CaptureRequest): SubjectAlarm {
  return deserialize(alarm) as SubjectAlarm;
}
