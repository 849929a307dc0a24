import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workloadFilter } from '../../src/sdk/workload-filter.ts';
import { container } from '../support/containers-fixture.ts';

const web = container({ hostNamespace: 'shop', hostname: 'web-0', name: 'nginx', qos: 'burstable' });
const unknown = container({ hostNamespace: '', hostname: 'abc', name: 'abc' });

const cron = { id: 'cron.service', cgroups: {}, cgroupIds: [] };

for (const [include, exclude, ofWeb, ofUnknown, ofCron] of [
  ['', '', true, true, true],
  ['shop', '', true, false, false],
  ['web-.*', '', true, false, false],
  ['sho', '', false, false, false],
  ['', 'nginx', false, true, true],
  ['', 'burstable|besteffort', false, true, true],
  ['shop', 'web-0', false, false, false],
  ['abc', '', false, true, false],
  ['shop|cron\\.service', '', true, false, true],
  ['', '.*\\.service', true, true, false],
] as const)
  test(`include "${include}", exclude "${exclude}"`, () => {
    const isWanted = workloadFilter({ include, exclude });
    assert.deepEqual([web, unknown, cron].map(isWanted), [ofWeb, ofUnknown, ofCron]);
  });
