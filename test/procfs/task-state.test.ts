import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseTaskState } from '../../src/procfs/task-state.ts';

test('the state follows the last parenthesis, whatever the name is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('R', 'S', 'D', 'Z'), (comm, state) => {
      assert.equal(parseTaskState(`17 (${comm}) ${state} 1 2 3`), state);
    }),
  );
});

test('cut text has no state', () => {
  for (const text of ['', '17', '17 (a', '17 (a)', '17 (a) ', ')'])
    assert.equal(parseTaskState(text), undefined);
});
