/** The supervisor hears what a BPF program says, and only that: the first record in an empty ring, and the watermark. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { RingWatch } from '../../src/kernel/ring-watch.ts';
import { eventually } from '../support/eventually.ts';
import { flood } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { LoadedFixture } from '../support/loaded-object.ts';

const skip = skipWithoutBpf();
/** 64 bytes each, and the watermark is 64 KiB. */
const EVENTS_TO_WATERMARK = 1024;

const load = (options: Readonly<Record<string, bigint>>): Promise<LoadedFixture> =>
  LoadedFixture.load('collectors', 'flood', { process: BigInt(process.pid), ...options });

/**
 * What was sent to the watch before has been dispatched after this: epoll tells in the order of arrival, and a ring with
 * something in it arrives when it is added.
 */
async function caughtUp(watch: RingWatch): Promise<void> {
  using last = await load({ wakeup_bytes: 1n << 20n });
  await last.object.attach();
  flood(1);
  await last.object.detach();
  let heard = false;
  using _ = watch.add(last.mapFd('events'), () => {
    heard = true;
  });
  await eventually('the last ring', () => heard);
}

test('the first record in an empty ring is heard, those behind it only when they cross the watermark', {
  skip,
}, async () => {
  using fixture = await load({});
  using watch = new RingWatch();
  let wakes = 0;
  using _ = watch.add(fixture.mapFd('events'), () => void wakes++);
  await fixture.object.attach();
  flood(10);
  await eventually('the first record to be heard', () => wakes === 1);
  flood(10);
  await caughtUp(watch);
  assert.equal(wakes, 1, 'unread bytes do not wake again');
  flood(EVENTS_TO_WATERMARK);
  await eventually('the watermark to be heard', () => wakes === 2);
  flood(EVENTS_TO_WATERMARK);
  await eventually('the next crossing', () => wakes === 3);
});

test('a program that wakes for each event is heard at the first', { skip }, async () => {
  using fixture = await load({ wakeup_bytes: 0n });
  using watch = new RingWatch();
  let wakes = 0;
  using _ = watch.add(fixture.mapFd('events'), () => void wakes++);
  await fixture.object.attach();
  flood(1);
  await eventually('the event', () => wakes > 0);
});

test('each ring wakes its own collector, and a watch that was taken back none', { skip }, async () => {
  using first = await load({ wakeup_bytes: 0n });
  using second = await load({ wakeup_bytes: 0n, process: 1n });
  using watch = new RingWatch();
  const woken: string[] = [];
  const given = watch.add(first.mapFd('events'), () => void woken.push('first'));
  using _ = watch.add(second.mapFd('events'), () => void woken.push('second'));
  await first.object.attach();
  await second.object.attach();
  flood(1);
  await eventually('the first ring', () => woken.length > 0);
  assert.deepEqual([...new Set(woken)], ['first']);
  given[Symbol.dispose]();
  woken.length = 0;
  flood(1);
  await caughtUp(watch);
  assert.deepEqual(woken, []);
});
