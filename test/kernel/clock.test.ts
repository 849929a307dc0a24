import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { getEnvironmentData, Worker } from 'node:worker_threads';
import {
  boottime_ns,
  CLOCK_KEY,
  realtime_ns,
  SLEPT_NS,
  WALL_OFFSET_NS,
  wallOffset_ns,
} from '../../src/actor/clock.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { CLOCK_BOOTTIME, CLOCK_REALTIME, clock_ns } from '../../src/kernel/libc.ts';

keepClock();
const distances = new BigInt64Array(getEnvironmentData(CLOCK_KEY) as unknown as SharedArrayBuffer);
const measured = distances.slice();
const HOUR_NS = 3_600_000_000_000n;
/** Between two readings the thread may lose its CPU. */
const NEAR_NS = 1_000_000_000n;

function near(found: bigint, expected: bigint): void {
  const apart = found - expected;
  assert.ok(-NEAR_NS < apart && apart < NEAR_NS, `${found} is not near ${expected}`);
}

afterEach(() => distances.set(measured));

test("are the kernel's", () => {
  for (const [clock, id] of [
    [boottime_ns, CLOCK_BOOTTIME],
    [realtime_ns, CLOCK_REALTIME],
  ] as const) {
    const before = clock_ns(id);
    const between = clock();
    const after = clock_ns(id);
    // Each distance is measured to a few microseconds at worst, unless the thread lost its CPU in the middle of it.
    near(between, before);
    near(between, after);
  }
  near(wallOffset_ns(), clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME));
});

test('are in every worker, which needs no foreign call for them', async () => {
  const script = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData).then(({ boottime_ns }) => parentPort.postMessage(boottime_ns()));`;
  const module = new URL('../../src/actor/clock.js', import.meta.url).href;
  const worker = new Worker(script, { eval: true, workerData: module });
  const found = await new Promise<bigint>((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  );
  near(found, clock_ns(CLOCK_BOOTTIME));
});

test('a wall clock that was set since it was measured is followed at once', () => {
  distances[WALL_OFFSET_NS]! -= HOUR_NS;
  near(wallOffset_ns(), measured[WALL_OFFSET_NS]!);
  near(realtime_ns(), clock_ns(CLOCK_REALTIME));
});

test('a host that has slept since it was measured is not taken for one whose clock was set', () => {
  distances[SLEPT_NS]! -= HOUR_NS;
  assert.equal(wallOffset_ns(), measured[WALL_OFFSET_NS]);
});
