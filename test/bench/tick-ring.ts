/** A real kernel ring of 16 MiB that is filled on demand, mapped into the decoder of its records. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readManifest } from '../../src/build/read-manifest.ts';
import { Decoder } from '../../src/kernel/decoder.ts';
import { Handles } from '../../src/kernel/handles.ts';
import { libbpf } from '../../src/kernel/libbpf.ts';
import { PAGE_BYTES, threadId } from '../../src/kernel/libc.ts';
import { KernelObject } from '../../src/kernel/object.ts';
import { MappedRing, ringInfo } from '../../src/kernel/ring.ts';

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
  readonly #handles: Handles;
  readonly #ring: MappedRing;
  readonly #comm = `/proc/self/task/${threadId()}/comm`;
  readonly #name = readFileSync(this.#comm, 'utf8').trim();

  /** @param directory holds `tick.bpf.o` and `tick.wasm` */
  constructor(directory: string) {
    const bytes = readFileSync(join(directory, 'tick.bpf.o'));
    const manifest = readManifest(bytes, 'tick', 'tick.bpf.c');
    this.#handles = new Handles(Handles.allocate());
    const object = KernelObject.load(this.#handles, { manifest, bytes, options: {} });
    object.attach();
    const fd = object.mapFd('events')!;
    const { mapId, ringBytes } = ringInfo(fd);
    this.mapId = mapId;
    this.decoder = Decoder.create({
      wasm: readFileSync(join(directory, 'tick.wasm')),
      layout: manifest.event!,
      ringBytes,
      pageBytes: PAGE_BYTES,
      outputBytes: OUTPUT_BYTES,
      envelope: ENVELOPE,
    });
    for (let id = 1n; id <= CGROUPS; id++) this.decoder.addContainer(id, CONTAINER);
    this.#ring = new MappedRing(fd, this.decoder);
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
    this.#handles.close(libbpf());
  }
}
