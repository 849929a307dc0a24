/** `ctx.netlink` in a worker of a real supervisor: the main thread has the sockets. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { allLinks, RTM_GETLINK } from '../../src/netlink/link.ts';
import { dumpRequest } from '../../src/netlink/message.ts';
import { LoneCollector } from '../support/lone-collector.ts';

const REQUEST = JSON.stringify([...dumpRequest(RTM_GETLINK, allLinks())]);

/** Asks, says how much came, then listens until it is stopped; its first run fails behind that. */
const COLLECTOR = `defineEvent({
  doc: 'Asks for all devices.',
  document: { answered_bytes: bytes('Size of the answer') },
  async start({ netlink, save, state }) {
    const subscription = await netlink.subscribe(0, [1]);
    const answer = await netlink.request(0, Uint8Array.from(${REQUEST}));
    await save({ data: { answered_bytes: answer.reduce((sum, { byteLength }) => sum + byteLength, 0) } });
    if (state.get() === undefined) {
      state.set('has failed');
      throw new Error('once');
    }
    await subscription.next();
    await subscription[Symbol.asyncDispose]();
  },
})`;

function sockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

test('a worker asks and listens; its sockets end with its run, and a stop does not wait for news', async () => {
  const before = sockets();
  {
    await using collector = await LoneCollector.start(COLLECTOR);
    await collector.until('an answer for each run', () => collector.documents.length >= 2);
    for (const { data } of collector.documents) assert.ok(Number(data.answered_bytes) > 100);
    assert.equal(sockets(), before + 1, 'that of the run that failed is closed');
  }
  assert.equal(sockets(), before);
});
