/** How requests of the pool take turns in front of a kernel that a test makes up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { type Remote, wrap } from '../../src/actor/rpc.ts';
import { PoolNetlink } from '../../src/kernel/pool-netlink.ts';
import type { NetlinkRequests } from '../../src/sdk/netlink.ts';
import { eventually } from '../support/eventually.ts';

class Kernel implements NetlinkRequests {
  /** Devices asked for, in order. */
  readonly asked: string[] = [];
  readonly #answers = new Map<string, () => void>();

  /** Hangs until it is told to answer. */
  async driverOf(device: string): Promise<undefined> {
    this.asked.push(device);
    await new Promise<void>((resolve) => this.#answers.set(device, resolve));
  }

  async answer(device: string): Promise<void> {
    (await eventually(`a request for ${device}`, () => this.#answers.get(device)))();
  }

  request = async (): Promise<never> => Promise.reject(new Error('not asked here'));
  driverCounters = async (): Promise<never> => Promise.reject(new Error('not asked here'));
}

function connect(netlink: PoolNetlink): { readonly calls: Remote<NetlinkRequests>; close(): void } {
  const { port1, port2 } = new MessageChannel();
  netlink.answer(port2);
  return { calls: wrap<NetlinkRequests>(port1), close: () => port1.close() };
}

const requests = (kernel: Kernel): NetlinkRequests => ({
  request: kernel.request,
  driverOf: (device) => kernel.driverOf(device),
  driverCounters: kernel.driverCounters,
});

test('one request at a time is in the kernel, whichever thread asks', async () => {
  const kernel = new Kernel();
  using netlink = new PoolNetlink(requests(kernel));
  const [a, b] = [connect(netlink), connect(netlink)];
  const both = [a.calls.driverOf('first'), b.calls.driverOf('second')];
  await eventually('the first request', () => kernel.asked.length > 0);
  assert.equal(kernel.asked.length, 1);
  await kernel.answer(kernel.asked[0]!);
  await eventually('the second request', () => kernel.asked.length === 2);
  await kernel.answer(kernel.asked[1]!);
  await Promise.all(both);
  a.close();
  b.close();
});

test('what waited too long is not asked when its turn comes, nor is that of a thread that ended', async () => {
  const kernel = new Kernel();
  using netlink = new PoolNetlink(requests(kernel), 500);
  const [a, b] = [connect(netlink), connect(netlink)];
  const hung = assert.rejects(a.calls.driverOf('hangs'), { code: 'DEADLINE_EXCEEDED' });
  await eventually('the request that hangs', () => kernel.asked.length === 1);
  const late = assert.rejects(a.calls.driverOf('late'), { code: 'DEADLINE_EXCEEDED' });
  const gone = assert.rejects(b.calls.driverOf('gone'), { code: 'WORKER_EXITED' });
  b.close();
  await Promise.all([hung, late, gone]);
  await assert.rejects(a.calls.driverOf('refused'), { code: 'OVERLOADED', message: /hangs in the kernel/ });

  await kernel.answer('hangs');
  const next = eventually('a turn after that', () =>
    a.calls.driverOf('next').then(
      () => true,
      () => false,
    ),
  );
  await kernel.answer('next');
  await next;
  assert.deepEqual(kernel.asked, ['hangs', 'next']);
  a.close();
});

test('more than may wait are refused at once', async () => {
  const kernel = new Kernel();
  using netlink = new PoolNetlink(requests(kernel), 500);
  const { calls, close } = connect(netlink);
  const all = await Promise.allSettled(Array.from({ length: 100 }, (_, n) => calls.driverOf(`device ${n}`)));
  const codes = all.map((one) =>
    one.status === 'rejected' ? (one.reason as { code: string }).code : 'fine',
  );
  assert.ok(codes.includes('OVERLOADED'));
  assert.ok(codes.filter((code) => code === 'DEADLINE_EXCEEDED').length >= 64);
  await kernel.answer('device 0');
  close();
});
