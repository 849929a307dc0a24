/** Messages of rtnetlink through the real reader and the real collector, without privileges: what real devices do not do on demand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeviceDriver, NetlinkNotifications } from '../../../src/sdk/netlink.ts';
import {
  attribute,
  link,
  message,
  NLM_F_MULTI,
  NLMSG_DONE,
  RTM_DELLINK,
  RTM_NEWLINK,
  text,
  u8,
  u32,
} from '../../netlink/bytes.ts';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { sampleValue } from '../../support/prometheus-text.ts';

const DRIVER: DeviceDriver = {
  driver: 'mlx5_core',
  version: '6.1.0',
  firmwareVersion: '16.35',
  bus: '0000:3b:00.0',
};

interface Shape {
  readonly carrier?: number;
  readonly up?: boolean;
  readonly more?: Uint8Array;
}

function device(type: number, index: number, name: string, shape: Shape = {}): Uint8Array {
  const { carrier = 1, up = true, more = new Uint8Array() } = shape;
  return message(
    type,
    NLM_F_MULTI,
    link(
      index,
      up ? 1 : 0,
      attribute(3, text(name)),
      attribute(4, u32(1500)),
      attribute(33, u8(carrier)),
      more,
    ),
  );
}
const present = (index: number, name: string, shape?: Shape): Uint8Array =>
  device(RTM_NEWLINK, index, name, shape);

/** Runs the collector over these notifications, behind a dump of eth0, until it waits for more. */
async function run(
  notifications: readonly Uint8Array[],
  options: Readonly<Record<string, unknown>> = {},
): Promise<CollectorHarness> {
  const waiting: NetlinkNotifications[] = notifications.map((datagram) => ({
    datagrams: [datagram],
    lost: false,
  }));
  const waits = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<undefined>();
  const collector = await CollectorHarness.load('netdev_events', {
    options,
    netlink: {
      request: async () => [present(2, 'eth0'), message(NLMSG_DONE, NLM_F_MULTI, u32(0))],
      driverOf: async (name) => (name.startsWith('eth') ? DRIVER : undefined),
      driverCounters: async () => undefined,
      subscribe: async () => ({
        async next() {
          const news = waiting.shift();
          if (!news) waits.resolve();
          return news ?? stopped.promise;
        },
        [Symbol.asyncDispose]: async () => undefined,
      }),
    },
  });
  collector.ctx.signal.addEventListener('abort', () => stopped.resolve(undefined));
  await Promise.race([collector.start(), waits.promise]);
  return collector;
}

test('hardware that loses its carrier is a warning with driver and firmware, and counted by them', async () => {
  await using collector = await run([present(2, 'eth0', { carrier: 0 })]);
  const [{ severity, data } = { data: {} }, ...others] = collector.saved;
  assert.deepEqual(others, []);
  assert.equal(severity, 'warning');
  assert.deepEqual(data, {
    ifname: 'eth0',
    index: 2,
    changes: ['carrierdown'],
    linkstatus: 'linkstatus_carrierdown',
    start: false,
    mtu: 1500,
    driver: 'mlx5_core',
    driver_version: '6.1.0',
    firmware_version: '16.35',
    bus: '0000:3b:00.0',
  });
  const labels = {
    device: 'eth0',
    driver: 'mlx5_core',
    driver_version: '6.1.0',
    firmware_version: '16.35',
  };
  const page = await collector.scrape();
  assert.equal(sampleValue(page, 'huatuo_bamai_netdev_events_linkstatus_carrierdown_total', labels), 1);
});

test('what was there before is not told, nor is what says the same again', async () => {
  await using collector = await run([present(2, 'eth0'), present(2, 'eth0')]);
  assert.deepEqual(collector.saved, []);
});

test('a device that is set down on purpose, or moved to another namespace, is no warning; one that is gone is', async () => {
  await using collector = await run([
    present(2, 'eth0', { up: false, carrier: 0 }),
    device(RTM_DELLINK, 2, 'eth0', { more: attribute(49, u32(5)) }),
    present(3, 'eth1'),
    device(RTM_DELLINK, 3, 'eth1'),
    device(RTM_DELLINK, 77, 'unheard-of'),
  ]);
  assert.deepEqual(
    collector.saved.map(({ severity, data }) => [severity, (data as { changes: string[] }).changes.join()]),
    [
      ['info', 'admindown,carrierdown'],
      ['info', 'moved'],
      ['info', 'added,adminup,carrierup'],
      ['warning', 'removed'],
    ],
  );
});

test('a device that is renamed out of what is watched is told of for the last time', async () => {
  await using collector = await run([present(2, 'old0'), present(2, 'old0', { carrier: 0 })], {
    include: ['eth.*'],
  });
  assert.deepEqual(
    collector.saved.map(({ data }) => (data as { changes: string[] }).changes.join()),
    ['renamed'],
  );
});

test('what is no regular expression is refused where the configuration is read', async () => {
  for (const options of [{ include: ['eth['] }, { exclude: ['a)|(b'] }])
    await assert.rejects(run([], options), { code: 'CONFIG_INVALID', message: /clude/ });
});

test('devices beyond the bound are counted, and not looked at', async () => {
  const many = Array.from({ length: 1100 }, (_, i) => present(10 + i, `many${i}`));
  await using collector = await run(many);
  assert.equal(collector.saved.length, 1023, 'eth0 was there before');
  assert.equal(sampleValue(await collector.scrape(), 'huatuo_netdev_untracked_changes_total', {}), 77);
});

test('what is held back of one that flaps is told when the collector is stopped', async () => {
  const states = [0, 1, 0, 1, 0].map((carrier) => present(2, 'eth0', { carrier }));
  await using collector = await run(states, { max_events_per_minute: 2 });
  assert.equal(collector.saved.length, 2);
  await collector.stop();
  assert.equal(collector.saved.length, 3);
  assert.partialDeepStrictEqual(collector.saved[2]?.data, {
    changes: ['carrierdown', 'flapping'],
    suppressed_changes: 2,
  });
});

test('one that is made and removed all the time has one budget under its name', async () => {
  const churn = Array.from({ length: 20 }, (_, i) => [
    present(10 + i, 'churn0'),
    device(RTM_DELLINK, 10 + i, 'churn0'),
  ]).flat();
  await using collector = await run(churn, { max_events_per_minute: 3 });
  assert.equal(collector.saved.length, 3);
  await collector.clock.advance(61);
  assert.equal(collector.saved.length, 4);
  assert.partialDeepStrictEqual(collector.saved[3]?.data, {
    changes: ['removed', 'flapping'],
    suppressed_changes: 36,
  });
});
