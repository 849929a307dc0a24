/** Records what net_rx_latency.test.ts replays. By hand and as root, when the struct has changed: HUATUO_RECORD=1. */

import { CollectorHarness } from '../../support/collector-harness.ts';
import { record } from '../../support/ring-recording.ts';
import { RxStage } from '../../support/rx-stage.ts';

await using collector = await CollectorHarness.load('net_rx_latency');
for (const family of [4, 6] as const) {
  await using stage = await RxStage.set(collector, family, `${family}`.repeat(64));
  await stage.holdInGro(20_000_000);
  await stage.established();
  // Late in the stack and at TCP, then at the reader.
  await stage.send(1, 40_000);
  await stage.read();
  await stage.sendWhileStopped(3, 200);
}
record('net_rx_latency', collector.records());
