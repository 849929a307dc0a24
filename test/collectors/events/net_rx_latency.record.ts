/** Records what net_rx_latency.test.ts replays. By hand and as root, when the struct has changed: HUATUO_RECORD=1. */

import { CollectorHarness } from '../../support/collector-harness.ts';
import { record } from '../../support/ring-recording.ts';
import { idOf, RxStage } from '../../support/rx-stage.ts';

await using collector = await CollectorHarness.load('net_rx_latency', {
  options: { netif_threshold: '1ns', tcp_threshold: '1ns', usercopy_threshold: '1ns' },
});
const records: Buffer[] = [];
for (const family of [4, 6] as const) {
  await using stage = await RxStage.set(collector, family, idOf(family, 'a'));
  await stage.established();
  await stage.send(1);
  await stage.read();
  const inode = Buffer.alloc(4);
  inode.writeUInt32LE(stage.pair.server.netns);
  records.push(...collector.records().filter((bytes) => bytes.includes(inode)));
}
record('net_rx_latency', records);
