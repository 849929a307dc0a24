/**
 * What the kernel tells about cgroups: made, removed, joined, in the order in which it happened (bpf/agent/cgroups.bpf.c).
 *
 * A cgroup is made before the first task is in it, so its record is in this ring before any event of that task is in
 * another one: who meets an unknown cgroup id, drains this ring and still does not know it, knows that it is the host's.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeLayout } from '../build/layout.ts';
import type { ObjectManifest } from '../build/manifest.ts';
import { at } from '../build/paths.ts';
import { objectLayout } from '../build/read-manifest.ts';
import { HuatuoError } from '../error.ts';
import { Decoder } from '../kernel/decoder.ts';
import { ringCorrupt } from '../kernel/decoder-result.ts';
import { probeAttachPoints } from '../kernel/features.ts';
import { Handles } from '../kernel/handles.ts';
import { readKernelCounts } from '../kernel/ledger.ts';
import { PAGE_BYTES } from '../kernel/libc.ts';
import { KernelObject } from '../kernel/object.ts';
import { MappedRing, ringInfo } from '../kernel/ring.ts';
import type { HostPaths } from '../sdk/context.ts';
import type { Cgroup } from './walk.ts';

export type CgroupChange =
  | ({ readonly type: 'made' } & Cgroup)
  | ({ readonly type: 'removed' } & Cgroup)
  | ({ readonly type: 'joined'; readonly pid: number } & Cgroup);

export interface Drained {
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

const NAME = 'cgroups';
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
  readonly #ring: MappedRing;
  readonly #ledgerFd: number;
  #lostRecords: bigint;

  private constructor(decoder: Decoder, ring: MappedRing, ledgerFd: number) {
    this.#decoder = decoder;
    this.#ring = ring;
    this.#ledgerFd = ledgerFd;
    this.#lostRecords = readKernelCounts(ledgerFd).dropped_ring_full;
    decoder.readPosition = decoder.consumerPosition;
  }

  /**
   * Loads and attaches the programs, or adopts those that an earlier life of this thread has left.
   * @param handles shared memory that outlives the thread
   * @throws what keeps this kernel from running them: TRACEPOINT_MISSING, VERIFIER_REFUSED, PERMISSION_DENIED …
   */
  static open(handles: SharedArrayBuffer, paths: HostPaths): CgroupFeed {
    const directory = at('dist/agent');
    const bytes = readFileSync(join(directory, `${NAME}.bpf.o`));
    // Made by the build beside the object; what of it matters is checked against that.
    const manifest = JSON.parse(readFileSync(join(directory, `${NAME}.json`), 'utf8')) as ObjectManifest;
    const layout = manifest.event;
    const found = objectLayout(bytes, NAME);
    if (!layout || found?.hash !== layout.hash) {
      throw new HuatuoError('LAYOUT_MISMATCH', {
        expected: layout ? `the layout of the decoder:\n${describeLayout(layout)}\n` : 'an event struct',
        found: found ? `the object's:\n${describeLayout(found)}\n` : 'an object without one',
        remedy: 'build object and decoder together: npm run build',
      });
    }
    const unsupported = probeAttachPoints(manifest.attachPoints, paths);
    if (unsupported) throw unsupported;
    const object = KernelObject.load(new Handles(handles), { manifest, bytes, options: {} });
    object.attach();
    // The object was built with both, or the layout above would not be there.
    const [ringFd = -1, ledgerFd = -1] = [object.mapFd('events'), object.mapFd('ledger')];
    const decoder = Decoder.create({
      wasm: readFileSync(join(directory, `${NAME}.wasm`)),
      layout,
      ringBytes: ringInfo(ringFd).ringBytes,
      pageBytes: PAGE_BYTES,
      outputBytes: OUTPUT_BYTES,
      envelope: { idPrefix: '', hostname: '', region: '' },
    });
    return new CgroupFeed(decoder, new MappedRing(ringFd, decoder), ledgerFd);
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
    for (let more = true; more; ) {
      this.#decoder.beginBatch('', 0n);
      const result = this.#decoder.decode();
      if (result.status === 'corrupt') throw ringCorrupt(result.corruption, this.#decoder.ringBytes);
      for (const line of Buffer.from(this.#decoder.output()).toString('utf8').split('\n'))
        if (line !== '') changes.push(parseChange(line));
      this.#decoder.commit(result.position);
      more = result.status === 'output_full';
      busy = result.status === 'busy';
    }
    const { dropped_ring_full } = readKernelCounts(this.#ledgerFd);
    const named = changes.filter(isNamed);
    const lost = named.length < changes.length || dropped_ring_full !== this.#lostRecords;
    this.#lostRecords = dropped_ring_full;
    return { changes: named, lost, busy };
  }

  [Symbol.dispose](): void {
    this.#ring[Symbol.dispose]();
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
