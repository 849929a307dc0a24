import assert from 'node:assert/strict';
import test from 'node:test';
import { overloadOne } from '../soak/isolation.ts';
import { hierarchyOf } from '../support/cgroup.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();

test('a collector far over a quota that the agent keeps: throttled and sampled, counted; its neighbour loses nothing', {
  skip,
}, async () => {
  const { noisy, throttled_seconds } = await overloadOne('measured');
  assert.ok(throttled_seconds > 0);
  assert.notEqual(noisy.rate_limited, '0');
});

test('a collector far over a quota that the kernel keeps too: the same', {
  skip: skip || (hierarchyOf('cpu') ? false : 'this host has no cpu controller'),
}, async () => {
  const { noisy, throttled_seconds } = await overloadOne('kernel');
  assert.ok(throttled_seconds > 0);
  assert.notEqual(noisy.rate_limited, '0');
});
