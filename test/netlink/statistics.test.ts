/** Counters of devices, qdiscs, PFC, RDMA and neighbours, in messages that are laid out as the kernel's headers say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HuatuoError } from '../../src/error.ts';
import { pfcIn, readPfc } from '../../src/netlink/dcb.ts';
import { linkStatistics } from '../../src/netlink/link-statistics.ts';
import { messagesIn } from '../../src/netlink/message.ts';
import { countNeighbours } from '../../src/netlink/neighbours.ts';
import { qdiscIn } from '../../src/netlink/qdisc.ts';
import { readHardwareDrops } from '../../src/netlink/queue-statistics.ts';
import { rdmaCounters, rdmaDevice, readRdmaCounters, readRdmaDevices } from '../../src/netlink/rdma.ts';
import { answering } from './answering.ts';
import {
  attribute,
  link,
  message,
  NLM_F_MULTI,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_NEWLINK,
  text,
  u8,
  u16,
  u32,
  u64,
} from './bytes.ts';

const DONE = message(NLMSG_DONE, NLM_F_MULTI, u32(0));
const EOPNOTSUPP = 95;
const refusal = (errno: number): Uint8Array => message(NLMSG_ERROR, 0, u32(-errno), Buffer.alloc(16));
const one = (datagram: Uint8Array) => messagesIn(datagram)[0]!;
const MALFORMED = { code: 'SOURCE_UNREADABLE' };

/** `struct rtnl_link_stats64` with these many fields: 1, 2, 3 … */
const statistics = (fields: number): Uint8Array =>
  attribute(23, ...Array.from({ length: fields }, (_, index) => u64(BigInt(index + 1))));

const device = (...attributes: readonly Uint8Array[]): Uint8Array =>
  message(RTM_NEWLINK, NLM_F_MULTI, link(2, 1, attribute(3, text('eth0')), ...attributes));

test('a device has its counters and its link', () => {
  const found = linkStatistics(
    one(
      device(
        attribute(4, u32(1500)),
        attribute(13, u32(1000)),
        attribute(16, u8(6)),
        attribute(33, u8(1)),
        attribute(35, u32(3)),
        attribute(47, u32(2)),
        attribute(48, u32(1)),
        statistics(25),
      ),
    ),
  );
  assert.deepEqual(found, {
    index: 2,
    name: 'eth0',
    isUp: true,
    operstate: 'up',
    carrier: true,
    carrierChanges: 3,
    carrierUps: 2,
    carrierDowns: 1,
    mtu: 1500,
    transmitQueueLength: 1000,
    master: undefined,
    bond: undefined,
    counters: {
      rx_packets: 1,
      tx_packets: 2,
      rx_bytes: 3,
      tx_bytes: 4,
      rx_errors: 5,
      tx_errors: 6,
      rx_dropped: 7,
      tx_dropped: 8,
      multicast: 9,
      collisions: 10,
      rx_length_errors: 11,
      rx_over_errors: 12,
      rx_crc_errors: 13,
      rx_frame_errors: 14,
      rx_fifo_errors: 15,
      rx_missed_errors: 16,
      tx_aborted_errors: 17,
      tx_carrier_errors: 18,
      tx_fifo_errors: 19,
      tx_heartbeat_errors: 20,
      tx_window_errors: 21,
      rx_compressed: 22,
      tx_compressed: 23,
      rx_nohandler: 24,
      rx_otherhost_dropped: 25,
    },
  });
});

test('counters that a kernel does not have are absent, those of a later one are passed over', () => {
  const of = (fields: number) => linkStatistics(one(device(statistics(fields))))?.counters;
  assert.equal(of(23)?.rx_nohandler, undefined);
  assert.equal(of(24)?.rx_nohandler, 24);
  assert.equal(of(24)?.rx_otherhost_dropped, undefined);
  assert.equal(Object.keys(of(40) ?? {}).length, 25);
  assert.throws(() => of(22), MALFORMED);
  assert.equal(linkStatistics(one(device()))?.counters, undefined);
});

test('a device that is not wanted is not read', () => {
  assert.equal(
    linkStatistics(one(device(statistics(1))), (name) => name !== 'eth0'),
    undefined,
  );
});

const ROOT = 0xffffffff;

/** `struct tcmsg`, kind and TCA_STATS2. */
function qdisc(parent: number, ...counters: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.alloc(20);
  head.writeInt32LE(7, 4);
  head.writeUInt32LE(parent, 12);
  return message(36, NLM_F_MULTI, head, attribute(1, text('fq_codel')), attribute(7, ...counters));
}

