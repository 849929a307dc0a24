/**
 * The ring walk: our WebAssembly against `ring_buffer__consume` in C, in turns over one and the same kernel ring, so that
 * both see the same records, the same pages and the same neighbours on the machine.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { at } from '../../src/paths.ts';
import { atLeast, median, type Row, rates } from './report.ts';
import { TickRing } from './tick-ring.ts';
import { type BenchOptions, Workspace } from './workspace.ts';

const ROUNDS = 40;
/** The engine replaces its first, quick translation of the module while it runs. */
const WARM_UP_ROUNDS = 10;
const GOAL = 0.8;
const NAME = 'ring walk, WASM / C';

export async function benchWalk({ progress }: BenchOptions): Promise<Row[]> {
  using workspace = new Workspace();
  const binary = join(workspace.path, 'consume');
  try {
    execFileSync('cc', ['-O2', '-o', binary, at('test/bench/consume.c'), '-lbpf'], { stdio: 'pipe' });
  } catch (error) {
    const reason = (error as Error).message.trim().split('\n').at(-1) ?? '';
    return [{ name: NAME, measured: `no C compiler or libbpf headers: ${reason}`, verdict: 'skipped' }];
  }
  using ring = await TickRing.open(await workspace.build('test/bench/tick.bpf.c'));
  using consumer = new Consumer(binary, ring.mapId);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const wasm = walk(ring);
    ring.fill();
    const c = await consumer.consume();
    if (round < 0) continue;
    ours.push(wasm);
    theirs.push(c);
  }
  progress(`walk: C ${rates(theirs)}, WASM ${rates(ours)} records`);
  const ratio = median(ours.map((rate, round) => rate / theirs[round]!));
  return [
    { name: 'ring walk, C', measured: `${rates(theirs)} records`, verdict: 'info' },
    { name: 'ring walk, WASM', measured: `${rates(ours)} records`, verdict: 'info' },
    { name: NAME, measured: `${ratio.toFixed(2)} of C, median`, goal: `≥ ${GOAL}`, ...atLeast(ratio, GOAL) },
  ];
}

/** @returns records per second */
function walk(ring: TickRing): number {
  ring.fill();
  const start = performance.now();
  const records = ring.decoder.walk(0xffff_ffff);
  ring.empty();
  return (records / (performance.now() - start)) * 1000;
}

/** The C program, waiting for its turns. */
class Consumer implements Disposable {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(binary: string, mapId: number) {
    this.#child = spawn(binary, [String(mapId)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** @returns records per second */
  async consume(): Promise<number> {
    this.#child.stdin!.write('\n');
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`the C consumer ended: ${await once(this.#child, 'exit')}`);
    const [records = 0, nanoseconds = 0] = value.split(' ').map(Number);
    return (records / nanoseconds) * 1e9;
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }
}
