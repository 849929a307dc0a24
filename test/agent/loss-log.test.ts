import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LossLog } from '../../src/agent/loss-log.ts';
import type { Log } from '../../src/sdk/context.ts';
import type { LedgerStatus } from '../../src/web/status.ts';

interface Line {
  readonly message: string;
  readonly ring_full: number;
  readonly suppressed?: number;
}

function recorder(): { readonly log: Log; readonly lines: Line[] } {
  const lines: Line[] = [];
  const warn = (message: string, detail: object = {}): void =>
    void lines.push({ message, ...(detail as Omit<Line, 'message'>) });
  return { log: { debug: assert.fail, info: assert.fail, warn, error: assert.fail }, lines };
}

const ledgers = (counts: Readonly<Record<string, number>>): LedgerStatus[] =>
  Object.entries(counts).map(
    ([collector, count]) => ({ collector, dropped_ring_full: String(count) }) as LedgerStatus,
  );

test('a full ring is one line for each collector, and then one a minute with the newest count', (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { log, lines } = recorder();
  using losses = new LossLog(log);
  losses.check(ledgers({ softirq: 0, oom: 0 }));
  assert.deepEqual(lines, []);
  for (const count of [10, 20, 30]) losses.check(ledgers({ softirq: count, oom: 1 }));
  const told = () => lines.map(({ message, ring_full, suppressed }) => [message, ring_full, suppressed]);
  const softirq = 'softirq loses events: its ring is full';
  assert.deepEqual(told(), [
    [softirq, 10, undefined],
    ['oom loses events: its ring is full', 1, undefined],
  ]);
  t.mock.timers.tick(60_000);
  assert.deepEqual(told().slice(2), [[softirq, 30, 2]]);
});

test('a ring that was made anew counts from nothing', () => {
  const { log, lines } = recorder();
  using losses = new LossLog(log);
  losses.check(ledgers({ softirq: 10 }));
  losses.check(ledgers({ softirq: 0 }));
  assert.equal(lines.length, 1);
});
