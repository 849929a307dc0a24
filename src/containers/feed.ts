/**
 * What the kernel tells about cgroups: made, removed, joined, in the order in which it happened (bpf/agent/cgroups.bpf.c).
 *
 * A cgroup is made before the first task is in it, so its record is in this ring before any event of that task is in
 * another one: who meets an unknown cgroup id, drains this ring and still does not know it, knows that it is the host's.
 */

import type { KernelCalls } from '../actor/kernel-calls.ts';
import { Decoder, decoderNeeds } from '../decoder/decoder.ts';
import { ringCorrupt } from '../decoder/result.ts';
import { HuatuoError } from '../error.ts';
import type { EventLayout } from '../schema/manifest.ts';
import type { Log } from '../sdk/context.ts';
import type { Cgroup } from './walk.ts';

export type CgroupChange =
  | ({ readonly type: 'made' } & Cgroup)
  | ({ readonly type: 'removed' } & Cgroup)
  | ({ readonly type: 'joined'; readonly pid: number } & Cgroup);

interface Drained {
  readonly changes: readonly CgroupChange[];
  /** Records were lost, or the path of a new cgroup was longer than the kernel prints: only a walk tells what there is now. */
  readonly lost: boolean;
  /** The next record is reserved and its program has not finished it: drain again. */
  readonly busy: boolean;
}

/** `tracer_data` of one line. */
interface CgroupEvent {
  readonly cgroup: string;
  readonly hierarchy: number;
  readonly change: string;
  readonly pid: number;
  readonly path: string;
}

/** Before each record. */
const RING_HEADER_BYTES = 8;
const OUTPUT_BYTES = 1 << 20;
/** `text1024_t` without its end: the kernel cuts a longer path there, or prints an empty one. */
const MAX_PATH_BYTES = 1023;
const TYPES: Readonly<Record<string, CgroupChange['type']>> = {
  MADE: 'made',
  REMOVED: 'removed',
  JOINED: 'joined',
};

export class CgroupFeed implements Disposable {
  readonly #decoder: Decoder;
  /** When as much waits in the ring, the next record may not have fitted. */
  readonly #nearlyFull_bytes: bigint;

  private constructor(decoder: Decoder, eventBytes: number) {
    this.#decoder = decoder;
    this.#nearlyFull_bytes = BigInt(decoder.ringBytes - ((eventBytes + RING_HEADER_BYTES + 7) & ~7));
    decoder.readPosition = decoder.consumerPosition;
  }

  /**
   * Loads and attaches the programs, or finds those that an earlier run of this thread has left.
   * @param kernel who has the object of bpf/agent/cgroups.bpf.c
   * @param layout of its records
   * @throws what keeps this kernel from running them: TRACEPOINT_MISSING, VERIFIER_REFUSED, PERMISSION_DENIED …
   */
  static async open(kernel: KernelCalls, layout: EventLayout | undefined): Promise<CgroupFeed> {
    if (!layout) {
      throw new HuatuoError('LAYOUT_MISMATCH', {
        expected: 'an event struct in bpf/agent/cgroups.bpf.c',
        found: 'none',
        remedy: 'build again: npm run build',
      });
    }
    await kernel.load();
    await kernel.attach();
    const sharedMemory = await kernel.shareRing(decoderNeeds(layout, OUTPUT_BYTES));
    const decoder = Decoder.create({
      wasm: sharedMemory.module,
      layout,
      sharedMemory,
      envelope: { idPrefix: '', hostname: '', region: '' },
    });
    return new CgroupFeed(decoder, layout.bytes);
  }

  /**
   * Nothing is unread or reserved. Asked after `drain`, which has committed what it read: a record that is not seen here
   * wakes this thread (bpf/include/event.h).
   */
  get isEmpty(): boolean {
    return this.#decoder.producerPosition === this.#decoder.consumerPosition;
  }

  /**
   * All that happened since the last call. A quiet ring costs two loads.
   * @throws RING_CORRUPT when the ring breaks its own rules
   */
  drain(): Drained {
    const changes: CgroupChange[] = [];
    if (this.#decoder.producerPosition === this.#decoder.readPosition)
      return { changes, lost: false, busy: false };
    let busy = false;
    let lost = false;
    for (let more = true; more; ) {
      this.#decoder.beginBatch('', 0n);
      const result = this.#decoder.decode();
      if (result.status === 'corrupt') throw ringCorrupt(result.corruption, this.#decoder.ringBytes);
      for (const line of Buffer.from(this.#decoder.output()).toString('utf8').split('\n'))
        if (line !== '') changes.push(parseChange(line));
      lost = this.#commit(result.position) || lost;
      more = result.status === 'output_full';
      busy = result.status === 'busy';
    }
    const named = changes.filter(isNamed);
    return { changes: named, lost: lost || named.length < changes.length, busy };
  }

  [Symbol.dispose](): void {
    this.#decoder[Symbol.dispose]();
  }

  /**
   * The producer only moves forward, so what it is ahead of the old consumer position now is the most it was: when that left
   * room for a record at all times, none was refused (kernel/bpf/ringbuf.c, __bpf_ringbuf_reserve).
   * @returns whether a record may have been lost since the last commit
   */
  #commit(position: bigint): boolean {
    const before = this.#decoder.consumerPosition;
    this.#decoder.commit(position);
    return this.#decoder.producerPosition - before >= this.#nearlyFull_bytes;
  }
}

/** A path that was cut names another cgroup; that of one that is removed is not needed. */
function isNamed({ type, path }: CgroupChange): boolean {
  return type === 'removed' || (path !== '' && Buffer.byteLength(path) < MAX_PATH_BYTES);
}

function parseChange(line: string): CgroupChange {
  const { tracer_data: event } = JSON.parse(line) as { readonly tracer_data: CgroupEvent };
  const { hierarchy, path, pid } = event;
  return { type: TYPES[event.change] ?? 'made', hierarchy, inode: BigInt(event.cgroup), path, pid };
}

/** @returns the feed, or what keeps this kernel from having one, after a warning */
export async function openFeed(
  kernel: KernelCalls,
  layout: EventLayout | undefined,
  log: Log,
): Promise<CgroupFeed | HuatuoError> {
  try {
    return await CgroupFeed.open(kernel, layout);
  } catch (thrown) {
    const error = HuatuoError.from(
      thrown,
      'OBJECT_LOAD_FAILED',
      'containers are found by walking the cgroup tree',
    );
    log.warn('the kernel cannot tell of new cgroups: they are looked for every 5 s', { error });
    return error;
  }
}
