/** The ledger in real maps: commits that look like one step, and sums that meet. */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { RingLedger, readKernelCounts } from '../../src/agent/ring-ledger.ts';
import { COMMIT_SLOTS_WORDS, CommitLog, readCommit } from '../../src/decoder/ledger.ts';
import { PROT_READ, PROT_WRITE } from '../../src/kernel/libc.ts';
import { MappedWords } from '../../src/kernel/ring-view.ts';
import { FLOOD_RING_EVENTS, flood } from '../support/flood.ts';
import { skipWithoutBpf } from '../support/kernel.ts';
import { LoadedFixture } from '../support/loaded-object.ts';

const skip = skipWithoutBpf();
const load = (options: Readonly<Record<string, bigint>> = {}): Promise<LoadedFixture> =>
  LoadedFixture.load('collectors', 'flood', { process: BigInt(process.pid), ...options });

/** The slots of a fixture, as a reader has them mapped. */
function commitsOf(fixture: LoadedFixture): MappedWords {
  return new MappedWords(fixture.mapFd('ledger_commits'), 0, COMMIT_SLOTS_WORDS, PROT_READ | PROT_WRITE);
}

/** A reader that may die right before or right after it publishes the consumer position. */
class Reader {
  consumer = 0n;
  dies: 'before' | 'after' | undefined;
  readonly #slots: BigUint64Array;
  #log: CommitLog;

  constructor(slots: BigUint64Array) {
    this.#slots = slots;
    this.#log = this.#open();
  }

  get current(): { position: bigint; journalled: bigint; malformed: bigint } {
    return this.#log.current;
  }

  /** What the supervisor sees in the maps. */
  get inForce(): unknown {
    return readCommit(this.#slots, this.consumer);
  }

  /** @returns false when the reader died; another one has taken its place */
  commit(position: bigint, documents: number, malformed: number): boolean {
    try {
      this.#log.commit(position, documents, malformed);
      return true;
    } catch (error) {
      assert.equal((error as Error).message, 'dead');
      this.dies = undefined;
      this.#log = this.#open();
      return false;
    }
  }

  #open(): CommitLog {
    return new CommitLog(this.#slots, this.consumer, (position) => {
      if (this.dies === 'before') throw new Error('dead');
      this.consumer = position;
      if (this.dies === 'after') throw new Error('dead');
    });
  }
}

test('a ring that nobody has read stands at zero', { skip }, async () => {
  using fixture = await load();
  using commits = commitsOf(fixture);
  const reader = new Reader(commits.words);
  assert.deepEqual(reader.current, { position: 0n, journalled: 0n, malformed: 0n });
  assert.deepEqual(reader.inForce, reader.current);
});

test('commits add up, and what the reader knows is what the maps say', { skip }, async () => {
  using fixture = await load();
  using commits = commitsOf(fixture);
  const reader = new Reader(commits.words);
  for (const [position, documents, malformed] of [
    [64n, 1, 0],
    [256n, 2, 1],
    [1n << 40n, 3, 0],
  ] as const) {
    reader.commit(position, documents, malformed);
    assert.deepEqual(reader.inForce, reader.current);
  }
  assert.deepEqual(reader.current, { position: 1n << 40n, journalled: 6n, malformed: 1n });
});

test('a reader that dies before it published has counted nothing, one that dies after has counted all', {
  skip,
}, async () => {
  using fixture = await load();
  using commits = commitsOf(fixture);
  const reader = new Reader(commits.words);
  reader.commit(64n, 1, 0);
  reader.dies = 'before';
  assert.equal(reader.commit(128n, 1, 0), false);
  assert.deepEqual(reader.current, { position: 64n, journalled: 1n, malformed: 0n });
  reader.dies = 'after';
  assert.equal(reader.commit(192n, 2, 0), false);
  assert.deepEqual(reader.current, { position: 192n, journalled: 3n, malformed: 0n });
});

test('through any number of deaths each stretch is counted exactly once', { skip }, async () => {
  using fixture = await load();
  const step = fc.record({
    documents: fc.nat(9),
    malformed: fc.nat(9),
    dies: fc.constantFrom('before', 'after', undefined, undefined),
  });
  using commits = commitsOf(fixture);
  // Goes on from one run to the next, as a ring does: positions only rise.
  const reader = new Reader(commits.words);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      for (const { documents, malformed, dies } of steps) {
        const { position, journalled, malformed: wrong } = reader.current;
        const end = position + 8n * BigInt(documents + malformed + 1);
        reader.dies = dies;
        reader.commit(end, documents, malformed);
        // Died before it published: its successor reads the stretch again.
        if (dies === 'before') reader.commit(end, documents, malformed);
        assert.deepEqual(reader.current, {
          position: end,
          journalled: journalled + BigInt(documents),
          malformed: wrong + BigInt(malformed),
        });
        assert.deepEqual(reader.inForce, reader.current);
      }
    }),
    { numRuns: 50 },
  );
});

test('a consumer position that no commit left is another reader: refused', { skip }, async () => {
  using fixture = await load();
  using commits = commitsOf(fixture);
  new Reader(commits.words).commit(64n, 1, 0);
  assert.equal(readCommit(commits.words, 128n), undefined);
  assert.throws(() => new CommitLog(commits.words, 128n, () => undefined), {
    code: 'RING_CORRUPT',
    message: /another process reads this ring/,
  });
});

test("the kernel's half counts what it made, kept back and could not store, over all CPUs", {
  skip,
}, async () => {
  using fixture = await load({ keep_every_count: 4n });
  await fixture.object.attach();
  flood(400);
  await fixture.object.detach();
  assert.deepEqual(readKernelCounts(fixture.mapFd('ledger')), {
    produced: 400n,
    dropped_ring_full: 0n,
    rate_limited: 300n,
  });
});

test('what waits in the ring is the difference, and what did not fit is no part of it', {
  skip,
}, async () => {
  using fixture = await load();
  await fixture.object.attach();
  flood(10);
  using ledger = RingLedger.open('flood', fixture.object);
  const before = ledger?.read();
  assert.deepEqual([before?.produced, before?.pending_bytes, before?.difference], ['10', '640', '10']);

  flood(FLOOD_RING_EVENTS);
  await fixture.object.detach();
  const after = ledger?.read();
  const [produced, lost, difference] = [after?.produced, after?.dropped_ring_full, after?.difference].map(
    Number,
  );
  assert.equal(produced, FLOOD_RING_EVENTS + 10);
  assert.ok(lost !== undefined && lost >= 10, `${lost} did not fit`);
  assert.equal(difference, FLOOD_RING_EVENTS + 10 - (lost ?? 0));
  assert.equal(after?.pending_bytes, String(64 * (difference ?? 0)));
});
