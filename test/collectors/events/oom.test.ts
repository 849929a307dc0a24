/** What the decoder of oom makes of a kill that a kernel has reported. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { OomEvent } from '../../../src/generated/oom.ts';
import { parseDocument } from '../../support/journal-reader.ts';
import { replay } from '../../support/ring-recording.ts';

test('a recorded kill gives the golden document: who wanted the memory, who was killed, which limit was hit', () => {
  const [{ data, fields } = assert.fail(), ...others] = replay('oom')
    .trimEnd()
    .split('\n')
    .map(parseDocument);
  assert.deepEqual([others, fields.severity], [[], 'critical']);
  const { trigger, victim, memcg_id, memcg_limit_bytes } = data as unknown as OomEvent;
  assert.deepEqual([trigger.comm, memcg_limit_bytes, memcg_id], ['wants-more', 96 << 20, victim.cgroup_id]);
});
