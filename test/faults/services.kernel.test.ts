import assert from 'node:assert/strict';
import test from 'node:test';
import type { ErrorCode } from '../../src/error.ts';
import type { FailingWorker, WorkerFailure } from '../fixtures/workers/fuse.ts';
import { failService } from '../soak/services.ts';
import { skipWithoutBpf } from '../support/kernel.ts';

const skip = skipWithoutBpf();

const CASES: readonly (readonly [FailingWorker, WorkerFailure, ErrorCode])[] = [
  ['journal', 'throw', 'COLLECTOR_FAILED'],
  ['journal', 'exit', 'WORKER_EXITED'],
  ['journal', 'loop', 'WORKER_HUNG'],
  ['prometheus', 'throw', 'COLLECTOR_FAILED'],
  ['prometheus', 'loop', 'WORKER_HUNG'],
  ['containers', 'throw', 'COLLECTOR_FAILED'],
  ['containers', 'loop', 'WORKER_HUNG'],
];

for (const [worker, failure, code] of CASES) {
  test(`the ${worker} worker fails by ${failure} during a flood: it is replaced, no collector is, no event is lost`, {
    skip,
  }, async () => {
    const { actor, collector } = await failService(worker, failure);
    assert.equal(actor.restarts, 1);
    assert.equal(actor.last_error?.code, code);
    assert.deepEqual([collector.restarts, collector.state], [0, 'running']);
  });
}
