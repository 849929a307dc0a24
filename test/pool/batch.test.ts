import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { Batch, begin, type PoolJob, underWay } from '../../src/pool/batch.ts';
import type { FileTask, FileTaskResult } from '../../src/pool/file-task.ts';

const SLOW_MS = 250;
const task = (name: string): FileTask => ({ type: 'describe', collector: { name } }) as FileTask;
const nameOf = ({ collector }: FileTask): string => collector.name;

/** What became of a task: `<name> <number of the job it ran in>`. */
const result = (text: string): FileTaskResult =>
  ({ type: 'described', every_seconds: text }) as unknown as FileTaskResult;
const textOf = (done: FileTaskResult): unknown =>
  (done as { readonly every_seconds?: unknown }).every_seconds;

interface Job extends PromiseWithResolvers<readonly FileTaskResult[]> {
  readonly job: PoolJob;
  readonly deadline_ms: number;
}

/** Threads that do what the test says. */
function threads(): { readonly jobs: Job[]; readonly batch: Batch; finish(number: number): void } {
  const jobs: Job[] = [];
  const batch = new Batch((job, deadline_ms) => {
    const one = { job, deadline_ms, ...Promise.withResolvers<readonly FileTaskResult[]>() };
    jobs.push(one);
    return one.promise;
  });
  /** Runs what may still begin. */
  const finish = (number: number): void => {
    const { job, resolve } = jobs[number]!;
    const done = underWay(job) ? job.tasks.slice(0, job.tasks.indexOf(underWay(job)!) + 1) : [];
    for (const [index, one] of job.tasks.entries()) if (begin(job, index)) done.push(one);
    resolve(done.map((one) => result(`${nameOf(one)} ${number}`)));
  };
  return { jobs, batch, finish };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const named = ({ job }: Job): string[] => job.tasks.map(nameOf);

afterEach(() => mock.timers.reset());

test('what is asked for in one turn of the loop is one job, and each gets its own result', async () => {
  const { jobs, batch, finish } = threads();
  const results = ['a', 'b', 'c'].map((name) => batch.add(task(name), 1000));
  const other = batch.add(task('d'), 2000);
  await turn();
  assert.deepEqual(jobs.map(named), [['a', 'b', 'c'], ['d']]);
  finish(0);
  finish(1);
  assert.deepEqual((await Promise.all([...results, other])).map(textOf), ['a 0', 'b 0', 'c 0', 'd 1']);
});

test('what takes long altogether is two jobs the next time, and one again when it no longer does', async () => {
  const { jobs, batch, finish } = threads();
  const now = mock.method(performance, 'now', () => 0);
  const round = async (lasts_ms: number): Promise<string[][]> => {
    const [from, before_ms] = [jobs.length, performance.now()];
    const results = ['a', 'b', 'c'].map((name) => batch.add(task(name), 1000));
    await turn();
    now.mock.mockImplementation(() => before_ms + lasts_ms);
    for (let number = from; number < jobs.length; number++) finish(number);
    await Promise.all(results);
    await turn();
    return jobs.slice(from).map(named);
  };
  assert.deepEqual(await round(30), [['a', 'b', 'c']]);
  assert.deepEqual(await round(15), [['a', 'c'], ['b']]);
  assert.deepEqual(await round(5), [['a', 'c'], ['b']]);
  assert.deepEqual(await round(5), [['a', 'b', 'c']]);
  now.mock.restore();
});

test('one that is under way for long is left alone: the others begin anew, each once', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const { jobs, batch, finish } = threads();
  const results = ['a', 'slow', 'c'].map((name) => batch.add(task(name), 1000));
  await turn();
  const { job } = jobs[0]!;
  assert.ok(begin(job, 0) && begin(job, 1));
  mock.timers.tick(SLOW_MS);
  assert.equal(jobs.length, 1);
  mock.timers.tick(SLOW_MS);
  assert.deepEqual(jobs.map(named), [['a', 'slow', 'c'], ['a'], ['c']]);
  assert.ok(!begin(job, 2), 'what was set apart does not begin here');
  assert.equal(nameOf(underWay(job)!), 'slow');
  for (const number of [1, 2, 0]) finish(number);
  assert.deepEqual((await Promise.all(results)).map(textOf), ['a 1', 'slow 0', 'c 2']);
});

test('tasks that follow each other quickly stay together, however long all of them take', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const { jobs, batch, finish } = threads();
  const results = ['a', 'b', 'c'].map((name) => batch.add(task(name), 1000));
  await turn();
  for (const index of [0, 1, 2]) {
    begin(jobs[0]!.job, index);
    mock.timers.tick(SLOW_MS);
  }
  finish(0);
  await Promise.all(results);
  assert.equal(jobs.length, 1);
});

test('one that ends the thread fails, and the others begin anew', async () => {
  const { jobs, batch, finish } = threads();
  const results = ['a', 'fatal', 'c'].map((name) => batch.add(task(name), 1000));
  const settled = Promise.allSettled(results);
  await turn();
  const { job, reject } = jobs[0]!;
  begin(job, 0);
  begin(job, 1);
  reject(new Error('gone'));
  await turn();
  assert.deepEqual(jobs.slice(1).map(named), [['a'], ['c']]);
  finish(1);
  finish(2);
  const [a, fatal, c] = await settled;
  assert.deepEqual([a?.status, fatal?.status, c?.status], ['fulfilled', 'rejected', 'fulfilled']);
});

test('one that is slow and then ends the thread costs the others no second run', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const { jobs, batch, finish } = threads();
  const settled = Promise.allSettled(['hangs', 'b', 'c'].map((name) => batch.add(task(name), 1000)));
  await turn();
  begin(jobs[0]!.job, 0);
  mock.timers.tick(SLOW_MS);
  mock.timers.tick(SLOW_MS);
  jobs[0]!.reject(new Error('its deadline'));
  await turn();
  assert.deepEqual(jobs.map(named), [['hangs', 'b', 'c'], ['b'], ['c']]);
  finish(1);
  finish(2);
  assert.deepEqual(
    (await settled).map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  );
});

test('when no thread was free none has failed more than another', async () => {
  const { jobs, batch } = threads();
  const settled = Promise.allSettled(['a', 'b'].map((name) => batch.add(task(name), 1000)));
  await turn();
  jobs[0]!.reject(new Error('no thread'));
  assert.deepEqual(
    (await settled).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(jobs.length, 1);
});
