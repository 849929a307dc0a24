/** Errors of the build, each naming the location in the C source. */
import { HuatuoError } from '../error.ts';

/** Where in a source something stands; `field` is a dotted path below `subject`. */
export interface SourceLocation {
  /** As the reader would open it: `bpf/oom.bpf.c`. */
  readonly file: string;
  /** `struct oom_event`, `map latency`, `option threshold_ns`. */
  readonly subject?: string;
  readonly field?: string;
}

export function buildFailed(
  location: SourceLocation,
  found: string,
  remedy: string,
  cause?: unknown,
): HuatuoError {
  const subject = location.subject ? `: ${location.subject}` : '';
  const field = location.field ? `, field ${location.field}` : '';
  return new HuatuoError('BUILD_FAILED', {
    found: `${location.file}${subject}${field}: ${found}`,
    remedy,
    cause,
  });
}
