/** bpf/include/cgroup_counters.h: totals of cgroups that live, while others come and go. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { Allocator } from '../support/allocator.ts';
import { skipWithoutController, TestCgroup } from '../support/cgroup.ts';
import { CollectorHarness } from '../support/collector-harness.ts';
import { container } from '../support/harness-containers.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { type PageFamily, sampleValue } from '../support/prometheus-text.ts';

const NAME = 'cgroup_renames';
const COMM = Buffer.from('m:o').toString('hex');
/** Of the object's map. */
const ENTRIES = 8;
const SHORT_LIVED = 5 * ENTRIES;
const OF_COLLECTOR = { collector: NAME };

const skip = skipWithoutBpf() || skipWithoutController('cpu');
const group = (name: string): TestCgroup => TestCgroup.make('cpu', `/huatuo-churn-${process.pid}/${name}`);

async function renames(task: Allocator, count: number): Promise<void> {
  for (let done = 0; done < count; done++) await task.ask({ comm: COMM });
}

describe('counters of cgroups', { skip }, () => {
  test('many short-lived cgroups take nothing of what a living one has counted, and leave nothing behind', async () => {
    await using living = group('living');
    await using resident = new Allocator();
    await using visitor = new Allocator();
    living.add(resident.pid);
    const own = container('living', { cpu: living.path }, [living.inode]);
    await using counters = await CollectorHarness.load(NAME, {
      sources: 'collectors/contract',
      containers: [own],
    });
    await renames(resident, 5);
    for (let visited = 0; visited < SHORT_LIVED; visited++) {
      await using short = group(`short-${visited}`);
      short.add(visitor.pid);
      await renames(visitor, 2);
      await renames(resident, 1);
      living.add(visitor.pid);
    }
    const page = await counters.scrape();
    const total = (name: string): number => sampleValue(page, name, OF_COLLECTOR);
    assert.equal(
      sampleValue(page, 'huatuo_test_container_renames_total', { container_id: 'living' }),
      5 + SHORT_LIVED,
    );
    assert.equal(total('huatuo_bpf_cgroups_ended_total'), SHORT_LIVED);
    assert.equal(total('huatuo_bpf_series_overflows_total'), 0);
    const inodes: unknown[] = [];
    for await (const [inode] of (await counters.ctx.bpf.load()).map('cgroups').entries()) inodes.push(inode);
    // What the short-lived ones have counted is their parent's.
    const parent = statSync(dirname(living.path), { bigint: true }).ino;
    assert.deepEqual(new Set(inodes), new Set([living.inode, parent]));
  });

  test('when more cgroups live than there is room for, the newest are refused and counted; who was first loses nothing', async () => {
    await using living = new AsyncDisposableStack();
    await using visitor = new Allocator();
    const cgroups = Array.from({ length: ENTRIES + 3 }, (_, index) => living.use(group(`living-${index}`)));
    const containers = cgroups.map(({ path, inode }, index) =>
      container(`c${index}`, { cpu: path }, [inode]),
    );
    await using counters = await CollectorHarness.load(NAME, { sources: 'collectors/contract', containers });
    for (const _round of [1, 2]) {
      for (const cgroup of cgroups) {
        cgroup.add(visitor.pid);
        await renames(visitor, 1);
      }
    }
    const page = await counters.scrape();
    assert.deepEqual(
      countsOf(page),
      Object.fromEntries(containers.slice(0, ENTRIES).map(({ id }) => [id, 2])),
    );
    assert.equal(sampleValue(page, 'huatuo_bpf_series_overflows_total', OF_COLLECTOR), 2 * 3);
  });
});

function countsOf(page: ReadonlyMap<string, PageFamily>): Record<string, number> {
  const samples = page.get('huatuo_test_container_renames_total')?.samples ?? [];
  return Object.fromEntries(samples.map(({ labels, value }) => [labels.container_id, value]));
}
