import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packLook, unpackAlarm } from '../../src/capture/request.ts';
import type { SubjectAlarm } from '../../src/capture/watch.ts';
import { container } from '../support/harness-containers.ts';

const GOOD: SubjectAlarm = {
  key: 'good',
  subject: container('a'.repeat(64), { memory: '/m' }),
  why: { level: 120n, top: [{ pid: 1 }] },
  boottime_ns: 5n,
};

test('an alarm arrives as it was, and shows on the way whom it is about', () => {
  const look = packLook({ alarms: [GOOD], suppressed: { failed: 1, subjects: 2 } }, () => assert.fail());
  assert.deepEqual(look.suppressed, { failed: 1, subjects: 2 });
  const [request] = structuredClone(look.alarms);
  assert.ok(request);
  assert.equal(request.key, 'good');
  assert.deepEqual(unpackAlarm(request), GOOD);
});

test('what cannot be sent is a trigger that failed, and costs the others nothing', () => {
  const errors: unknown[] = [];
  const large = { ...GOOD, key: 'large', why: { text: 'x'.repeat(1 << 16) } };
  const code = { ...GOOD, key: 'code', why: { call: () => 1 } };
  const look = packLook({ alarms: [large, code, GOOD], suppressed: { failed: 1, subjects: 0 } }, (error) =>
    errors.push(error),
  );
  assert.deepEqual(
    look.alarms.map(({ key }) => key),
    ['good'],
  );
  assert.equal(look.suppressed.failed, 3);
  assert.match(String(errors[0]), /at most 65536 bytes/);
  assert.match(String(errors[1]), /could not be cloned/);
});
