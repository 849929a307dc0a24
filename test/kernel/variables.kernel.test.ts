import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type KernelCounts, readKernelCounts } from '../../src/agent/ring-ledger.ts';
import { KernelObject } from '../../src/kernel/object.ts';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { builtCollectors, flood } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

describe('sampling in the kernel', { skip: skipWithoutBpf() }, () => {
  let object: KernelObject;

  before(async () => {
    const built = await builtCollectors('collectors');
    object = await KernelObject.load({
      manifest: JSON.parse(readFileSync(join(built, 'flood.json'), 'utf8')) as ObjectManifest,
      bytes: readFileSync(join(built, 'flood.bpf.o')),
      options: { process: BigInt(process.pid) },
    });
    await object.attach();
  });
  after(() => object.unload());

  /** What `count` more events were counted as. */
  function counted(count: number): KernelCounts {
    const before = readKernelCounts(object.mapFd('ledger') ?? -1);
    flood(count);
    const counts = readKernelCounts(object.mapFd('ledger') ?? -1);
    return {
      produced: counts.produced - before.produced,
      dropped_ring_full: counts.dropped_ring_full - before.dropped_ring_full,
      rate_limited: counts.rate_limited - before.rate_limited,
    };
  }

  test('is off at first', () => {
    assert.deepEqual(counted(1000), { produced: 1000n, dropped_ring_full: 0n, rate_limited: 0n });
  });

  test('keeps about one of n, counts the others, and can be switched off again', () => {
    assert.equal(object.setSampling(8), true);
    const { produced, rate_limited } = counted(80_000);
    assert.equal(produced, 80_000n);
    // 10,000 are kept, give or take 94 (one standard deviation).
    const kept = Number(produced - rate_limited);
    assert.ok(kept > 9000 && kept < 11_000, `${kept} of 80,000 were kept`);
    object.setSampling(1);
    assert.equal(counted(1000).rate_limited, 0n);
  });
});
