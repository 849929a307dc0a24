/** All collectors over files together, on hosts of three kinds: their whole page, and what one broken file costs. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { keepClock } from '../../../src/kernel/clock-keeper.ts';
import { at } from '../../../src/paths.ts';
import { eventually } from '../../support/eventually.ts';
import { FileAgent } from '../../support/file-agent.ts';
import { FixtureHost, type HostName } from '../../support/fixture-host.ts';
import { promlint } from '../../support/promlint.ts';
import { promtoolComplaints } from '../../support/promtool.ts';

keepClock();

/** What there is only when both samples have been taken. */
const RATES: Readonly<Record<HostName, readonly string[]>> = {
  v1: ['huatuo_bamai_cpu_util_container_total'],
  v2: [
    'huatuo_bamai_cpu_util_container_total',
    'huatuo_bamai_cpu_stat_container_wait_sum_percent',
    'huatuo_container_pressure_stalled_ratio',
  ],
  hybrid: [
    'huatuo_bamai_cpu_util_container_total',
    'huatuo_bamai_cpu_stat_container_wait_sum_percent',
    'huatuo_container_pressure_stalled_ratio',
  ],
};

/** How long each took is another time each time. */
const withoutTimes = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('huatuo_bamai_scrape_collector_duration_seconds{'))
    .join('\n');

for (const name of ['v1', 'v2', 'hybrid'] as const) {
  test(`the page of a ${name} host is the golden one, and Prometheus has nothing against it`, async () => {
    using host = new FixtureHost(name);
    const { paths, docker, inPod, units } = host;
    await using agent = await FileAgent.start({ paths, containers: [docker, inPod], units });
    const page = await eventually('rates over two samples', async () => {
      const { text, faults } = await agent.scrape();
      assert.deepEqual([...faults], []);
      return RATES[name].every((family) => text.includes(`# TYPE ${family} `)) && text;
    });
    assert.deepEqual(promlint(page), []);
    assert.deepEqual(promtoolComplaints(page), []);
    const golden = at(`test/fixtures/hosts/${name}.golden.prom`);
    if (process.env.UPDATE_GOLDEN) writeFileSync(golden, withoutTimes(page));
    assert.equal(withoutTimes(page), readFileSync(golden, 'utf8'), 'if that is meant: UPDATE_GOLDEN=1');
  });
}