const BASIC = attribute(1, u64(9_007_199_254n), u32(11), u32(0));
const QUEUE = attribute(3, u32(1), u32(1514), u32(3), u32(4), u32(5));

test('a qdisc has its counters; packets have 64 bits where the kernel tells them', () => {
  const expected = {
    device: 7,
    kind: 'fq_codel',
    place: 'root',
    bytes: 9_007_199_254,
    packets: 11,
    queueLength: 1,
    backlog: 1514,
    drops: 3,
    requeues: 4,
    overlimits: 5,
  };
  assert.deepEqual(qdiscIn(one(qdisc(ROOT, BASIC, QUEUE))), expected);
  const packets = 5_000_000_000;
  assert.deepEqual(qdiscIn(one(qdisc(ROOT, BASIC, QUEUE, attribute(8, u64(BigInt(packets)))))), {
    ...expected,
    packets,
  });
  assert.equal(qdiscIn(one(qdisc(0xfffffff1, BASIC, QUEUE)))?.place, 'ingress');
  assert.equal(qdiscIn(one(qdisc(0x10001, BASIC, QUEUE)))?.place, 'inner');
  assert.equal(qdiscIn(one(qdisc(ROOT, BASIC))), undefined);
  assert.throws(() => qdiscIn(one(qdisc(ROOT, attribute(1, u32(1)), QUEUE))), MALFORMED);
});

/** `struct ieee_pfc` behind `struct dcbmsg`. */
function pfc(sent: (priority: number) => bigint, received: (priority: number) => bigint): Uint8Array {
  const priorities = [0, 1, 2, 3, 4, 5, 6, 7];
  const struct = Buffer.concat([
    Buffer.alloc(8),
    ...priorities.map((priority) => u64(sent(priority))),
    ...priorities.map((priority) => u64(received(priority))),
  ]);
  return Buffer.concat([
    Uint8Array.of(0, 21, 0, 0),
    attribute(1, text('eth0')),
    attribute(13 | 0x8000, attribute(2, struct)),
  ]);
}

test('PFC has a number for each priority, in both directions', async () => {
  const payload = pfc(
    (priority) => BigInt(priority),
    (priority) => BigInt(100 + priority),
  );
  const expected = { sent: [0, 1, 2, 3, 4, 5, 6, 7], received: [100, 101, 102, 103, 104, 105, 106, 107] };
  assert.deepEqual(pfcIn(payload), expected);
  const kernel = answering({ 78: [message(78, 0, payload)] });
  assert.deepEqual(await readPfc(kernel, 'eth0'), expected);
  const [request] = kernel.requests;
  assert.deepEqual(
    Buffer.from(request!.subarray(16)),
    Buffer.from([0, 21, 0, 0, 9, 0, 1, 0, ...Buffer.from('eth0\0\0\0\0')]),
  );
});

test('a device without PFC, or a kernel, has none; another refusal is an error', async () => {
  assert.equal(pfcIn(Uint8Array.of(0, 21, 0, 0)), undefined);
  assert.equal(await readPfc(answering({ 78: [refusal(EOPNOTSUPP)] }), 'eth0'), undefined);
  await assert.rejects(readPfc(answering({ 78: [refusal(19)] }), 'eth0'), {
    code: 'SYSCALL_FAILED',
    message: /ENODEV/,
  });
});

const RDMA_GET = (5 << 10) + 1;
const RDMA_STAT_GET = (5 << 10) + 17;
const rdma = Buffer.concat([
  attribute(1, u32(3)),
  attribute(2, text('mlx5_0')),
  attribute(3, u32(2)),
  attribute(6, u64(0x506b4b0300fca1b2n)),
]);
const hardwareCounter = (name: string, value: bigint): Uint8Array =>
  attribute(81 | 0x8000, attribute(82, text(name)), attribute(83, u64(value)));

test('RDMA devices and the counters of a port', async () => {
  const counters = attribute(
    80 | 0x8000,
    hardwareCounter('out_of_sequence', 17n),
    hardwareCounter('np_cnp_sent', 5_000_000_000n),
  );
  const kernel = answering({
    [RDMA_GET]: [message(RDMA_GET, NLM_F_MULTI, rdma), DONE],
    [RDMA_STAT_GET]: [message(RDMA_STAT_GET, 0, attribute(1, u32(3)), counters)],
  });
  assert.deepEqual(await readRdmaDevices(kernel), [
    { index: 3, name: 'mlx5_0', nodeGuid: '506b:4b03:00fc:a1b2', ports: 2 },
  ]);
  assert.deepEqual(await readRdmaCounters(kernel, 3, 2), [
    { name: 'out_of_sequence', value: 17 },
    { name: 'np_cnp_sent', value: 5_000_000_000 },
  ]);
  assert.deepEqual(kernel.protocols, [20, 20]);
});

