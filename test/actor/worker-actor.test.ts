/** The state machine of one worker, with real threads that fail in every way a thread can. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import type { RestartSpec } from '../../src/actor/restart.ts';
import type { ActorState, ActorStatus } from '../../src/actor/state.ts';
import { ActorStats } from '../../src/actor/stats.ts';
import { WorkerActor } from '../../src/actor/worker-actor.ts';
import { HuatuoError } from '../../src/error.ts';
import { tempDirectory } from '../storage/journal/fixture.ts';
import { eventually } from '../support/eventually.ts';
import type { ChildControl, ChildData } from './worker-actor-child.ts';

const RESTART: RestartSpec = {
  restart: 'permanent',
  intensity: 10,
  window_ms: 60_000,
  backoffMin_ms: 1,
  backoffMax_ms: 5,
  calm_ms: 60_000,
  failedRetry_ms: 600_000,
};

class Watched implements AsyncDisposable {
  readonly actor: WorkerActor<ChildControl>;
  /** Every state it has been in. */
  readonly states: ActorState[] = [];
  /** Why each of its lives ended. */
  readonly endings: (HuatuoError | undefined)[] = [];
  lives = 0;
  failsToStart = false;
  /** Keeps it from being started at all. */
  blockedBy: HuatuoError | undefined;
  readonly #stats = ActorStats.allocate();
  readonly #loops = new SharedArrayBuffer(4);

  constructor(restart: Partial<RestartSpec> = {}) {
    this.actor = new WorkerActor<ChildControl>(
      {
        name: 'watched',
        role: 'collector',
        entry: new URL('worker-actor-child.js', import.meta.url),
        workerData: (control) => {
          if (this.blockedBy) throw this.blockedBy;
          return {
            control,
            stats: this.#stats,
            loops: this.#loops,
            failsToStart: this.failsToStart,
          } satisfies ChildData;
        },
        restart: { ...RESTART, ...restart },
        shutdown_ms: 300,
        startTimeout_ms: 30_000,
        heartbeatTimeout_ms: 1000,
        stats: this.#stats,
        resourceLimits: {},
      },
      {
        started: () => {
          this.lives += 1;
        },
        notice: () => this.actor.enter('running'),
        changed: ({ state }: ActorStatus) => void this.states.push(state),
        ended: (error) => void this.endings.push(error),
      },
    );
  }

  static async running(restart?: Partial<RestartSpec>): Promise<Watched> {
    const watched = new Watched(restart);
    watched.actor.start();
    await watched.actor.settled;
    return watched;
  }

  /** Has it fail; the answer to the call may be lost with the thread. */
  fail(how: Parameters<ChildControl['fail']>[0]): void {
    // Its thread ends before it can answer.
    this.actor.control?.fail(how).catch(() => {});
  }

  get isLooping(): boolean {
    return Atomics.load(new Int32Array(this.#loops), 0) === 1;
  }

  async reaches(state: ActorState): Promise<void> {
    await eventually(`the state ${state}`, () => this.actor.state === state, {
      last: () => `states: ${this.states.join(' ')}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.actor.stop(async () => undefined);
  }
}

test('a life: starting, running, stopped in good order', async () => {
  const watched = await Watched.running();
  let asked = false;
  await watched.actor.stop(async (control) => {
    asked = true;
    await control.stop('at once');
  });
  assert.ok(asked);
  assert.deepEqual(watched.states, ['starting', 'running', 'stopped']);
  assert.deepEqual(watched.endings, [undefined]);
  assert.equal(watched.actor.control, undefined);
});

test('one that waits works without a thread until it is to start, and does not leave its state for that', async () => {
  await using watched = new Watched();
  await watched.actor.wait(async () => true);
  await watched.actor.settled;
  assert.equal(watched.actor.state, 'running');
  assert.equal(watched.lives, 0);
  watched.actor.checkHeartbeat(performance.now() + 3_600_000);
  watched.actor.startIfWaiting();
  watched.actor.startIfWaiting();
  assert.ok(watched.actor.isStarting);
  await watched.actor.settled;
  assert.equal(watched.lives, 1);
  assert.deepEqual(watched.states, ['starting', 'running']);
  watched.fail('throw');
  await eventually('a second life that runs', () => watched.lives === 2 && watched.actor.state === 'running');
  assert.deepEqual(watched.states, ['starting', 'running', 'restarting', 'starting', 'running']);
});

test('one that cannot begin to wait starts a thread, whose error counts', async () => {
  await using watched = new Watched();
  watched.failsToStart = true;
  await watched.actor.wait(() => Promise.reject(new Error('no thread has said this')));
  await watched.reaches('unsupported');
  assert.equal(watched.lives, 1);
  assert.equal(watched.actor.status.reason?.code, 'BTF_MISSING');
});

test('one that may not wait has a thread from the start', async () => {
  await using watched = new Watched();
  await watched.actor.wait(async () => false);
  await watched.actor.settled;
  assert.deepEqual([watched.lives, watched.states], [1, ['starting', 'running']]);
});

test('what comes while one begins to wait starts its thread, and a stop keeps it from running', async () => {
  await using called = new Watched();
  const begun = Promise.withResolvers<boolean>();
  const waiting = called.actor.wait(() => begun.promise);
  called.actor.startIfWaiting();
  begun.resolve(true);
  await waiting;
  await called.actor.settled;
  assert.equal(called.lives, 1);

  const stopped = new Watched();
  const late = Promise.withResolvers<boolean>();
  const begins = stopped.actor.wait(() => late.promise);
  await stopped.actor.stop(async () => undefined);
  late.resolve(true);
  await begins;
  stopped.actor.startIfWaiting();
  assert.deepEqual([stopped.lives, stopped.states], [0, ['starting', 'stopped']]);
});

test('a worker that throws is replaced; what it threw stays in the status', async () => {
  await using watched = await Watched.running();
  watched.fail('throw');
  await eventually('a second life that runs', () => watched.lives === 2 && watched.actor.state === 'running');
  assert.deepEqual(watched.states, ['starting', 'running', 'restarting', 'starting', 'running']);
  const { restarts, reason, last_error } = watched.actor.status;
  assert.equal(restarts, 1);
  assert.equal(reason, undefined, 'it runs: there is no reason why not');
  assert.equal(last_error?.code, 'COLLECTOR_FAILED');
  assert.match(last_error.message, /^a bug/);
});

test('a worker that calls process.exit is replaced, with its exit code', async () => {
  await using watched = await Watched.running();
  watched.fail('exit');
  await eventually('a second life that runs', () => watched.lives === 2 && watched.actor.state === 'running');
  assert.equal(watched.endings[0]?.code, 'WORKER_EXITED');
  assert.match(watched.endings[0]?.message ?? '', /code 7/);
});

test('a permanent fault is final, with its reason', async () => {
  await using watched = await Watched.running();
  watched.fail('permanent');
  await watched.reaches('unsupported');
  assert.deepEqual(watched.actor.status.reason, {
    code: 'BTF_MISSING',
    message: 'expected BTF, found none; use another kernel',
    remedy: 'use another kernel',
  });
  assert.equal(watched.lives, 1);
});

test('whoever waits for a start learns why it failed', async () => {
  await using watched = new Watched();
  watched.failsToStart = true;
  watched.actor.start();
  await assert.rejects(watched.actor.settled, { code: 'BTF_MISSING' });
});

test('a worker that cannot be started again is tried again, with the reason', async () => {
  await using watched = await Watched.running({ intensity: 100_000 });
  watched.blockedBy = new HuatuoError('JOURNAL_FAILED', { found: 'a lock', remedy: 'stop its holder' });
  watched.fail('throw');
  await eventually('the reason', () => watched.actor.status.last_error?.code === 'JOURNAL_FAILED');
  assert.equal(watched.actor.state, 'restarting');
  watched.blockedBy = undefined;
  await eventually('a second life that runs', () => watched.lives === 2 && watched.actor.state === 'running');
});

test('too many restarts make it failed', async () => {
  await using watched = await Watched.running({ intensity: 1 });
  watched.fail('throw');
  await eventually('a second life that runs', () => watched.lives === 2 && watched.actor.state === 'running');
  watched.fail('throw');
  await watched.reaches('failed');
  assert.equal(watched.actor.status.reason?.code, 'COLLECTOR_FAILED');
});

test('a worker whose heart stands still is terminated and replaced', async () => {
  await using watched = await Watched.running();
  watched.fail('loop');
  await eventually('it to loop', () => watched.isLooping);
  // Ticks of the supervisor, on a clock of the test's own.
  const now_ms = performance.now();
  watched.actor.checkHeartbeat(now_ms);
  watched.actor.checkHeartbeat(now_ms + 999);
  assert.equal(watched.actor.state, 'running', 'not yet');
  watched.actor.checkHeartbeat(now_ms + 1001);
  assert.equal(watched.actor.state, 'restarting');
  await eventually('the end of this life', () => watched.endings.length > 0);
  assert.equal(watched.endings[0]?.code, 'WORKER_HUNG');
  await watched.reaches('running');
  assert.equal(watched.lives, 2);
});

test('a start may take longer than a heartbeat, and what was silent until its end is no hang', async () => {
  await using watched = new Watched();
  watched.actor.start();
  const now_ms = performance.now();
  // Its thread cannot have answered: this one has not let go.
  watched.actor.checkHeartbeat(now_ms);
  watched.actor.checkHeartbeat(now_ms + 29_000);
  assert.equal(watched.actor.state, 'starting');
  watched.actor.enter('running');
  watched.actor.checkHeartbeat(now_ms + 29_100);
  assert.equal(watched.actor.state, 'running');
});

test('a start that takes too long ends, and names the setting that gives it more time', async () => {
  await using watched = new Watched();
  watched.actor.start();
  const now_ms = performance.now();
  watched.actor.checkHeartbeat(now_ms);
  watched.actor.checkHeartbeat(now_ms + 30_001);
  assert.equal(watched.actor.state, 'restarting');
  await eventually('the end of this life', () => watched.endings.length > 0);
  assert.match(watched.endings[0]?.message ?? '', /supervisor\.start_timeout/);
});

test('a worker that sleeps is not asked', async () => {
  await using watched = await Watched.running();
  const asked = new Int32Array(watched.actor.spec.stats, 0, 1);
  let now_ms = performance.now();
  await eventually('a look without a question, while none is open', () => {
    if (watched.actor.status.vitals?.heartbeat_age_seconds !== 0) return false;
    const before = Atomics.load(asked, 0);
    now_ms += 1e6;
    watched.actor.checkHeartbeat(now_ms);
    return Atomics.load(asked, 0) === before;
  });
  assert.equal(watched.actor.state, 'running');
});

test('a worker that answers is left alone, however late the supervisor looks', async () => {
  await using watched = await Watched.running();
  for (let tick = 1; tick < 5; tick++) {
    watched.actor.checkHeartbeat(tick * 1e9);
    await eventually('an answer', () => watched.actor.status.vitals?.heartbeat_age_seconds === 0);
  }
  assert.deepEqual(watched.states, ['starting', 'running']);
});

test('a worker that does not stop in time is ended by force, and that is told', async () => {
  const watched = await Watched.running();
  await watched.actor.stop((control) => control.stop('never'));
  assert.deepEqual(watched.states, ['starting', 'running', 'stopped']);
  assert.equal(watched.endings[0]?.code, 'DEADLINE_EXCEEDED');
});

test('a stop while it waits for its next life is final', async () => {
  const watched = await Watched.running({ backoffMin_ms: 60_000, backoffMax_ms: 60_000 });
  watched.fail('throw');
  await watched.reaches('restarting');
  let asked = false;
  await watched.actor.stop(async () => {
    asked = true;
  });
  assert.deepEqual([asked, watched.actor.state, watched.lives], [false, 'stopped', 1]);
});

test('recycling gives it a new life that is no restart', async () => {
  await using watched = await Watched.running();
  await watched.actor.recycle((control) => control.stop('at once'));
  await watched.actor.settled;
  assert.deepEqual(watched.states, ['starting', 'running', 'stopped', 'starting', 'running']);
  assert.equal(watched.actor.status.restarts, 0);
});

test('a thread that is stuck in the kernel has no successor before it ends', async () => {
  using temp = tempDirectory();
  const fifo = join(temp.path, 'fifo');
  execFileSync('mkfifo', [fifo]);
  await using watched = await Watched.running();
  watched.actor.control?.getStuck(fifo).catch(() => {});
  // There is a reader as soon as this does not fail: it waits for the end of what is written.
  const writer = await eventually('it to be stuck', () => {
    try {
      return openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {
      return undefined;
    }
  });
  try {
    const recycled = watched.actor.recycle((control) => control.stop('at once'));
    await assert.rejects(recycled, { code: 'WORKER_HUNG', message: /stuck in a system call/ });
    assert.deepEqual([watched.lives, watched.actor.state], [1, 'restarting']);
  } finally {
    closeSync(writer);
  }
  await eventually('a second life that runs', () => watched.lives === 2 && watched.actor.state === 'running');
});

test('a first start that fails is tried again like any other, with the reason', async () => {
  await using watched = new Watched({ intensity: 100_000 });
  watched.blockedBy = new HuatuoError('JOURNAL_FAILED', { found: 'a lock', remedy: 'stop its holder' });
  watched.actor.start();
  await assert.rejects(watched.actor.settled, { code: 'JOURNAL_FAILED' });
  watched.blockedBy = undefined;
  await watched.reaches('running');
});

test('what a thread has grown by is known at the first look after it began to run', async () => {
  await using watched = await Watched.running();
  await eventually('the first look', () => watched.actor.heap_bytes > 0);
  await watched.actor.control?.leak(64 << 20);
  await watched.actor.measure();
  // Its heap may be smaller by now than it was at its start.
  assert.ok(watched.actor.grown_bytes > 48 << 20, String(watched.actor.grown_bytes));
});

test('CPU time is added up over all lives', async () => {
  await using watched = await Watched.running();
  const measured = await eventually('CPU time of the first life', async () => {
    await watched.actor.measure();
    return watched.actor.cpu_us > 0 && watched.actor.cpu_us;
  });
  assert.ok(watched.actor.heap_bytes > 0);
  assert.ok((watched.actor.status.vitals?.external_bytes ?? 0) > 0);
  watched.fail('throw');
  await eventually('a second life that runs', () => watched.lives === 2 && watched.actor.state === 'running');
  assert.ok(watched.actor.cpu_us >= measured);
});
