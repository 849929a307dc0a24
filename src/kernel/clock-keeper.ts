/**
 * Measures the distances between the kernel's clocks for all threads (src/actor/clock.ts): when a ring has something to read,
 * because its documents are stamped with them, and on the supervisor's tick; at most once a second.
 */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { CLOCK_KEY, SLEPT_NS, WALL_OFFSET_NS } from '../actor/clock.ts';
import { CLOCK_BOOTTIME, CLOCK_REALTIME, clock_ns } from './libc.ts';

const EVERY_MS = 1000;
const TRIES = 3;

let distances: BigInt64Array | undefined;
let measured_ms = 0;

/** To be called before the first worker is started, which inherits the clocks; a second call does nothing. */
export function keepClock(): void {
  if (getEnvironmentData(CLOCK_KEY) !== undefined) return;
  const shared = new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
  distances = new BigInt64Array(shared);
  measure(distances);
  setEnvironmentData(CLOCK_KEY, shared);
}

/** Measures again when the last time is a second ago; does nothing in a process that keeps no clocks. */
export function freshenClock(): void {
  if (distances && performance.now() - measured_ms >= EVERY_MS) measure(distances);
}

function measure(distances: BigInt64Array): void {
  measured_ms = performance.now();
  Atomics.store(
    distances,
    SLEPT_NS,
    distance_ns(() => process.hrtime.bigint(), CLOCK_BOOTTIME),
  );
  Atomics.store(
    distances,
    WALL_OFFSET_NS,
    distance_ns(() => clock_ns(CLOCK_BOOTTIME), CLOCK_REALTIME),
  );
}

/**
 * Two readings of one clock bracket the other's, and half of the gap is the error: a few hundred nanoseconds, unless the
 * thread loses its CPU in between. Of some tries the one with the smallest gap counts, since it counts for a second.
 */
function distance_ns(from: () => bigint, to: number): bigint {
  let best = { gap_ns: 1n << 62n, distance_ns: 0n };
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const before = from();
    const there = clock_ns(to);
    const gap_ns = from() - before;
    if (gap_ns < best.gap_ns) best = { gap_ns, distance_ns: there - before - gap_ns / 2n };
  }
  return best.distance_ns;
}
