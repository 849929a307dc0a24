/** Thread of ring-reader.kernel.test.ts: has the kernel make events in bursts of one to four, with pauses of all lengths. */
import { writeFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

export interface ProducerData {
  readonly bursts: number;
}

const LONGEST_SPIN_NS = 200_000;
const LONGEST_SLEEP_MS = 4;

const { bursts } = workerData as ProducerData;
const never = new Int32Array(new SharedArrayBuffer(4));

let events = 0;
for (let burst = 0; burst < bursts; burst++) {
  const count = 1 + Math.floor(Math.random() * 4);
  writeFileSync('/proc/thread-self/comm', `flood:${count}`);
  events += count;
  // Short ones hit the reader on its way to sleep, long ones find it asleep.
  const end_ns = process.hrtime.bigint() + BigInt(Math.floor(Math.random() * LONGEST_SPIN_NS));
  while (process.hrtime.bigint() < end_ns);
  if (burst % 8 === 0) Atomics.wait(never, 0, 0, Math.random() * LONGEST_SLEEP_MS);
}
parentPort?.postMessage(events);
