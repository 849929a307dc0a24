/**
 * The clocks of the kernel, in any thread and without a foreign call.
 *
 *   CLOCK_MONOTONIC   process.hrtime()
 *   CLOCK_BOOTTIME    the same plus the time the host has slept
 *   CLOCK_REALTIME    boot time plus what the wall clock is ahead of it, which changes when that is set
 *
 * The main thread measures the two distances (src/kernel/clock-keeper.ts) and shares them: when a ring wakes its reader, and else
 * every few seconds. A step in between is noticed by comparing with the milliseconds that Node has of the wall clock.
 */
import { uptime } from 'node:os';
import { getEnvironmentData } from 'node:worker_threads';
import { HuatuoError } from '../error.ts';

/** Every worker inherits what is set under this name: a SharedArrayBuffer of two BigInt64. */
export const CLOCK_KEY = 'huatuo.clock';
/** CLOCK_BOOTTIME minus CLOCK_MONOTONIC. */
export const SLEPT_NS = 0;
/** CLOCK_REALTIME minus CLOCK_BOOTTIME. */
export const WALL_OFFSET_NS = 1;

/** Within this, the wall clock runs as it did: it is read in whole milliseconds, and slewed by 0.5 ms in a second at most. */
const STEP_NS = 5_000_000n;
/** Of /proc/uptime, with some room: it counts hundredths. */
const UPTIME_GRAIN_NS = 50_000_000n;

let shared: BigInt64Array | undefined;

function distances(): BigInt64Array {
  if (shared) return shared;
  const buffer = getEnvironmentData(CLOCK_KEY);
  if (!(buffer instanceof SharedArrayBuffer)) {
    throw new HuatuoError('COLLECTOR_INVALID', {
      expected: 'clocks measured by the main thread',
      found: 'none',
      remedy: 'call keepClock() before the first worker is started',
    });
  }
  shared = new BigInt64Array(buffer);
  return shared;
}

/** CLOCK_BOOTTIME: what bpf_ktime_get_boot_ns() returns. For some seconds after the host has slept it may be behind by that sleep. */
export function boottime_ns(): bigint {
  return process.hrtime.bigint() + Atomics.load(distances(), SLEPT_NS);
}

/** CLOCK_REALTIME. */
export function realtime_ns(): bigint {
  return boottime_ns() + wallOffset_ns();
}

/** What to add to CLOCK_BOOTTIME to get CLOCK_REALTIME; taken anew for each batch, because the wall clock is stepped. */
export function wallOffset_ns(): bigint {
  const offset_ns = Atomics.load(distances(), WALL_OFFSET_NS);
  const boot_ns = boottime_ns();
  const wall_ns = BigInt(Date.now()) * 1_000_000n;
  const drift_ns = wall_ns - (boot_ns + offset_ns);
  if (-STEP_NS < drift_ns && drift_ns < STEP_NS) return offset_ns;
  // Either the wall clock was set, or the host has slept, and then the boot time is what is behind.
  const hasSlept = BigInt(Math.round(uptime() * 1e9)) - boot_ns > UPTIME_GRAIN_NS;
  return hasSlept ? offset_ns : wall_ns - boot_ns;
}
