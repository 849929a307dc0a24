/** What the programs of an object have counted of themselves (BY_COLLECTOR in bpf/include/metric.h), for the status. */
import { decodeValue } from '../decoder/value.ts';
import { MapAccess } from '../kernel/map-access.ts';
import type { KernelObject } from '../kernel/object.ts';

/** Where global variables are. */
const GLOBALS = '.bss';

/**
 * @param object loaded
 * @returns by the C name of the variable; undefined when the object counts none
 * @throws SYSCALL_FAILED
 */
export function programCounts(object: KernelObject): Readonly<Record<string, number>> | undefined {
  const layout = object.manifest.maps.find(({ name }) => name === GLOBALS);
  const fd = object.mapFd(GLOBALS);
  const names = layout?.metrics?.flatMap(({ shared, field }) => (shared ? [field] : [])) ?? [];
  if (!layout || fd === undefined || names.length === 0) return undefined;
  const bytes = new MapAccess(fd, layout).lookup(new Uint8Array(layout.keyBytes));
  if (!bytes) return undefined;
  const counts = decodeValue(new DataView(bytes.buffer), 0, layout.value) as Record<string, number>;
  return Object.fromEntries(names.map((name) => [name, counts[name]!]));
}
