/** Sockets of rtnetlink, which need no privileges, as long as a worker's run has them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetlinkOwner } from '../../src/kernel/netlink-owner.ts';
import { RingWatch } from '../../src/kernel/ring-watch.ts';
import { dump } from '../../src/netlink/dump.ts';
import { allLinks, linkMessage, RTM_GETLINK, RTNLGRP_LINK } from '../../src/netlink/link.ts';
import { NETLINK_ROUTE } from '../../src/netlink/message.ts';

test('all devices are read in one answer', async () => {
  using watch = new RingWatch();
  using owner = new NetlinkOwner(watch);
  const exchange = (request: Uint8Array) => owner.calls.request(NETLINK_ROUTE, request);
  const messages = await dump(exchange, RTM_GETLINK, allLinks());
  const names = messages.map((message) => linkMessage(message)?.link.name);
  assert.ok(names.includes('lo'), names.join());
});

test('a refusal of the kernel is an error with its name', async () => {
  using watch = new RingWatch();
  using owner = new NetlinkOwner(watch);
  const exchange = (request: Uint8Array) => owner.calls.request(NETLINK_ROUTE, request);
  const NO_SUCH_TYPE = 0x7ff2;
  await assert.rejects(dump(exchange, NO_SUCH_TYPE, new Uint8Array(16)), {
    code: 'KERNEL_FEATURE_MISSING',
    message: /EOPNOTSUPP/,
  });
});

test('whoever waits for notifications hears of the end of the subscription, and cannot ask again', async () => {
  using watch = new RingWatch();
  using owner = new NetlinkOwner(watch);
  const { calls } = owner;
  const id = await calls.netlinkSubscribe(NETLINK_ROUTE, [RTNLGRP_LINK]);
  const waiting = calls.netlinkReceive(id);
  await calls.netlinkUnsubscribe(id);
  assert.deepEqual(await waiting, { datagrams: [], lost: false });
  await assert.rejects(calls.netlinkReceive(id), { code: 'COLLECTOR_INVALID' });

  const left = await calls.netlinkSubscribe(NETLINK_ROUTE, [RTNLGRP_LINK]);
  const abandoned = calls.netlinkReceive(left);
  owner[Symbol.dispose]();
  assert.deepEqual(await abandoned, { datagrams: [], lost: false });
});

test('a worker cannot open sockets without end', async () => {
  using watch = new RingWatch();
  using owner = new NetlinkOwner(watch);
  for (let i = 0; i < 16; i++) await owner.calls.netlinkSubscribe(NETLINK_ROUTE, [RTNLGRP_LINK]);
  await assert.rejects(owner.calls.netlinkSubscribe(NETLINK_ROUTE, [RTNLGRP_LINK]), {
    code: 'COLLECTOR_INVALID',
  });
});

test('a group that there is not is refused with the protocol', async () => {
  using watch = new RingWatch();
  using owner = new NetlinkOwner(watch);
  await assert.rejects(owner.calls.netlinkSubscribe(NETLINK_ROUTE, [100_000]), {
    code: 'SYSCALL_FAILED',
    message: /group 100000 of protocol 0/,
  });
});

test('a device that is not there has no driver', async () => {
  using watch = new RingWatch();
  using owner = new NetlinkOwner(watch);
  assert.equal(await owner.calls.driverOf('no-such-device'), undefined);
});
