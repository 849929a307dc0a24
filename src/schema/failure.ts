/** Errors of the build, each naming the place in the C source. */
import { HuatuoError } from '../error.ts';

/** Where in a source something stands; `field` is a dotted path below `subject`. */
export interface Place {
  /** As the reader would open it: `bpf/oom.bpf.c`. */
  readonly file: string;
  /** `struct oom_event`, `map latency`, `option threshold_ns`. */
  readonly subject?: string;
  readonly field?: string;
}

export function buildFailed(place: Place, found: string, remedy: string, cause?: unknown): HuatuoError {
  const subject = place.subject ? `: ${place.subject}` : '';
  const field = place.field ? `, field ${place.field}` : '';
  return new HuatuoError('BUILD_FAILED', {
    found: `${place.file}${subject}${field}: ${found}`,
    remedy,
    cause,
  });
}
