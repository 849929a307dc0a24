/** Time stands still but for what a test lets pass. */
import assert from 'node:assert/strict';
import { mock, type TestContext, test } from 'node:test';
import { SourceRunner } from '../../../src/containers/sources/runner.ts';
import type { ContainerDetails, DetailSource } from '../../../src/containers/sources/source.ts';
import { HuatuoError } from '../../../src/error.ts';
import type { Log } from '../../../src/sdk/context.ts';

const REFRESH_MS = 30_000;
const TIMEOUT_MS = 2_000;
const WEB: ContainerDetails = { id: 'a', name: 'web' };

/** Answers when the test says so; rejects when it is aborted, as a source must. */
class FakeSource implements DetailSource {
  readonly name = 'docker';
  readonly place = '/run/fake.sock';
  readonly leftOut = { malformed: 1, overLimit: 2 };
  isPresent = true;
  isClosed = false;
  questions = 0;
  open = 0;
  mostOpen = 0;
  #answer: PromiseWithResolvers<readonly ContainerDetails[]> | undefined;

  present(): boolean {
    return this.isPresent;
  }

  list(signal: AbortSignal): Promise<readonly ContainerDetails[]> {
    this.questions += 1;
    this.open += 1;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    const answer = Promise.withResolvers<readonly ContainerDetails[]>();
    this.#answer = answer;
    signal.addEventListener('abort', () => answer.reject(signal.reason));
    return answer.promise.finally(() => {
      this.open -= 1;
    });
  }

  answer(details: readonly ContainerDetails[]): Promise<void> {
    this.#answer?.resolve(details);
    return settled();
  }

  fail(error: Error): Promise<void> {
    this.#answer?.reject(error);
    return settled();
  }

  [Symbol.dispose](): void {
    this.isClosed = true;
  }
}

/** Lets everything that hangs on promises happen. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

function setUp(t: TestContext) {
  let now_ms = 0;
  t.mock.method(performance, 'now', () => now_ms);
  mock.timers.enable({ apis: ['setTimeout'] });
  t.mock.method(AbortSignal, 'timeout', (milliseconds: number) => {
    const late = new AbortController();
    setTimeout(() => late.abort(new Error('too late')), milliseconds);
    return late.signal;
  });
  t.after(() => mock.timers.reset());
  const source = new FakeSource();
  const told: (readonly ContainerDetails[])[] = [];
  const lines: string[] = [];
  const log = { info: (text: string) => lines.push(text), warn: (text: string) => lines.push(text) };
  const runner = new SourceRunner(source, {
    refresh_ms: REFRESH_MS,
    timeout_ms: TIMEOUT_MS,
    log: log as unknown as Log,
    onDetails: (_, details) => void told.push(details),
  });
  const pass = async (milliseconds: number): Promise<void> => {
    now_ms += milliseconds;
    mock.timers.tick(milliseconds);
    await settled();
  };
  return { source, runner, told, lines, pass };
}

/** A source and the first question to it. */
async function started(t: TestContext) {
  const all = setUp(t);
  all.runner.start();
  await all.pass(0);
  assert.equal(all.source.questions, 1);
  return all;
}

test('nobody is asked before the start; then at once, and again a while after each answer', async (t) => {
  const { source, runner, told, pass } = setUp(t);
  await pass(REFRESH_MS);
  assert.deepEqual([source.questions, runner.status.state], [0, 'unasked']);
  runner.start();
  await pass(0);
  await pass(500);
  await source.answer([WEB]);
  assert.deepEqual(told, [[WEB]]);
  await pass(REFRESH_MS - 1);
  assert.equal(source.questions, 1);
  await pass(1);
  assert.equal(source.questions, 2);
});

test('the state tells what was asked and what came', async (t) => {
  const { source, runner, pass } = await started(t);
  await source.answer([WEB]);
  await runner.asked;
  const { answered_at, ...status } = runner.status;
  assert.ok(!Number.isNaN(Date.parse(answered_at ?? '')));
  assert.deepEqual(status, {
    name: 'docker',
    place: '/run/fake.sock',
    state: 'ok',
    containers: 1,
    left_out: 3,
  });
  assert.equal(runner.key, 'docker /run/fake.sock');
  await pass(REFRESH_MS);
  await source.fail(new Error('broken\npipe'));
  assert.deepEqual(runner.status.error, {
    code: 'CONTAINER_SOURCE_FAILED',
    message: 'broken\npipe; check /run/fake.sock',
  });
  assert.deepEqual([runner.status.state, runner.status.containers], ['failed', 1]);
});

