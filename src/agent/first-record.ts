/**
 * A collector whose thread would sleep until the first record has none until then, where its ring can hold what its programs tell
 * while a thread starts.
 */
import { cpus } from 'node:os';
import type { KernelOwner, ObjectSource } from '../kernel/object-owner.ts';
import { ringInfo } from '../kernel/ring.ts';
import { maxRecordBytes } from '../schema/record.ts';

/** Option of programs that keep to a budget (bpf/include/ratelimit.h); 0 is no limit. */
const BUDGET = 'max_events_per_second_per_cpu';
/** A thread takes a tenth of a second, on a busy host more; and the budgets of two seconds can be used up at once, where they meet. */
const START_SECONDS = 2;
/** Of a record in the ring. */
const HEADER_BYTES = 8;

/**
 * Loads and attaches an object, unless it needs its reader at once.
 * @returns whether it is attached, and needs a thread when a record comes
 * @throws what `KernelCalls.load` and `attach` throw
 */
export async function attachWithoutReader(
  kernel: KernelOwner,
  { manifest, options }: ObjectSource,
): Promise<boolean> {
  await kernel.calls.load();
  const ring = kernel.object?.mapFd('events');
  if (manifest.event && ring !== undefined) {
    const room = { ring_bytes: ringInfo(ring).maxEntries, record_bytes: maxRecordBytes(manifest.event) };
    if (!holdsUntilRead(room, options[BUDGET] ?? 0n, cpus().length)) return false;
  }
  await kernel.calls.attach();
  return true;
}

/** Whether a ring has room for all records that may come before they are read. @param budget for each CPU and second; 0: no limit */
export function holdsUntilRead(
  { ring_bytes, record_bytes }: { readonly ring_bytes: number; readonly record_bytes: number },
  budget: bigint,
  cpuCount: number,
): boolean {
  const records = budget * BigInt(cpuCount * START_SECONDS);
  return budget > 0n && records * BigInt(HEADER_BYTES + record_bytes) <= BigInt(ring_bytes);
}
