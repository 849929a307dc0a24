/** The loadavg collector over a host that the test makes up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { HOST_PATHS } from '../../support/kernel.ts';
import { type PageFamily, sampleValue } from '../../support/prometheus-text.ts';

const averages = (page: ReadonlyMap<string, PageFamily>): number[] =>
  ['load1', 'load5', 'load15'].map((name) => sampleValue(page, `huatuo_bamai_loadavg_${name}`));

test('load averages of the host', async () => {
  using proc = new FixtureProc();
  proc.write('loadavg', '1.50 2.25 3.00 1/88 5433\n');
  await using loadavg = await CollectorHarness.load('loadavg', {
    paths: { ...HOST_PATHS, procfs: proc.directory },
  });
  assert.deepEqual(averages(await loadavg.scrape()), [1.5, 2.25, 3]);
});

test('reads this host', async () => {
  await using loadavg = await CollectorHarness.load('loadavg');
  assert.ok(averages(await loadavg.scrape()).every((load) => load >= 0));
});
