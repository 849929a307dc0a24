/** Real devices that come, change and go: pairs of veth and an ifb, in a network namespace of the test's own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { eventually } from '../../support/eventually.ts';
import { inOwnNetwork, ip, ipBatch } from '../../support/own-network.ts';
import { samplesOf, sampleValue } from '../../support/prometheus-text.ts';

interface Told {
  readonly ifname: string;
  readonly changes: readonly string[];
  readonly [field: string]: unknown;
}

const toldBy = ({ saved }: CollectorHarness): Told[] => saved.map(({ data }) => data as Told);

/** Waits for a change of a device. */
function until(collector: CollectorHarness, ifname: string, change: string): Promise<Told> {
  return eventually(
    `${change} of ${ifname}`,
    () => toldBy(collector).find((told) => told.ifname === ifname && told.changes.includes(change)),
    { last: () => JSON.stringify([toldBy(collector), collector.logged]) },
  );
}

/** Starts the collector and waits until it listens: what is made before is there already. */
async function started(options: Readonly<Record<string, unknown>>): Promise<CollectorHarness> {
  const collector = await CollectorHarness.load('netdev_events', {
    options: { report_start: true, ...options },
  });
  void collector.start();
  return collector;
}

inOwnNetwork(import.meta.url, () => {
  test('the life of a device is told: added, up, carrier, changed, renamed, moved, removed', async () => {
    await using collector = await started({ exclude: [] });
    await until(collector, 'lo', 'admindown');

    ip('link add name va type veth peer name vb');
    const added = await until(collector, 'va', 'added');
    assert.deepEqual(
      [added.start, added.kind, added.driver, added.linkstatus],
      [false, 'veth', 'veth', 'linkstatus_admindown,linkstatus_carrierdown'],
    );
    assert.match(String(added.mac), /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);

    ip('link set va up');
    ip('link set vb up');
    await until(collector, 'va', 'adminup');
    const carrier = await until(collector, 'va', 'carrierup');
    assert.equal(carrier.driver_version, added.driver_version);
    assert.ok(Number(carrier.carrier_changes) >= 1);

    ip('link set vb down');
    const severityOf = (changes: string): string | undefined =>
      collector.saved.find(({ data }) => {
        const told = data as Told;
        return told.ifname === 'va' && told.changes.join() === changes;
      })?.severity;
    await eventually('the carrier of va to be lost', () => severityOf('carrierdown') === 'warning');
    assert.equal(severityOf('added,admindown,carrierdown'), 'info');

    ip('link set va mtu 1400');
    const { mtu, previous_mtu } = await until(collector, 'va', 'mtu');
    assert.deepEqual([mtu, previous_mtu], [1400, 1500]);

    ip('link set va address 02:00:00:00:00:07');
    const { mac, previous_mac } = await until(collector, 'va', 'address');
    assert.deepEqual([mac, previous_mac], ['02:00:00:00:00:07', added.mac]);

    ip('link set va down');
    ip('link set va name vc');
    const renamed = await until(collector, 'vc', 'renamed');
    assert.deepEqual([renamed.previous_ifname, renamed.index], ['va', added.index]);

    ip('link del vc');
    const removed = await until(collector, 'vc', 'removed');
    assert.deepEqual([removed.index, removed.driver], [added.index, 'veth']);
    await until(collector, 'vb', 'removed');

    const page = await collector.scrape();
    const labels = { device: 'va', driver: 'veth' };
    const prefix = 'huatuo_bamai_netdev_events_linkstatus';
    assert.equal(sampleValue(page, `${prefix}_adminup_total`, labels), 1);
    assert.ok(Number(sampleValue(page, `${prefix}_carrierdown_total`, labels)) >= 1);
    assert.equal(sampleValue(page, 'huatuo_netdev_changes_total', { device: 'va', change: 'mtu' }), 1);
    assert.equal(sampleValue(page, 'huatuo_netdev_notification_losses_total', {}), 0);
  });

  test('devices that are not meant are not told of, and patterns are of whole names', async () => {
    await using collector = await started({ include: ['i.*', 'lo'], exclude: ['ifb2'] });
    await until(collector, 'lo', 'admindown');
    for (const name of ['ifb1', 'ifb2', 'myifb']) ip(`link add name ${name} type ifb`);
    ip('link add name ifb3 type ifb');
    await until(collector, 'ifb3', 'added');
    assert.deepEqual(
      toldBy(collector).map(({ ifname }) => ifname),
      ['lo', 'ifb1', 'ifb3'],
    );
    for (const name of ['ifb1', 'ifb2', 'ifb3', 'myifb']) ip(`link del ${name}`);
  });

  test('a device that flaps costs no more than its budget, is counted, and its end is told', async () => {
    await using collector = await started({ max_events_per_minute: 4 });
    await until(collector, 'lo', 'admindown');
    ip('link add name flappy type ifb');
    for (let round = 0; round < 20; round++)
      for (const state of ['up', 'down']) ip(`link set flappy ${state}`);
    ip('link set flappy up');
    const of = (): Told[] => toldBy(collector).filter(({ ifname }) => ifname === 'flappy');
    const suppressed = async (): Promise<number> =>
      Number(
        sampleValue(await collector.scrape(), 'huatuo_netdev_suppressed_changes_total', { device: 'flappy' }),
      );
    const name = 'huatuo_bamai_netdev_events_linkstatus_adminup_total';
    await eventually(
      'all changes to be counted',
      async () => samplesOf(await collector.scrape(), name, { device: 'flappy' })[0]?.value === 21,
    );
    assert.equal(of().length, 4);
    const held = await suppressed();
    assert.ok(held >= 37, `${held} changes were held back`);

    await collector.clock.advance(61);
    const last = await until(collector, 'flappy', 'flapping');
    assert.equal(of().length, 5);
    assert.equal(last.suppressed_changes, held - 1);
    assert.equal(last.operstate === 'down', false, 'it is up in the end');
    ip('link del flappy');
  });

  test('what happened between two runs of the thread is found by comparison', async () => {
    ip('link add name stays type ifb');
    await using first = await started({});
    await until(first, 'stays', 'admindown');
    const links = first.ctx.state.get<{ readonly name: string; readonly index: number }[]>();
    const stays = links?.find(({ name }) => name === 'stays');
    assert.ok(stays);

    await using second = await CollectorHarness.load('netdev_events');
    second.ctx.state.set([...(links ?? []), { ...stays, name: 'went', index: stays.index + 100 }]);
    ip('link set stays up');
    void second.start();
    const [up, went] = await Promise.all([
      until(second, 'stays', 'adminup'),
      until(second, 'went', 'removed'),
    ]);
    assert.deepEqual([up.start, went.start, toldBy(second).length], [true, true, 2]);
    ip('link del stays');
  });

  test('lost notifications are counted, and what they told of is found by reading all devices', async () => {
    await using collector = await started({ max_events_per_minute: 0 });
    await until(collector, 'lo', 'admindown');
    // By one call of ip(8), while this thread, which reads the notifications, waits for it.
    ipBatch(Array.from({ length: 4000 }, (_, i) => `link set lo mtu ${10_000 + i}\n`).join(''));
    const { start } = await eventually('the last change', () =>
      toldBy(collector).find(({ ifname, mtu }) => ifname === 'lo' && mtu === 13_999),
    );
    assert.equal(start, true);
    const page = await collector.scrape();
    assert.ok(sampleValue(page, 'huatuo_netdev_notification_losses_total', {}) > 0);
    assert.deepEqual(
      collector.ctx.state.get<{ name: string; mtu: number }[]>()?.map(({ name, mtu }) => [name, mtu]),
      [['lo', 13_999]],
    );
  });
});
