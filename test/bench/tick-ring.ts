/** A real kernel ring of 16 MiB that is filled on demand, mapped into the decoder of its records. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from '../../src/actor/thread.ts';
import { Decoder, decoderNeeds } from '../../src/decoder/decoder.ts';
import { OWNER } from '../../src/decoder/lookup-kinds.ts';
import { KernelObject } from '../../src/kernel/object.ts';
import { MappedRing } from '../../src/kernel/ring.ts';
import { readManifest } from '../../src/schema/read-manifest.ts';

export const ENVELOPE = {
  idPrefix: `${'5'.repeat(32)}-tick-42-`,
  hostname: 'node-17.example.org',
  region: 'eu-1',
};
export const CONTAINER =
  ',"container_id":"0b9bd2f4a5c1","container_hostname":"web-7f","container_type":"docker","container_qos":"burstable"';
const CGROUPS = 64n;
const OUTPUT_BYTES = 1 << 20;

export class TickRing implements Disposable {
  readonly decoder: Decoder;
  readonly mapId: number;
  readonly #object: KernelObject;
  readonly #ring: MappedRing;
  readonly #comm = `/proc/self/task/${threadId()}/comm`;
  readonly #name = readFileSync(this.#comm, 'utf8').trim();

  /** @param directory holds `tick.bpf.o` and `tick.wasm` */
  static async open(directory: string): Promise<TickRing> {
    const bytes = readFileSync(join(directory, 'tick.bpf.o'));
    const manifest = readManifest(bytes, 'tick', 'tick.bpf.c');
    const object = await KernelObject.load({ manifest, bytes, options: {} });
    await object.attach();
    const layout = manifest.event!;
    const fds = [object.mapFd('events')!, object.mapFd('ledger_commits')!] as const;
    const ring = new MappedRing(...fds, decoderNeeds(layout, OUTPUT_BYTES));
    const wasm = readFileSync(join(directory, 'tick.wasm'));
    const decoder = Decoder.create({ wasm, layout, sharedMemory: ring.sharedMemory, envelope: ENVELOPE });
    return new TickRing(object, ring, decoder);
  }

  private constructor(object: KernelObject, ring: MappedRing, decoder: Decoder) {
    this.#object = object;
    this.#ring = ring;
    this.mapId = ring.mapId;
    this.decoder = decoder;
    for (let id = 1n; id <= CGROUPS; id++) decoder.addLookup({ kind: OWNER, key: id, process: 0 }, CONTAINER);
  }

  /** Fills the empty ring. @returns records in it */
  fill(): number {
    writeFileSync(this.#comm, 'fill:ticks');
    writeFileSync(this.#comm, this.#name);
    const { decoder } = this;
    decoder.readPosition = decoder.consumerPosition;
    return decoder.walk(0xffff_ffff);
  }

  /** Gives everything back to the kernel. */
  empty(): void {
    this.decoder.commit(this.decoder.producerPosition);
  }

  [Symbol.dispose](): void {
    this.#ring[Symbol.dispose]();
    this.#object.unload();
  }
}
