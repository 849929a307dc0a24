/**
 * A reader that has no timer must be woken for every event. Here the watermark is out of reach, so a wake-up that is lost is
 * never made up for by a later one: the test would wait for ever for events that are in the ring.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { RingWakes } from '../../src/actor/ring-wakes.ts';
import { ActorStats } from '../../src/actor/stats.ts';
import { readKernelCounts } from '../../src/agent/ring-ledger.ts';
import { wakeReader } from '../../src/agent/wake-reader.ts';
import { Lookups } from '../../src/collector/lookups.ts';
import { RingReader, type Slice } from '../../src/collector/ring-reader.ts';
import { ContainersClient } from '../../src/containers/client.ts';
import { Decoder, decoderNeeds } from '../../src/decoder/decoder.ts';
import { keepClock } from '../../src/kernel/clock-keeper.ts';
import { lookupCalls } from '../../src/kernel/lookup-calls.ts';
import { MappedRing } from '../../src/kernel/ring.ts';
import { RingWatch } from '../../src/kernel/ring-watch.ts';
import { eventually } from '../support/eventually.ts';
import { builtCollectors, flood } from '../support/flood.ts';
import { HOST_PATHS, skipWithoutBpf } from '../support/kernel.ts';
import { LoadedFixture } from '../support/loaded-object.ts';
import type { ProducerData } from './ring-producer.ts';

const skip = skipWithoutBpf();
const OUTPUT_BYTES = 1 << 16;
const OUT_OF_REACH = 1n << 30n;
const BURSTS = 2000;
/** Longer than the runner gives a test: a wait that ends by its timer fails it. */
const FOREVER_MS = 3_600_000;

keepClock();

/** A ring with a reader that can be replaced, as by the successor of a worker that died. */
class Stage implements Disposable {
  reader: RingReader;
  readonly stats = new ActorStats(ActorStats.allocate());
  readonly fixture: LoadedFixture;
  readonly #wasm: Uint8Array<ArrayBuffer>;
  readonly #ring: MappedRing;
  readonly #wakes = RingWakes.allocate();
  readonly #maxAge_ms: number;
  readonly #held = new DisposableStack();

  private constructor(fixture: LoadedFixture, wasm: Uint8Array<ArrayBuffer>, maxAge_ms: number) {
    this.fixture = this.#held.use(fixture);
    this.#wasm = wasm;
    this.#maxAge_ms = maxAge_ms;
    const fds = [fixture.mapFd('events'), fixture.mapFd('ledger_commits')] as const;
    this.#ring = this.#held.use(new MappedRing(...fds, decoderNeeds(this.#layout, OUTPUT_BYTES)));
    const watch = this.#held.use(new RingWatch());
    this.#held.use(wakeReader(watch, fixture.object, this.#wakes));
    this.reader = this.#open();
  }

  static async open(options: Readonly<Record<string, bigint>>, maxAge_ms: number): Promise<Stage> {
    const fixture = await LoadedFixture.load('collectors', 'flood', {
      process: BigInt(process.pid),
      ...options,
    });
    const wasm = Uint8Array.from(readFileSync(join(await builtCollectors('collectors'), 'flood.wasm')));
    const stage = new Stage(fixture, wasm, maxAge_ms);
    await fixture.object.attach();
    return stage;
  }

  /** The reader dies here, with all it has read and not committed. */
  replaceReader(): void {
    this.reader[Symbol.dispose]();
    this.reader = this.#open();
  }

  [Symbol.dispose](): void {
    this.reader[Symbol.dispose]();
    this.#held[Symbol.dispose]();
  }

  get #layout(): NonNullable<LoadedFixture['object']['manifest']['event']> {
    return this.fixture.object.manifest.event!;
  }

  #open(): RingReader {
    const decoder = Decoder.create({
      wasm: this.#wasm,
      layout: this.#layout,
      sharedMemory: this.#ring.sharedMemory,
      envelope: { idPrefix: 'flood-', hostname: 'h', region: 'r' },
    });
    return new RingReader({
      decoder,
      ringId: 'flood-1',
      lookups: new Lookups(decoder, {
        containers: new ContainersClient(0),
        kernel: lookupCalls(HOST_PATHS.procfs),
        paths: HOST_PATHS,
      }),
      maxAge_ms: this.#maxAge_ms,
      wakes: new RingWakes(this.#wakes),
      stats: this.stats,
    });
  }
}

