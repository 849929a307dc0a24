import assert from 'node:assert/strict';
import { test } from 'node:test';
import { culpritsIn, subjectIn, triggerIn } from './evidence.ts';

function documentOf(data: object, fields: object = {}) {
  return { text: '', fields: { ...fields }, data: { ...data } };
}

test('a document is told by its subject, by what triggered it, and by who is in it', () => {
  const burst = documentOf({
    ...{ system_percent: 61.25, partial: true, stack: 'long' },
    runners: [
      { comm: 'tar', pid: 7, percent: 80 },
      { comm: 'sh', pid: 8, percent: 1 },
    ],
    flamedata: [
      { level: 0, label: 'all', value: 9, self: 0 },
      { level: 1, label: 'sh', value: 2, self: 0 },
      { level: 1, label: 'tar', value: 7, self: 0 },
    ],
  });
  assert.equal(subjectIn(burst), 'host');
  assert.equal(triggerIn(burst), 'system_percent=61.3 partial=true');
  assert.equal(culpritsIn(burst), 'runners: tar (7) percent 80, sh (8) percent 1; flame graph: tar 7, sh 2');
});

test('subjects are containers, units, disks and the host; a disk says in words what is wrong', () => {
  const slow = { reason_snapshot: { device: 'sdb', summary: 'sdb: ioutil' } };
  assert.equal(
    subjectIn(documentOf({}, { container_id: 'a'.repeat(64), container_name: 'web' })),
    `container web ${'a'.repeat(12)}`,
  );
  assert.equal(subjectIn(documentOf({}, { systemd_unit: 'cron.service' })), 'unit cron.service');
  assert.equal(subjectIn(documentOf(slow)), 'disk sdb');
  assert.equal(triggerIn(documentOf(slow)), 'sdb: ioutil');
});
