/**
 * The real program on a device that the test makes up in the kernel's memory, by the kernel's own layout: no driver here can
 * be made to hang.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CollectorHarness } from '../../support/collector-harness.ts';
import { skipWithoutKernelType } from '../../support/kernel.ts';
import { KernelMemory, runProgram } from '../../support/kernel-memory.ts';
import { sampleValue } from '../../support/prometheus-text.ts';

const skip = skipWithoutKernelType('btf_trace_net_dev_xmit_timeout');
const NETNS = 4_026_540_000;

/** @returns the address of a `struct net_device` @param driver without one it is virtual */
function device(memory: KernelMemory, name: string, driver?: string): bigint {
  const net = Buffer.alloc(memory.offset('net.inum') + 4);
  net.writeUInt32LE(NETNS, memory.offset('net.inum'));
  const bytes = Buffer.alloc(4096);
  bytes.write(name, memory.offset('net_device.name'));
  bytes.writeInt32LE(7, memory.offset('net_device.ifindex'));
  bytes.writeBigUInt64LE(memory.put(net), memory.offset('net_device.nd_net'));
  if (driver !== undefined) {
    const driverName = Buffer.alloc(8);
    driverName.writeBigUInt64LE(memory.text(driver));
    const parent = Buffer.alloc(memory.offset('device.driver') + 8);
    parent.writeBigUInt64LE(memory.put(driverName), memory.offset('device.driver'));
    bytes.writeBigUInt64LE(memory.put(parent), memory.offset('net_device.parent'));
  }
  return memory.put(bytes);
}

test('a queue that hangs is told with device, driver and namespace, and counted', { skip }, async () => {
  await using collector = await CollectorHarness.load('netdev_txqueue_timeout');
  using memory = await KernelMemory.allocate();
  runProgram('timed_out', [device(memory, 'eth3', 'mlx5_core'), 5n]);
  runProgram('timed_out', [device(memory, 'dummy0'), 0n]);
  const documents = await collector.documents();
  assert.deepEqual(
    documents.map(({ data }) => data),
    [
      {
        queue_index: 5,
        index: 7,
        net_namespace: `net:[${NETNS}]`,
        device_name: 'eth3',
        driver_name: 'mlx5_core',
      },
      { queue_index: 0, index: 7, net_namespace: `net:[${NETNS}]`, device_name: 'dummy0' },
    ],
  );
  assert.equal(documents[0]?.fields.severity, 'critical');
  assert.equal(sampleValue(await collector.scrape(), 'huatuo_netdev_txqueue_timeouts_total', {}), 2);
  await collector.recordMaps();
});

test('more than the rate allows are counted, and not written', { skip }, async () => {
  await using collector = await CollectorHarness.load('netdev_txqueue_timeout', {
    options: { max_events_per_second_per_cpu: 1 },
  });
  using memory = await KernelMemory.allocate();
  const address = device(memory, 'eth3');
  const runs = 6;
  for (let i = 0; i < runs; i++) runProgram('timed_out', [address, 0n]);
  // Runs may be on several CPUs and take longer than a second.
  const documents = await collector.documents();
  assert.ok(documents.length >= 1 && documents.length <= runs);
  assert.equal(sampleValue(await collector.scrape(), 'huatuo_netdev_txqueue_timeouts_total', {}), runs);
});