test('a question that is not answered in time is let go of, and only then the next one is asked', async (t) => {
  const { source, runner, pass } = await started(t);
  runner.hurry();
  await pass(TIMEOUT_MS - 1);
  assert.deepEqual([source.questions, source.open], [1, 1]);
  await pass(1);
  assert.deepEqual([source.open, runner.status.state], [0, 'failed']);
  for (let minute = 0; minute < 120; minute++) {
    runner.hurry();
    await pass(30_000);
  }
  assert.ok(source.questions > 2);
  assert.equal(source.mostOpen, 1);
});

test('a failing source is asked less and less often, at most sixteen times less, whoever hurries', async (t) => {
  const { source, runner, pass } = await started(t);
  for (const patience of [2, 4, 8, 16, 16, 16]) {
    await source.fail(new HuatuoError('CONTAINER_SOURCE_FAILED', { found: 'x', remedy: 'y' }));
    const { questions } = source;
    runner.hurry();
    await pass(patience * REFRESH_MS - 1);
    assert.equal(source.questions, questions, `${patience}`);
    await pass(1);
    assert.equal(source.questions, questions + 1, `${patience}`);
  }
});

test('what it said stays while it fails; when it answers again it is asked at the usual pace; each is said once', async (t) => {
  const { source, runner, told, lines, pass } = await started(t);
  await source.answer([WEB]);
  await pass(REFRESH_MS);
  await source.fail(new Error('no'));
  await pass(2 * REFRESH_MS);
  await source.fail(new Error('still no'));
  assert.deepEqual(told, [[WEB]]);
  await pass(4 * REFRESH_MS);
  await source.answer([]);
  assert.deepEqual(told, [[WEB], []]);
  assert.deepEqual([runner.status.state, runner.status.error], ['ok', undefined]);
  assert.deepEqual(lines, [
    'containers are not described by docker',
    'containers are described by docker again',
  ]);
  await pass(REFRESH_MS);
  assert.equal(source.questions, 5);
});

test('nobody to ask is no failure, takes nothing back, and is looked for again', async (t) => {
  const { source, runner, told, lines, pass } = await started(t);
  await source.answer([WEB]);
  source.isPresent = false;
  await pass(REFRESH_MS);
  assert.deepEqual([runner.status.state, runner.status.containers, lines], ['absent', 0, []]);
  assert.deepEqual(told, [[WEB]], 'an engine that restarts takes its socket away, and its containers run on');
  source.isPresent = true;
  await pass(REFRESH_MS);
  await source.answer([]);
  assert.deepEqual([runner.status.state, told.length], ['ok', 2]);
});

test('a source that throws when it is looked for counts as failed', async (t) => {
  const { source, runner, pass } = setUp(t);
  source.present = () => {
    throw new Error('denied');
  };
  runner.start();
  await pass(0);
  await runner.asked;
  assert.equal(runner.status.state, 'failed');
});

test('whoever hurries gets one question a second later, however many do', async (t) => {
  const { source, runner, pass } = await started(t);
  await source.answer([WEB]);
  for (let turn = 0; turn < 9; turn++) {
    runner.hurry();
    await pass(100);
  }
  assert.equal(source.questions, 1);
  await pass(100);
  assert.equal(source.questions, 2);
});

test('who hurries while a question is open gets another one: the answer may be older than the container', async (t) => {
  const { source, runner, pass } = await started(t);
  runner.hurry();
  await pass(100);
  await source.answer([]);
  assert.equal(source.questions, 1);
  await pass(1000);
  assert.equal(source.questions, 2);
  await source.answer([WEB]);
  await pass(1000);
  assert.equal(source.questions, 2, 'and only one');
});

test('a closed one aborts its question, tells nothing more and asks nothing more', async (t) => {
  const { source, runner, told, lines, pass } = await started(t);
  runner[Symbol.dispose]();
  await settled();
  assert.deepEqual([source.open, source.isClosed], [0, true]);
  await pass(100 * REFRESH_MS);
  runner.hurry();
  await pass(100 * REFRESH_MS);
  assert.deepEqual([source.questions, told, lines], [1, [], []]);
});

test('an answer that comes when it is closed is not passed on', async (t) => {
  const { source, runner, told } = await started(t);
  const answered = source.answer([WEB]);
  runner[Symbol.dispose]();
  await answered;
  assert.deepEqual(told, []);
});