test('a kernel without RDMA has no devices, a device without counters none', async () => {
  const without = answering({}, new HuatuoError('KERNEL_FEATURE_MISSING', { found: 'no', remedy: 'none' }));
  assert.equal(await readRdmaDevices(without), undefined);
  assert.equal(
    await readRdmaCounters(answering({ [RDMA_STAT_GET]: [refusal(EOPNOTSUPP)] }), 0, 1),
    undefined,
  );
  assert.deepEqual(rdmaCounters(attribute(1, u32(3))), []);
  assert.equal(rdmaDevice(attribute(1, u32(3))), undefined);
});

/** Of Linux 6.18 with a virtio_net that does not count its drops. */
const RECORDED_FAMILY = '1c0000001000000000000000d14f0000010200000600010014000000';
const RECORDED_QUEUES =
  '4c0000001400000000000000d14f00000c010000080001000400000008000800bf27010008000900bba8d2b308000a00d1ce000008000b007fae5c0008002100000000000800220000000000140000000300020000000000d14f000000000000';

test('drops of a device by its index; a driver that counts none, or a kernel, has none', async () => {
  const family = [Buffer.from(RECORDED_FAMILY, 'hex')];
  const recorded = answering({ 16: family, 20: [Buffer.from(RECORDED_QUEUES, 'hex')] });
  assert.deepEqual(await readHardwareDrops(recorded), new Map());
  assert.deepEqual(recorded.protocols, [16, 16]);

  const head = Uint8Array.of(12, 1, 0, 0);
  const drops = (index: number, value: Uint8Array): Uint8Array =>
    message(20, NLM_F_MULTI, head, attribute(1, u32(index)), attribute(13, value));
  const counting = answering({ 16: family, 20: [drops(4, u32(17)), drops(5, u64(5_000_000_000n)), DONE] });
  assert.deepEqual(
    await readHardwareDrops(counting),
    new Map([
      [4, 17],
      [5, 5_000_000_000],
    ]),
  );

  const ENOENT = 2;
  assert.equal(await readHardwareDrops(answering({ 16: [refusal(ENOENT)] })), undefined);
});

test('neighbours are counted by family and state', async () => {
  const neighbour = (family: number, state: number): Uint8Array =>
    message(28, NLM_F_MULTI, u8(family), Buffer.alloc(7), u16(state), u16(0));
  const all = [neighbour(2, 2), neighbour(2, 2), neighbour(10, 0x40), neighbour(10, 0), neighbour(7, 2)];
  const kernel = answering({ 30: [Buffer.concat(all), DONE] });
  assert.deepEqual(await countNeighbours(kernel), [
    { family: 'ipv4', state: 'reachable', entries: 2 },
    { family: 'ipv6', state: 'noarp', entries: 1 },
    { family: 'ipv6', state: 'none', entries: 1 },
  ]);
  await assert.rejects(
    countNeighbours(answering({ 30: [message(28, NLM_F_MULTI, u32(2)), DONE] })),
    MALFORMED,
  );
});

test('no bytes make the readers do anything but answer or refuse', () => {
  const whole = [
    Buffer.from(device(statistics(25))),
    Buffer.from(qdisc(ROOT, BASIC, QUEUE)),
    message(
      1,
      0,
      pfc(
        () => 1n,
        () => 2n,
      ),
    ),
    message(1, 0, rdma),
  ].map((bytes) => Buffer.from(bytes.subarray(16)));
  const damaged = fc
    .tuple(fc.constantFrom(...whole), fc.array(fc.tuple(fc.nat(), fc.nat(255))), fc.nat())
    .map(([bytes, changes, end]) => {
      const copy = Buffer.from(bytes);
      for (const [at, value] of changes) copy[at % copy.byteLength] = value;
      return copy.subarray(0, copy.byteLength - (end % 8));
    });
  const readers = [
    (payload: Buffer) => linkStatistics({ type: RTM_NEWLINK, flags: 0, payload }),
    (payload: Buffer) => qdiscIn({ type: 36, flags: 0, payload }),
    pfcIn,
    rdmaDevice,
    rdmaCounters,
  ];
  fc.assert(
    fc.property(damaged, (payload) => {
      for (const read of readers) {
        try {
          read(payload);
        } catch (error) {
          assert.equal((error as HuatuoError).code, 'SOURCE_UNREADABLE');
        }
      }
    }),
  );
});
