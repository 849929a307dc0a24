import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BootReport, renderReports, wrongOf } from './report.ts';

function report(kernel: string, more: Partial<BootReport> = {}): BootReport {
  return { kernel, systemd: '252', hierarchy: 'v2', parts: [], service: {}, collectors: {}, ...more };
}

test('what every kernel has found is in its column, and notes that say the same have one number', () => {
  const page = renderReports([
    report('5.10', {
      collectors: {
        oom: { result: 'ok', note: 'sizes' },
        softirq: { result: 'unsupported', note: 'no | atomics' },
      },
    }),
    report('6.1', {
      parts: ['collectors', 'pins'],
      collectors: { softirq: { result: 'ok', note: 'sizes' }, netdev: { result: 'runs' } },
    }),
  ]);
  assert.match(page, /^\| collector \| 5\.10 \| 6\.1 \|$/m);
  assert.match(page, /^\| `oom` \| ok \(1\) \| {2}\|$/m);
  assert.match(page, /^\| `softirq` \| unsupported \(2\) \| ok \(1\) \|$/m);
  assert.match(page, /^\| `netdev` \| {2}\| runs \|$/m);
  assert.match(page, /^\| parts \| {2}\| collectors, pins \|$/m);
  assert.match(page, /^1\. sizes\n2\. no \| atomics$/m);
});

test('what is wrong is counted', () => {
  const bad = report('6.1', {
    service: { stop: { result: 'wrong', note: 'left' } },
    collectors: { oom: { result: 'wrong' }, softirq: { result: 'ok' } },
  });
  assert.deepEqual(wrongOf(bad), ['stop', 'oom']);
  assert.match(renderReports([bad, report('6.12')]), /^\| wrong \| 2 \| 0 \|$/m);
});
