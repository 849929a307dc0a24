import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HuatuoError } from '../../src/error.ts';
import { ScrapeOutcomes } from '../../src/web/outcomes.ts';

function outcomes(): { readonly made: ScrapeOutcomes; readonly logged: string[] } {
  const logged: string[] = [];
  const log = (message: string): void => void logged.push(message);
  return { made: new ScrapeOutcomes({ debug: log, info: log, warn: log, error: log }), logged };
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
  for (const faults of [[], [failed], [failed], [], []]) made.add('a', faults);
  assert.deepEqual(logged, ['a collector gave no metrics', 'metrics are complete again']);
});
