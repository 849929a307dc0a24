import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Captured, captureDocument } from '../../src/capture/document.ts';
import { PACE } from '../../src/sdk/autotracing.ts';
import type { AnyAutotracer } from '../../src/sdk/collector.ts';
import { optionsOf, sampleContext } from '../support/autotracer-run.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { container } from '../support/harness-containers.ts';
import { NO_PROFILES } from '../support/no-profiles.ts';

const OPTIONS = optionsOf({ options: PACE }, { deadline: '30s' });

/** A capture of a subject at 5 s of boot time, which is allowed to take 30 s. */
class Capture {
  readonly clock = new FakeClock();
  readonly logged: string[] = [];
  readonly #stop = new AbortController();
  readonly ended: Promise<Captured>;

  constructor(capture: AnyAutotracer['capture'], subject = container('a'.repeat(64), {})) {
    const collector: AnyAutotracer = {
      kind: 'autotracing',
      doc: 'In a test',
      severity: 'critical',
      sample: () => [],
      trigger: () => undefined,
      capture,
    };
    const context = sampleContext('/proc');
    const warn = (message: string): number => this.logged.push(message);
    this.ended = captureDocument(
      collector,
      { ...context, options: OPTIONS, log: { ...context.log, warn } },
      { key: 'tested', subject, why: { level: 120 }, boottime_ns: 5n },
      { baseline: undefined, profile: NO_PROFILES },
      { clock: this.clock, stop: this.#stop.signal },
    );
    this.ended.catch(() => undefined);
  }

  stop(): void {
    this.#stop.abort();
  }
}

test('what a capture returns is the document, of the time of the sample', async () => {
  const { ended } = new Capture((_subject, why) => ({ ...why, detail: 'all of it' }));
  const { document, isPartial } = await ended;
  assert.deepEqual(document, {
    subject: container('a'.repeat(64), {}),
    time_ns: 5n,
    severity: 'critical',
    data: { level: 120, detail: 'all of it' },
  });
  assert.equal(isPartial, false);
});

test('a subject that vanished during its capture has a partial document', async () => {
  const gone = container('a'.repeat(64), { memory: '/nonexistent' });
  const { document, isPartial } = await new Capture((_subject, why) => why, gone).ended;
  assert.deepEqual([document.data, isPartial], [{ level: 120, partial: true }, true]);
});

for (const [what, capture] of Object.entries({
  throws: () => {
    throw new Error('no such file');
  },
  rejects: () => Promise.reject(new Error('no such file')),
  'never ends': () => new Promise<object>(() => {}),
})) {
  test(`of a capture that ${what}, what triggered it is written`, async () => {
    const run = new Capture(capture);
    await run.clock.advance(30);
    const { document, isPartial } = await run.ended;
    assert.deepEqual([document.data, isPartial], [{ level: 120, partial: true }, true]);
    assert.deepEqual(run.logged, ['a capture failed; what triggered it is written']);
  });
}

test('a capture is told when its time is up', async () => {
  let told = false;
  const run = new Capture((_subject, _why, { signal }) => {
    signal.addEventListener('abort', () => {
      told = true;
    });
    return new Promise(() => {});
  });
  await run.clock.advance(29);
  assert.equal(told, false);
  await run.clock.advance(1);
  assert.equal(told, true);
});

test('a capture that is stopped gives no document', async () => {
  const run = new Capture(() => new Promise(() => {}));
  await run.clock.advance(1);
  run.stop();
  await assert.rejects(run.ended, { code: 'CANCELLED' });
});
