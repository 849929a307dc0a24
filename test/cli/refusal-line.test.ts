import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalLine } from '../../src/cli/refusal-line.ts';

const WORDS = [
  "R0 invalid mem access 'scalar'",
  'processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0',
  '',
];

test('a refusal says in one line why', () => {
  assert.equal(
    refusalLine(
      ['expected the verifier to accept it, found EACCES:', '3: (61) r1 = *(u32 *)(r0 +0)', ...WORDS].join(
        '\n',
      ),
    ),
    "expected the verifier to accept it, found EACCES: R0 invalid mem access 'scalar'",
  );
  assert.equal(
    refusalLine(
      ['expected oom to pass the verifier, found EACCES:', ...WORDS, '; disable the collector'].join('\n'),
    ),
    "expected oom to pass the verifier, found EACCES: R0 invalid mem access 'scalar'",
  );
});

test('one that has no words of the verifier is as it was', () => {
  const reason = 'expected tracepoint sched_process_hang, found no such tracepoint';
  assert.equal(refusalLine(reason), reason);
});
