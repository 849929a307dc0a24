import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerFilter } from '../../src/sdk/container-filter.ts';
import { container } from '../support/containers-fixture.ts';

const web = container({ hostNamespace: 'shop', hostname: 'web-0', name: 'nginx', qos: 'burstable' });
const unknown = container({ hostNamespace: '', hostname: 'abc', name: 'abc' });

for (const [include, exclude, ofWeb, ofUnknown] of [
  ['', '', true, true],
  ['shop', '', true, false],
  ['web-.*', '', true, false],
  ['sho', '', false, false],
  ['', 'nginx', false, true],
  ['', 'burstable|besteffort', false, true],
  ['shop', 'web-0', false, false],
  ['abc', '', false, true],
] as const)
  test(`include "${include}", exclude "${exclude}"`, () => {
    const isWanted = containerFilter({ include, exclude });
    assert.deepEqual([isWanted(web), isWanted(unknown)], [ofWeb, ofUnknown]);
  });
