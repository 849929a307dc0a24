/**
 * What it costs a document to say whose it is: the same records decoded with a full description of their containers and,
 * in turns, as the host's. The table holds a thousand other containers beside the 64 that are met.
 */

import { wallOffset_ns } from '../../src/actor/clock.ts';
import { OWNER } from '../../src/decoder/lookup-kinds.ts';
import { containerFragment } from '../../src/decoder/owner-fragment.ts';
import type { Container } from '../../src/sdk/container.ts';
import { atMost, median, type Row } from './report.ts';
import { TickRing } from './tick-ring.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const ROUNDS = 30;
const WARM_UP_ROUNDS = 5;
const CGROUPS = 64;
const OTHERS = 1000;
const GOAL_NS = 30;

export async function benchContainers({ progress }: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace();
  using ring = await TickRing.open(await workspace.build('test/bench/tick.bpf.c'));
  const cost_ns: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const host = decode(ring, () => '');
    const named = decode(ring, (id) => containerFragment(container(id)));
    if (round >= 0) cost_ns.push(named - host);
  }
  const bytes = Buffer.byteLength(containerFragment(container(1)));
  const cost = median(cost_ns);
  progress(`containers: ${cost.toFixed(1)} ns for ${bytes} bytes, median of ${ROUNDS} rounds`);
  return [
    {
      name: 'containers, in each document',
      measured: `${cost.toFixed(1)} ns for ${bytes} bytes, median of ${ROUNDS}`,
      goal: `≤ ${GOAL_NS} ns`,
      ...atMost(cost, GOAL_NS),
    },
  ];
}

/** @returns nanoseconds for one document */
function decode(ring: TickRing, fragment: (cgroup: number) => string): number {
  const { decoder } = ring;
  decoder.clearLookups();
  for (let id = 1; id <= CGROUPS + OTHERS; id++)
    decoder.addLookup({ kind: OWNER, key: BigInt(id), process: 0 }, fragment(id));
  const documents = ring.fill();
  const start = performance.now();
  for (let status = 'output_full'; status === 'output_full'; ) {
    decoder.beginBatch('2026-01-01T00:00:00.000Z', wallOffset_ns());
    ({ status } = decoder.decode());
  }
  const elapsed_ns = (performance.now() - start) * 1e6;
  ring.empty();
  return elapsed_ns / documents;
}

/** As kubelet describes one. */
function container(number: number): Container {
  const id = number.toString(16).padStart(64, '0');
  return {
    id,
    runtime: 'containerd',
    hostname: `checkout-6f7c9d8b5-${number}`,
    name: 'checkout',
    image: 'registry.example.org/shop/checkout:2.14.1',
    podName: `checkout-6f7c9d8b5-${number}`,
    hostNamespace: 'shop',
    labels: {},
    type: 'normal',
    qos: 'burstable',
    cgroups: {},
    cgroupIds: [],
  };
}
