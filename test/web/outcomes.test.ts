import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HuatuoError } from '../../src/error.ts';
import { ScrapeOutcomes } from '../../src/web/outcomes.ts';

function outcomes() {
  const logged: string[] = [];
  const details: unknown[] = [];
  const log = (message: string, detail?: object): void => {
    logged.push(message);
    details.push(detail);
  };
  const made = new ScrapeOutcomes({ debug: log, info: log, warn: log, error: log });
  return { made, logged, details };
}

const failed = {
  type: 'failed',
  error: new HuatuoError('COLLECTOR_FAILED', { found: 'no file', remedy: 'make one' }),
} as const;

test('the status tells the newest scrape and nothing of what was forgotten', () => {
  const { made } = outcomes();
  assert.deepEqual(made.status('a'), { name: 'a' });
  made.add('a', [failed]);
  const { scraped_at = '', ...rest } = made.status('a');
  assert.ok(Math.abs(Date.parse(scraped_at) - Date.now()) < 60_000);
  const error = { code: 'COLLECTOR_FAILED', message: 'no file; make one' };
  assert.deepEqual(rest, { name: 'a', success: false, error });
  made.add('a', []);
  assert.equal(made.status('a').success, true);
  made.add('a', [{ type: 'refused', reason: 'name taken' }]);
  assert.equal(made.status('a').error?.message, 'name taken');
  made.forget('a');
  assert.deepEqual(made.status('a'), { name: 'a' });
});

test('a collector that stays broken is logged once, and once when it is whole again', () => {
  const { made, logged } = outcomes();
  for (const faults of [[], [failed], [failed], [], []]) {
    made.add('a', faults);
    made.pageMade();
  }
  assert.deepEqual(logged, ['a collector gave no metrics', 'metrics are complete again']);
});

test('one that is made anew, or comes again, and fails as the former did is logged', () => {
  const { made, logged } = outcomes();
  made.add('a', [failed]);
  made.forget('a');
  made.add('a', [failed]);
  assert.deepEqual(logged, Array(2).fill('a collector gave no metrics'));
});

const late = {
  type: 'failed',
  error: new HuatuoError('DEADLINE_EXCEEDED', { found: 'no answer after 2000 ms', remedy: 'wait' }),
} as const;

test('collectors that are late together are one line, with what helps against it; one that is late is told itself', () => {
  const { made, logged, details } = outcomes();
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) made.add(name, [late]);
  made.pageMade();
  assert.deepEqual(logged, ['collectors gave no metrics in time']);
  const [{ count, collectors, error }] = details as [Late];
  assert.deepEqual([count, collectors], [7, ['a', 'b', 'c', 'd', 'e']]);
  assert.match(error.remedy, /more CPU.*web\.scrape_timeout/);
  assert.doesNotMatch(error.message, /supervisor/);
  for (const name of ['a', 'b', 'c']) made.add(name, []);
  made.add('d', [failed]);
  made.pageMade();
  made.add('a', [late]);
  made.pageMade();
  assert.deepEqual(logged.slice(1), [
    'a collector gave no metrics',
    'metrics of collectors are complete again',
    'a collector gave no metrics',
  ]);
});

test('others that are late at each scrape are one line a minute', () => {
  const { made, logged } = outcomes();
  for (let scrape = 0; scrape < 100; scrape++) {
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const isLate = (scrape % 2 === 0) === name < 'd';
      made.add(name, isLate ? [late] : []);
    }
    made.pageMade();
  }
  assert.deepEqual(logged, [
    'collectors gave no metrics in time',
    'metrics of collectors are complete again',
  ]);
  made[Symbol.dispose]();
});

interface Late {
  readonly count: number;
  readonly collectors: readonly string[];
  readonly error: HuatuoError;
}
