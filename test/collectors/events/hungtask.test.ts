/** Records of a real kernel (hungtask.record.ts) through the real decoder and enrichment, without privileges. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import hungtask from '../../../src/collectors/events/hungtask.ts';
import type { HungtaskEvent } from '../../../src/generated/hungtask.ts';
import type { CollectorContext } from '../../../src/sdk/context.ts';
import { builtInProblems } from '../../support/document-schema.ts';
import { parseDocument } from '../../support/journal-reader.ts';
import { replay } from '../../support/ring-recording.ts';

test('recorded records give the golden documents, which match what is declared', () => {
  const documents = replay('hungtask').trimEnd().split('\n').map(parseDocument);
  for (const { data, text } of documents) assert.deepEqual(builtInProblems('hungtask', data), [], text);
  const events = documents.map(({ data }) => data as unknown as HungtaskEvent);
  const holder = events.find(({ role, comm }) => role === 'hung' && comm === 'frozen');
  const waiter = events.find(({ role, comm }) => role === 'waiting' && comm === 'a"b\n\u001b[31m');
  assert.equal(waiter?.lock_kind, 'mutex');
  assert.equal(waiter?.lock_holder_tid, holder?.tid);
});

/** `wchan`, `waits_for` */
const WAITS: readonly (readonly [Partial<HungtaskEvent>, string | undefined, string | undefined])[] = [
  [{ stack: ['fdget_pos+0x82', 'ksys_write+0x28'], lock_kind: 'mutex' }, 'fdget_pos', 'mutex'],
  [{ stack: ['ext4_map_blocks+0x1', 'x+0x2'], lock_kind: 'rwsem_writer' }, 'ext4_map_blocks', 'rwsem'],
  [{ stack: ['percpu_rwsem_wait+0xfa', 'vfs_write+0x3'] }, 'vfs_write', 'percpu_rwsem'],
  [{ stack: ['folio_wait_bit_common+0x1', 'filemap_fault+0x2'], in_iowait: true }, 'filemap_fault', 'io'],
  [{ stack: ['jbd2_log_wait_commit+0x1'], in_iowait: true }, 'jbd2_log_wait_commit', 'io'],
  [{ stack: ['wait_rcu_gp+0x1', 'synchronize_rcu+0x9', 'f+0x1'] }, 'f', 'rcu'],
  [{ stack: ['f+0x1', 'g+0x1', 'h+0x1', 'i+0x1', '__mutex_lock+0x1'] }, 'f', undefined],
  [{ stack: ['0xffffffffc0001234'] }, '0xffffffffc0001234', undefined],
  [{ stack: [] }, undefined, undefined],
];

test('what a task waits for is told by the kernel, else by its stack, else not at all', async () => {
  assert.ok(hungtask.kind === 'event' && hungtask.enrich);
  for (const [given, wchan, waitsFor] of WAITS) {
    const event = { role: 'waiting', in_iowait: false, ...given };
    const found = (await hungtask.enrich(event, {} as CollectorContext)) as {
      readonly wchan?: string;
      readonly waits_for?: string;
    };
    assert.deepEqual([found.wchan, found.waits_for], [wchan, waitsFor], JSON.stringify(given));
  }
});
