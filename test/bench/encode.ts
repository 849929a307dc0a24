/**
 * Records of a kernel ring to finished documents on one core: the generated decoder, and in turns with it the same
 * documents made the plain way in JavaScript.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { wallOffset_ns } from '../../src/actor/clock.ts';
import { benchDecode } from './decode.ts';
import { encodePlainly } from './plain-encoder.ts';
import { atLeast, median, millions, type Row, rates } from './report.ts';
import { TickRing } from './tick-ring.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const ROUNDS = 20;
const WARM_UP_ROUNDS = 5;
const GOAL = 4e6;

export async function benchEncode({ progress }: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace();
  using ring = await TickRing.open(await workspace.build('test/bench/tick.bpf.c'));
  checkSame(ring);
  const ours: number[] = [];
  const plain: number[] = [];
  let bytes = 0;
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const wasm = timed(ring, (documents) => {
      bytes = decodeRing(ring) / documents;
    });
    const js = timed(ring, (documents) => encodePlainly(ring.decoder, documents, wallOffset_ns()));
    if (round < 0) continue;
    ours.push(wasm);
    plain.push(js);
  }
  progress(`encode: WASM ${rates(ours)}, plain JavaScript ${rates(plain)} documents`);
  const ratio = median(ours.map((rate, round) => rate / plain[round]!));
  const synthetic = await benchDecode();
  return [
    {
      name: 'encode',
      measured: `${rates(ours)} documents of ${Math.round(bytes)} bytes`,
      goal: `≥ ${millions(GOAL)} M/s`,
      ...atLeast(median(ours), GOAL),
    },
    { name: 'encode, plain JavaScript', measured: `${rates(plain)} documents`, verdict: 'info' },
    { name: 'encode, WASM / plain', measured: `${ratio.toFixed(1)} times, median`, ratio, verdict: 'info' },
    {
      name: 'encode, ring in cache',
      measured: `${millions(synthetic.documents_per_second)} M/s documents of ${synthetic.bytes_per_document} bytes`,
      verdict: 'info',
    },
  ];
}

/** @returns documents per second */
function timed(ring: TickRing, work: (documents: number) => void): number {
  const documents = ring.fill();
  const start = performance.now();
  work(documents);
  const rate = (documents / (performance.now() - start)) * 1000;
  ring.empty();
  return rate;
}

/** @returns bytes of all documents */
function decodeRing({ decoder }: TickRing): number {
  let bytes = 0;
  for (;;) {
    decoder.beginBatch(new Date().toISOString(), wallOffset_ns());
    const result = decoder.decode();
    bytes += result.bytes;
    if (result.status === 'empty') return bytes;
  }
}

/** A race between encoders counts only if both write the same documents. */
function checkSame(ring: TickRing): void {
  ring.fill();
  const offset_ns = wallOffset_ns();
  ring.decoder.beginBatch('2026-01-01T00:00:00.000Z', offset_ns);
  ring.decoder.decode();
  const lines = Buffer.from(ring.decoder.output()).toString('utf8', 0, 4096).split('\n').slice(0, 4);
  ring.decoder.readPosition = ring.decoder.consumerPosition;
  const plain = encodePlainly(ring.decoder, lines.length, offset_ns).trimEnd().split('\n');
  const parsed = (line: string): object => ({ ...JSON.parse(line), uploaded_time: '' });
  deepStrictEqual(plain.map(parsed), lines.map(parsed));
  ring.empty();
}
