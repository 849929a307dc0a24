/** Collectors that have something to say on few hosts only: software RAID, XFS, NFS. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { FixtureProc } from '../../support/fixture-proc.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';
import { promlint } from '../../support/promlint.ts';

const load = (name: string, { directory }: FixtureProc): Promise<CollectorHarness> =>
  CollectorHarness.load(name, { paths: { procfs: directory, sysfs: directory } });

test('mdraid: an array without one of its members', async () => {
  using files = new FixtureProc();
  for (const [file, text] of [
    ['array_state', 'active'],
    ['raid_disks', '2'],
    ['degraded', '1'],
    ['sync_action', 'recover'],
    ['sync_completed', '1 / 4'],
    ['dev-sda1/state', 'in_sync'],
    ['dev-sdb1/state', 'spare'],
  ] as const)
    files.write(`block/md127/md/${file}`, `${text}\n`);
  await using mdraid = await load('mdraid', files);
  assert.deepEqual(promlint(await mdraid.page()), []);
  const page = await mdraid.scrape();
  const device = 'md127';
  assert.equal(sampleValue(page, 'huatuo_mdraid_state', { device, state: 'active' }), 1);
  assert.equal(sampleValue(page, 'huatuo_mdraid_sync_action', { device, action: 'recover' }), 1);
  assert.equal(sampleValue(page, 'huatuo_mdraid_sync_completed_ratio', { device }), 0.25);
  assert.equal(sampleValue(page, 'huatuo_mdraid_disks_required', { device }), 2);
  assert.equal(sampleValue(page, 'huatuo_mdraid_disks_missing', { device }), 1);
  assert.equal(sampleValue(page, 'huatuo_mdraid_disks', { device, state: 'spare' }), 1);
});

test('xfs: each file system by itself, without their sum', async () => {
  using files = new FixtureProc();
  files.write('fs/xfs/stats/stats', 'rw 1 2\n');
  files.write('fs/xfs/sda1/stats/stats', 'rw 3 4\nvnodes 5 6 7 8 9 10 11\n');
  await using xfs = await load('xfs', files);
  assert.deepEqual(promlint(await xfs.page()), []);
  const page = await xfs.scrape();
  assert.deepEqual(
    samplesOf(page, 'huatuo_xfs_write_calls_total').map(({ labels, value }) => [labels.device, value]),
    [['sda1', 3]],
  );
  assert.equal(page.get('huatuo_xfs_vnode_active')?.type, 'gauge');
});

test('nfs: calls of the host', async () => {
  using files = new FixtureProc();
  files.write('1/net/rpc/nfs', 'net 0 0 0 0\nrpc 9 2 1\n');
  await using nfs = await load('nfs', files);
  assert.deepEqual(promlint(await nfs.page()), []);
  const page = await nfs.scrape();
  const of = (kind: string): number => sampleValue(page, 'huatuo_nfs_rpcs_total', { kind });
  assert.deepEqual(['call', 'retransmission', 'authentication_refresh'].map(of), [9, 2, 1]);
});

for (const name of ['mdraid', 'xfs', 'nfs'])
  test(`${name}: a host that has none shows none, and that is no failure`, async () => {
    using files = new FixtureProc();
    await using collector = await load(name, files);
    const shown = [...(await collector.scrape()).keys()];
    assert.deepEqual(
      shown.filter((one) => !one.startsWith('huatuo_collector_')),
      [],
    );
  });
