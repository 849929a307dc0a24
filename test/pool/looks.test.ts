import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContainersClient } from '../../src/containers/client.ts';
import { SnapshotWriter } from '../../src/containers/snapshot.ts';
import type { FileTask, PoolCollector } from '../../src/pool/file-task.ts';
import { Looks } from '../../src/pool/looks.ts';
import { patience_ms } from '../../src/pool/patience.ts';
import type { FilePool } from '../../src/pool/pool.ts';
import { allocateState } from '../../src/sdk/shared-state.ts';
import { eventually } from '../support/eventually.ts';

/** Of a task that is run as soon as it is asked for. */
const USUAL_TASK_MS = patience_ms(0) - 500;

/** A pool whose tasks end when the test says so. */
class Tasks {
  readonly begun: string[] = [];
  readonly deadlines_ms: number[] = [];
  readonly #ends = new Map<string, () => void>();
  readonly looks: Looks;

  constructor(slow_ms: number) {
    const pool = {
      run: ({ collector: { name } }: FileTask, deadline_ms: number) => {
        this.begun.push(name);
        this.deadlines_ms.push(deadline_ms);
        const { promise, resolve } = Promise.withResolvers<object>();
        this.#ends.set(name, () => resolve({ look: name }));
        return promise;
      },
    } as unknown as FilePool;
    const containers = new SnapshotWriter(new ContainersClient(0));
    this.looks = new Looks(pool, () => containers.get(), Promise.resolve(), patience_ms(0), slow_ms);
  }

  take(name: string): Promise<unknown> {
    const collector: PoolCollector = {
      ...{ name, modulePath: '', options: {}, maxSeries: 1, contents: '' },
      state: allocateState(),
    };
    return this.looks.take(collector);
  }

  end(name: string): void {
    this.#ends.get(name)?.();
  }
}

test('looks follow each other, so that one thread does for all', async () => {
  const tasks = new Tasks(3_600_000);
  const looks = [tasks.take('one'), tasks.take('two')];
  await eventually('the first', () => tasks.begun.length > 0);
  assert.deepEqual(tasks.begun, ['one']);
  tasks.end('one');
  assert.equal(await looks[0], 'one');
  await eventually('the second', () => tasks.begun.length > 1);
  tasks.end('two');
  assert.equal(await looks[1], 'two');
});

test('the time of a look begins when it is asked for, not when its turn comes', async () => {
  const tasks = new Tasks(3_600_000);
  void tasks.take('one');
  void tasks.take('two');
  const asked_ms = performance.now();
  const isLater = (): boolean => performance.now() - asked_ms > 50;
  await eventually('some time', () => tasks.begun.length > 0 && isLater());
  tasks.end('one');
  await eventually('the second', () => tasks.begun.length > 1);
  tasks.end('two');
  const [, two = 0] = tasks.deadlines_ms;
  assert.ok(two <= USUAL_TASK_MS - 50, `${two} ms`);
});

test('a slow look is not waited for', async () => {
  const tasks = new Tasks(1);
  void tasks.take('slow');
  const other = tasks.take('other');
  await eventually('the other', () => tasks.begun.includes('other'));
  tasks.end('other');
  assert.equal(await other, 'other');
});
