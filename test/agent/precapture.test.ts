/** One profile after the other, as its users see them; the profiles themselves are of the kernel. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Precapture } from '../../src/agent/precapture.ts';
import { memoryLog } from '../storage/journal/fixture.ts';

const PATHS = { procfs: '/proc', sysfs: '/sys' };
const COUNTS = { samples: 1, lost: 0, idle: 0 };

class Profiles {
  readonly loads: PromiseWithResolvers<void>[] = [];
  readonly failed: ((error: unknown) => void)[] = [];
  readonly stopped: number[] = [];
  readonly load = async (_: unknown, failed: (error: unknown) => void) => {
    const load = Promise.withResolvers<void>();
    const number = this.loads.push(load);
    this.failed.push(failed);
    await load.promise;
    return {
      counts: async () => ({ ...COUNTS, samples: number }),
      rolled: async () => undefined,
      stop: async () => void this.stopped.push(number),
    };
  };
}

test('a page does not wait for a profile that starts', async () => {
  const profiles = new Profiles();
  const precapture = new Precapture(PATHS, memoryLog(), profiles.load);
  const use = precapture.use();
  assert.equal(await precapture.counts(), undefined);
  profiles.loads[0]?.resolve();
  await use.rolled({ type: 'host' });
  assert.equal((await precapture.counts())?.samples, 1);
  await use.end();
  assert.equal(await precapture.counts(), undefined);
});

test('one that fails after it was given up does not end the one that has taken its place', async () => {
  const profiles = new Profiles();
  const precapture = new Precapture(PATHS, memoryLog(), profiles.load);
  const first = precapture.use();
  const ended = first.end();
  const second = precapture.use();
  for (const { resolve } of profiles.loads) resolve();
  await ended;
  await second.rolled({ type: 'host' });
  profiles.failed[0]?.(new Error('a map'));
  assert.equal((await precapture.counts())?.samples, 2);
  profiles.failed[1]?.(new Error('a map'));
  assert.equal(await precapture.counts(), undefined);
  await second.end();
  assert.deepEqual(profiles.stopped, [1, 2]);
});
