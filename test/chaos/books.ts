/** What is known of every ring of a run: what the kernel counted in it, and what happened to it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectManifest } from '../../src/schema/manifest.ts';
import { type Account, account, RingDocuments, type RingHistory } from './account.ts';
import { documentsByRing } from './documents.ts';
import { type RingCounts, Witness } from './witness.ts';

export interface RingAccount extends Account {
  readonly ring: number;
}

export class Books implements Disposable {
  readonly #witness = new Witness();
  readonly #histories = new Map<number, RingHistory>();
  #brokenOff = false;

  /** @returns id of the one ring that the process has; undefined while it has none, or two */
  look(pid: number): number | undefined {
    return this.#witness.look(pid);
  }

  counts(ring: number): RingCounts {
    return this.#witness.read(ring);
  }

  history(ring: number): RingHistory {
    const history = this.#histories.get(ring) ?? { story: [], abandoned: false, repeats: 0 };
    this.#histories.set(ring, history);
    return history;
  }

  /** The run ends in the middle: its last ring has nobody to read it, and there may be one more that nobody has seen. */
  breakOff(): void {
    this.#brokenOff = true;
    const ring = this.#witness.rings.at(-1);
    if (ring !== undefined) this.history(ring).abandoned = true;
  }

  /**
   * For when no agent runs any more.
   * @param taken directory of what faults have taken from the journal
   * @param collectors directory of the built flood
   */
  close(journal: string, taken: string, collectors: string): RingAccount[] {
    const stride = recordStride(collectors);
    const [onDisk, gone] = [documentsByRing(journal), documentsByRing(taken)];
    const written = this.#brokenOff ? [] : [...onDisk.keys(), ...gone.keys()];
    return [...new Set([...this.#witness.rings, ...written])].map((ring) => {
      const [kept, lost] = [onDisk, gone].map((all) => all.get(ring) ?? new RingDocuments()) as [
        RingDocuments,
        RingDocuments,
      ];
      const history = this.history(ring);
      const { faults, ...numbers } = account(this.#countsOf(ring), kept, lost, history, stride);
      const where = `ring ${ring} (${history.story.join(', ')})`;
      return { ring, ...numbers, faults: faults.map((text) => `${where}: ${text}`) };
    });
  }

  /** Documents of a ring that nobody has seen are more than was made. */
  #countsOf(ring: number): RingCounts {
    if (this.#witness.rings.includes(ring)) return this.#witness.read(ring);
    const nothing = { attempted: 0n, produced: 0n, dropped_ring_full: 0n, rate_limited: 0n };
    return { ...nothing, journalled: 0n, malformed: 0n, consumer: 0n, producer: 0n };
  }

  [Symbol.dispose](): void {
    this.#witness[Symbol.dispose]();
  }
}

/** Bytes from one record of a ring to the next: header and struct, rounded up to eight (kernel/bpf/ringbuf.c). */
function recordStride(collectors: string): number {
  const { event } = JSON.parse(readFileSync(join(collectors, 'flood.json'), 'utf8')) as ObjectManifest;
  if (!event) throw new Error('the flood fixture has no event');
  return (event.bytes + 8 + 7) & ~7;
}
