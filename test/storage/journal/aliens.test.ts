import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Aliens } from '../../../src/storage/journal/aliens.ts';

const MINUTE_MS = 60_000;

test('what is new is told, and not more often than every ten minutes', () => {
  const told: unknown[] = [];
  const note = (_: string, detail: { readonly count?: number } = {}): void => void told.push(detail.count);
  let now_ms = 0;
  const aliens = new Aliens({ debug: note, info: note, warn: note, error: note }, () => now_ms);
  const look = (at_min: number, ...names: readonly string[]): void => {
    now_ms = at_min * MINUTE_MS;
    for (const name of names) aliens.add(name);
    aliens.tell('/journal', 'a stream');
  };
  look(0);
  assert.deepEqual([told, aliens.any], [[], false]);
  look(0, 'a');
  look(1, 'a');
  look(2, 'a', 'b');
  assert.deepEqual([told, aliens.any], [[1], true], 'the second one waits');
  look(11, 'a', 'b');
  look(12);
  look(13, 'c');
  assert.deepEqual(told, [1, 2]);
  look(30, 'c');
  assert.deepEqual(told, [1, 2, 1], 'another one after there was none');
});
