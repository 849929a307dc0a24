/**
 * A BPF ring buffer, mapped over the regions a decoder has left for it in its WebAssembly memory.
 *
 *   ring fd        offset 0        PAGE          PAGE + PAGE … PAGE + 2 × size
 *                  consumer rw │ producer ro │ data ro │ the same data again ro
 *                       ▼             ▼           ▼
 *   WASM memory    … regions.consumer, regions.producer, regions.data …
 *
 * The kernel writes, WASM reads, nothing is copied (kernel/bpf/ringbuf.c: ringbuf_map_mmap_user). The mapping goes with
 * the memory: V8 unmaps the whole range when the worker ends, however it ends.
 */
import koffi from 'koffi';
import { HuatuoError } from '../error.ts';
import type { Decoder } from './decoder.ts';
import { errnoName, libbpf, type Pointer } from './libbpf.ts';
import {
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  mmap,
  PAGE_BYTES,
  PROT_READ,
  PROT_WRITE,
} from './libc.ts';

/** What the kernel says of a map: the head of `struct bpf_map_info`. */
export interface RingInfo {
  /** Unique for one boot. */
  readonly mapId: number;
  readonly ringBytes: number;
}

const MAP_INFO_BYTES = 88;
const MAX_ENTRIES_OFFSET = 16;

/** @throws SYSCALL_FAILED when `fd` is not a BPF map */
export function ringInfo(fd: number): RingInfo {
  const info = new Uint8Array(MAP_INFO_BYTES);
  const result = libbpf().bpf_obj_get_info_by_fd(fd, info, Uint32Array.of(info.byteLength));
  if (result < 0) {
    throw new HuatuoError('SYSCALL_FAILED', {
      expected: 'the description of a ring buffer',
      found: errnoName(result),
      remedy: 'the collector is restarted; if it comes back, report it',
    });
  }
  const view = new DataView(info.buffer);
  return { mapId: view.getUint32(4, true), ringBytes: view.getUint32(MAX_ENTRIES_OFFSET, true) };
}

export class MappedRing implements Disposable {
  readonly #decoder: Decoder;

  /**
   * Maps the ring; its size must be the decoder's.
   * @param fd stays the caller's and open
   * @throws MAP_FAILED
   */
  constructor(fd: number, decoder: Decoder) {
    this.#decoder = decoder;
    const { consumer, producer } = decoder.regions;
    mmap(this.#at(consumer.offset), PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    const producerAndData = PAGE_BYTES + 2 * decoder.ringBytes;
    mmap(this.#at(producer.offset), producerAndData, PROT_READ, MAP_SHARED | MAP_FIXED, fd, PAGE_BYTES);
  }

  /** Puts plain memory back where the ring was: a hole would fault the process instead of trapping the decoder. */
  [Symbol.dispose](): void {
    this.#decoder[Symbol.dispose]();
    const { consumer } = this.#decoder.regions;
    const length = 2 * PAGE_BYTES + 2 * this.#decoder.ringBytes;
    const flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS;
    mmap(this.#at(consumer.offset), length, PROT_READ | PROT_WRITE, flags, -1, 0);
  }

  #at(offset: number): Pointer {
    return (koffi.address(this.#decoder.memory.buffer) as bigint) + BigInt(offset);
  }
}
