/**
 * Thread of ring-reader.kernel.test.ts: has the kernel make events in bursts of one to four, with pauses of all lengths. After a
 * pause in which the reader falls asleep two of them begin together: records reserved at once in an empty ring are the hard case.
 */
import { writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

export interface ProducerData {
  readonly bursts: number;
  /** How many have come to a common start; shared by both. */
  readonly starts: SharedArrayBuffer;
}

const LONGEST_SPIN_NS = 200_000;
const LONGEST_SLEEP_MS = 4;
const ROUND = 4;

const { bursts, starts } = workerData as ProducerData;
const arrived = new Int32Array(starts);
const never = new Int32Array(new SharedArrayBuffer(4));

let events = 0;
for (let burst = 0; burst < bursts; burst++) {
  if (burst % ROUND === 0) {
    Atomics.wait(never, 0, 0, Math.random() * LONGEST_SLEEP_MS);
    const both = 2 * (burst / ROUND + 1);
    Atomics.add(arrived, 0, 1);
    while (Atomics.load(arrived, 0) < both);
  }
  const count = 1 + Math.floor(Math.random() * 4);
  writeFileSync('/proc/thread-self/comm', `flood:${count}`);
  events += count;
  // Short ones hit the reader on its way to sleep, long ones find it asleep.
  const end_ns = process.hrtime.bigint() + BigInt(Math.floor(Math.random() * LONGEST_SPIN_NS));
  while (process.hrtime.bigint() < end_ns);
}
parentPort?.postMessage(events);
