import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dump } from '../../src/netlink/dump.ts';
import { isContinued } from '../../src/netlink/message.ts';
import { watchLinks } from '../../src/netlink/watch-links.ts';
import type { Netlink, NetlinkNotifications } from '../../src/sdk/netlink.ts';
import {
  attribute,
  link,
  message,
  NLM_F_DUMP_INTR,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_DELLINK,
  RTM_NEWLINK,
  text,
  u32,
} from './bytes.ts';

const device = (index: number, name: string, flags = 0): Uint8Array =>
  message(RTM_NEWLINK, NLM_F_MULTI | flags, link(index, 1, attribute(3, text(name))));
const done = (errno = 0): Uint8Array => message(NLMSG_DONE, NLM_F_MULTI, u32(errno));

/** Answers one request after the other. */
function answers(...all: readonly (readonly Uint8Array[])[]): {
  asked: number;
  exchange: Netlink['request'];
} {
  const self = {
    asked: 0,
    exchange: async () => {
      const answer = all[Math.min(self.asked, all.length - 1)] ?? [];
      self.asked += 1;
      return answer;
    },
  };
  return self;
}

const read = (exchange: Netlink['request']) =>
  dump((request) => exchange(0, request), 18, new Uint8Array(16));

test('an answer of several datagrams is read to its end', async () => {
  const parts = [Buffer.concat([device(1, 'a'), device(2, 'b')]), device(3, 'c'), done()];
  assert.deepEqual(parts.map(isContinued), [true, true, false]);
  assert.equal((await read(answers(parts).exchange)).length, 3);
});

test('an answer that something changed under is asked for again', async () => {
  const kernel = answers([device(1, 'a', NLM_F_DUMP_INTR), done()], [device(1, 'a'), device(2, 'b'), done()]);
  assert.equal((await read(kernel.exchange)).length, 2);
  assert.equal(kernel.asked, 2);
});

test('one that is never whole is given up, and says so', async () => {
  const kernel = answers([device(1, 'a', NLM_F_DUMP_INTR), done()]);
  await assert.rejects(read(kernel.exchange), { code: 'SYSCALL_FAILED', message: /interrupted .* 5 times/ });
});

test("the kernel's refusal is an error with its name, at once or on the way", async () => {
  const refused = answers([message(NLMSG_ERROR, 0, u32(-1), Buffer.alloc(16))]);
  await assert.rejects(read(refused.exchange), { code: 'SYSCALL_FAILED', message: /EPERM/ });
  const failed = answers([device(1, 'a'), done(-12)]);
  await assert.rejects(read(failed.exchange), { code: 'SYSCALL_FAILED', message: /ENOMEM/ });
});

test('all devices first, then each change, and all again when notifications were lost', async () => {
  const kernel = answers([device(1, 'lo'), done()], [device(1, 'lo'), device(3, 'eth1'), done()]);
  const notifications: (NetlinkNotifications | undefined)[] = [
    { datagrams: [device(2, 'eth0')], lost: false },
    { datagrams: [message(RTM_DELLINK, 0, link(2, 0, attribute(3, text('eth0'))))], lost: false },
    { datagrams: [], lost: true },
    undefined,
  ];
  let disposed = 0;
  const netlink: Netlink = {
    request: kernel.exchange,
    driverOf: async () => undefined,
    driverCounters: async () => undefined,
    subscribe: async (protocol, groups) => {
      assert.deepEqual([protocol, groups, kernel.asked], [0, [1], 0], 'it listens before it asks');
      return {
        next: async () => notifications.shift(),
        [Symbol.asyncDispose]: async () => {
          disposed += 1;
        },
      };
    },
  };
  const told: string[] = [];
  for await (const news of watchLinks(netlink))
    told.push(
      news.type === 'all'
        ? `all ${news.links.map(({ name }) => name)} ${news.lost}`
        : `${news.type} ${news.link.name}`,
    );
  assert.deepEqual(told, ['all lo false', 'present eth0', 'gone eth0', 'all lo,eth1 true']);
  assert.equal(disposed, 1);
});
