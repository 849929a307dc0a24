/**
 * What a look-up costs that hits: frames of a kernel stack, as many as a busy host has, in a table that is nearly full. The same
 * records with empty stacks are decoded in turns.
 */
import { Decoder } from '../../src/decoder/decoder.ts';
import { layoutOf } from '../support/decoder-layouts.ts';
import { moduleFor } from '../support/decoder-module.ts';
import { FakeRing } from '../support/decoder-ring.ts';
import { sharedMemoryFor } from '../support/decoder-shared-memory.ts';
import { atMost, median, type Row } from './report.ts';
import type { BenchOptions } from './workspace.ts';

const ROUNDS = 30;
const WARM_UP_ROUNDS = 10;
const FRAMES = 16;
const DISTINCT = 4000n;
const GOAL_NS = 30;
const RING_BYTES = 1 << 20;
const OUTPUT_BYTES = 1 << 20;
const KERNEL_TEXT = 0xffff_ffff_8100_0000n;
const KERNEL_FRAME = 2;

const LAYOUT = layoutOf([
  { name: 'time', format: 'ktime_ns', bytes: 8 },
  { name: 'stack', format: 'kstack', bytes: 8, length: FRAMES },
]);

export async function benchLookups({ progress }: BenchOptions): Promise<Row[]> {
  const wasm = await moduleFor(LAYOUT);
  const full = decoderOf(wasm, FRAMES);
  const empty = decoderOf(wasm, 0);
  const cost_ns: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const cost = (nanosecondsOf(full) - nanosecondsOf(empty)) / FRAMES;
    if (round >= 0) cost_ns.push(cost);
  }
  const cost = median(cost_ns);
  progress(`lookups: ${cost.toFixed(1)} ns for a frame, median of ${ROUNDS} rounds`);
  return [
    {
      name: 'look-up of a kernel frame',
      measured: `${cost.toFixed(1)} ns, ${DISTINCT} in the table, median of ${ROUNDS}`,
      goal: `≤ ${GOAL_NS} ns`,
      ...atMost(cost, GOAL_NS),
    },
  ];
}

/** A decoder with a full ring, and all texts told. */
function decoderOf(wasm: WebAssembly.Module, frames: number): Decoder {
  const decoder = Decoder.create({
    wasm,
    layout: LAYOUT,
    sharedMemory: sharedMemoryFor(LAYOUT, RING_BYTES, OUTPUT_BYTES),
    envelope: { idPrefix: `${'5'.repeat(32)}-stack-42-`, hostname: 'node-17.example.org', region: 'eu-1' },
  });
  const ring = new FakeRing(decoder);
  const words = new BigUint64Array(1 + FRAMES);
  for (let at = 0n; ring.freeBytes >= words.byteLength + 8; at += BigInt(FRAMES)) {
    for (let i = 0; i < frames; i++) words[1 + i] = KERNEL_TEXT + ((at + BigInt(i)) % DISTINCT) * 56n;
    ring.submit(new Uint8Array(words.buffer));
  }
  for (let i = 0n; i < DISTINCT; i++) {
    const key = KERNEL_TEXT + i * 56n;
    decoder.addLookup(
      { kind: KERNEL_FRAME, key, process: 0 },
      `"some_function_${i}+0x${(i % 512n).toString(16)}"`,
    );
  }
  return decoder;
}

/** @returns for one document */
function nanosecondsOf(decoder: Decoder): number {
  let documents = 0;
  decoder.readPosition = 0n;
  const start = performance.now();
  for (let status = 'output_full'; status === 'output_full'; ) {
    decoder.beginBatch('2026-01-01T00:00:00.000Z', 1_700_000_000_000_000_000n);
    const result = decoder.decode();
    status = result.status;
    documents += result.documents;
  }
  return ((performance.now() - start) * 1e6) / documents;
}
