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
/** Each distance is measured to a few microseconds, unless the thread lost its CPU in the middle of it. */
const ERROR_NS = 1_000_000_000n;

/** @param earliest read before `found` was; @param latest read after it */
function near(found: bigint, earliest: bigint, latest: bigint): void {
  assert.ok(
    earliest - ERROR_NS < found && found < latest + ERROR_NS,
    `${found} is not near ${earliest} to ${latest}`,
  );
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
    near(between, before, after);
  }
  const earlier_ns = clock_ns(CLOCK_REALTIME);
  const boot_ns = clock_ns(CLOCK_BOOTTIME);
  near(wallOffset_ns(), earlier_ns - boot_ns, clock_ns(CLOCK_REALTIME) - boot_ns);
});

test('are in every worker, which needs no foreign call for them', async () => {
  const script = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData).then(({ boottime_ns }) => parentPort.postMessage(boottime_ns()));`;
  const module = new URL('../../src/actor/clock.js', import.meta.url).href;
  const before = clock_ns(CLOCK_BOOTTIME);
  const worker = new Worker(script, { eval: true, workerData: module });
  const found = await new Promise<bigint>((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  );
  near(found, before, clock_ns(CLOCK_BOOTTIME));
});

test('a wall clock that was set since it was measured is followed at once', () => {
  const offset_ns = distances[WALL_OFFSET_NS]!;
  distances[WALL_OFFSET_NS]! -= HOUR_NS;
  near(wallOffset_ns(), offset_ns, offset_ns);
  const before = clock_ns(CLOCK_REALTIME);
  near(realtime_ns(), before, clock_ns(CLOCK_REALTIME));
});

test('a host that has slept since it was measured is not taken for one whose clock was set', () => {
  const offset_ns = distances[WALL_OFFSET_NS];
  distances[SLEPT_NS]! -= HOUR_NS;
  assert.equal(wallOffset_ns(), offset_ns);
});
