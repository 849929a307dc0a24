/**
 * Makes flood events at a rate: `node producer.js EVENTS_PER_SECOND SECONDS`. Small slices, so that on two cores the
 * agent is never shut out for longer than a slice takes.
 */
import { writeFileSync } from 'node:fs';
import { threadId } from '../../src/actor/thread.ts';

const SLICE = 2000;
const comm = `/proc/self/task/${threadId()}/comm`;
const [eventsPerSecond = 0, seconds = 0] = process.argv.slice(2).map(Number);
const sleeper = new Int32Array(new SharedArrayBuffer(4));

const start = performance.now();
for (let made = 0; made < eventsPerSecond * seconds; ) {
  const due = (eventsPerSecond * (performance.now() - start)) / 1000;
  if (due - made < SLICE) {
    Atomics.wait(sleeper, 0, 0, ((made + SLICE - due) / eventsPerSecond) * 1000);
    continue;
  }
  writeFileSync(comm, `flood:${SLICE}`);
  made += SLICE;
}
const { user, system } = process.cpuUsage();
// Seconds it really took, and seconds of CPU.
process.stdout.write(`${(performance.now() - start) / 1000} ${(user + system) / 1e6}`);