/** Resolves when the reader sleeps for good: `isWaiting` answers false once its wait has ended. */
function waiting(reader: RingReader): { readonly isWaiting: () => boolean; readonly over: Promise<void> } {
  let isWaiting = true;
  const over = reader.wait().then(() => {
    isWaiting = false;
  });
  return { isWaiting: () => isWaiting, over };
}

async function produce(bursts: number, starts: SharedArrayBuffer): Promise<number> {
  const workerData: ProducerData = { bursts, starts };
  const worker = new Worker(new URL('ring-producer.js', import.meta.url), { workerData });
  const [events] = (await once(worker, 'message')) as [number];
  return events;
}

test('every event is read, whenever it is made, although nothing looks at a ring that says nothing', {
  skip,
}, async () => {
  using stage = await Stage.open({ wakeup_bytes: OUT_OF_REACH, discard_every_count: 3n }, 1);
  let committed = 0;
  let looks = 0;
  let deaths = 0;
  let made: number | undefined;
  const inFlight: Slice[] = [];
  const acknowledge = (): void => {
    const slice = inFlight.shift();
    if (!slice) return;
    stage.reader.commit(slice);
    committed += slice.documents;
  };
  const reading = (async () => {
    while (made === undefined || committed < made) {
      const slice = await stage.reader.read();
      looks++;
      if (slice.end > slice.start) inFlight.push(slice);
      if (looks % 41 === 0) {
        deaths++;
        inFlight.length = 0;
        stage.replaceReader();
        continue;
      }
      // What is in flight is acknowledged some turns later, also while the reader waits.
      if (inFlight.length > 2) acknowledge();
      else if (inFlight.length > 0) void turn().then(turn).then(acknowledge);
      if (!slice.more) await stage.reader.wait();
    }
  })();
  const starts = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const [first, second] = await Promise.all([produce(BURSTS, starts), produce(BURSTS, starts)]);
  const { produced, dropped_ring_full } = readKernelCounts(stage.fixture.mapFd('ledger'));
  assert.equal(dropped_ring_full, 0n);
  assert.ok(Number(produced) < first + second, 'some were discarded');
  made = Number(produced);
  await eventually('all events to be read', () => committed === made, {
    last: () => `${committed} of ${made} after ${looks} looks and ${deaths} deaths`,
  });
  stage.reader.call();
  await reading;
  assert.ok(deaths > 10, `${deaths} deaths`);
});

test('an empty ring is not looked at; its first event is read after others have joined it', {
  skip,
}, async () => {
  using stage = await Stage.open({ wakeup_bytes: OUT_OF_REACH }, 1);
  const first = waiting(stage.reader);
  flood(3);
  await first.over;
  const before = await stage.reader.read();
  assert.equal(before.documents, 3);
  // In flight: the reader looks again by itself.
  await stage.reader.wait();
  stage.reader.commit(before);
  const { isWaiting, over } = waiting(stage.reader);
  // Many times the age a record may reach, in turns of the loop that would run a timer of the reader.
  for (let turns = 0; turns < 200; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.ok(isWaiting());
  assert.equal(stage.stats.get('ring_bytes'), 0n);
  flood(2);
  await over;
  assert.equal((await stage.reader.read()).documents, 2);
});

test('a call ends the wait at once: an urgent event, or one that crosses the watermark', {
  skip,
}, async () => {
  // The age would never be reached: only a call ends a wait.
  using stage = await Stage.open({ wakeup_bytes: 1n << 16n }, FOREVER_MS);
  const { isWaiting, over } = waiting(stage.reader);
  flood(1000);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(isWaiting(), 'fewer than 64 KiB of 64 bytes each');
  flood(100);
  await over;
  assert.equal((await stage.reader.read()).more, true);
  using urgent = await Stage.open({ wakeup_bytes: 0n }, FOREVER_MS);
  const wait = waiting(urgent.reader);
  flood(1);
  await wait.over;
});
