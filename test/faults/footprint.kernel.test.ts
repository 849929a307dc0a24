import assert from 'node:assert/strict';
import test from 'node:test';
import { type Footprint, footprint } from '../soak/footprint.ts';
import { crashesOfAgent } from '../soak/memory.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

test('fifty crashes of a worker leave no thread and no file descriptor behind', {
  skip: skipWithoutBpf(),
}, async () => {
  // The first restart may open what stays open for good.
  let after25: Footprint | undefined;
  const growth = await crashesOfAgent(50, 25, async (agent, crashes) => {
    if (crashes < 50) {
      const now = footprint(agent.pid);
      if (crashes === 25) after25 = now;
      return now;
    }
    // Connections of scrapes and the thread that has just ended come and go; what a crash leaves stays.
    return agent.until('as few threads and descriptors as after 25 crashes', () => {
      const now = footprint(agent.pid);
      return after25 && now.fds <= after25.fds && now.threads <= after25.threads && now;
    });
  });
  assert.equal(growth.length, 3);
});
