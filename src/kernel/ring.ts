/**
 * A BPF ring buffer and its commits, mapped over the regions that a decoder's WebAssembly memory has for them.
 *
 *   ring fd        offset 0        PAGE          PAGE + PAGE …   … + size               commits fd
 *                  consumer rw │ producer ro │ data ro │ its beginning again ro         rw
 *                       ▼             ▼           ▼                                      ▼
 *   WASM memory    … regions.consumer, regions.producer, regions.data …            regions.commits …
 *
 * The kernel writes, WASM reads, nothing is copied (kernel/bpf/ringbuf.c: ringbuf_map_mmap_user). The memory is shared: made
 * and mapped here, in the main thread, it is shared with one worker after the other, so that a worker needs no foreign calls to
 * read its ring, and its successor finds the ring where it was.
 */
import koffi from 'koffi';
import { allocateDecoderMemory, type DecoderMemory, type DecoderNeeds } from '../decoder/memory.ts';
import { HuatuoError } from '../error.ts';
import { errnoName, type Pointer } from './libbpf.ts';
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
import { type MapInfo, readMapInfo } from './map-info.ts';

/** Its `maxEntries` are bytes. @throws SYSCALL_FAILED when `fd` is not a BPF map */
export function ringInfo(fd: number): MapInfo {
  const info = readMapInfo(fd);
  if (typeof info !== 'number') return info;
  throw new HuatuoError('SYSCALL_FAILED', {
    expected: 'the description of a ring buffer',
    found: errnoName(info),
    remedy: 'the collector is restarted; if it comes back, report it',
  });
}

export class MappedRing implements Disposable {
  readonly sharedMemory: DecoderMemory;
  /** Unique for one boot. */
  readonly mapId: number;
  readonly #needs: DecoderNeeds;
  readonly #mapped: DisposableStack;

  /**
   * Allocates the memory and maps ring and commits into it.
   * @param ringFd map `events`; stays the caller's, and may be closed: the mapping keeps the ring
   * @param commitsFd map `ledger_commits`, likewise
   * @throws MAP_FAILED, SYSCALL_FAILED
   */
  constructor(ringFd: number, commitsFd: number, needs: DecoderNeeds) {
    const { id, maxEntries: ringBytes } = ringInfo(ringFd);
    this.#needs = needs;
    this.mapId = id;
    this.sharedMemory = allocateDecoderMemory({ ...needs, ringBytes, pageBytes: PAGE_BYTES });
    const { consumer, producer, data, dataAgain, commits } = this.sharedMemory.regions;
    const shared = MAP_SHARED | MAP_FIXED;
    using mapped = new DisposableStack();
    mapped.defer(() => this.#unmap());
    mmap(this.#at(consumer.offset), PAGE_BYTES, PROT_READ | PROT_WRITE, shared, ringFd, 0);
    const readOnlyBytes = PAGE_BYTES + data.bytes + dataAgain.bytes;
    mmap(this.#at(producer.offset), readOnlyBytes, PROT_READ, shared, ringFd, PAGE_BYTES);
    mmap(this.#at(commits.offset), PAGE_BYTES, PROT_READ | PROT_WRITE, shared, commitsFd, 0);
    this.#mapped = mapped.move();
  }

  /** Whether a decoder with these needs can work in it. */
  fits(needs: DecoderNeeds): boolean {
    return this.#needs.outputBytes === needs.outputBytes && this.#needs.recordBytes === needs.recordBytes;
  }

  /** No decoder may work in the memory any more. */
  [Symbol.dispose](): void {
    this.#mapped[Symbol.dispose]();
  }

  /** Puts plain memory back where ring and commits were, because a hole would fault the process. */
  #unmap(): void {
    const { consumer, dataAgain, commits } = this.sharedMemory.regions;
    const flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS;
    const access = PROT_READ | PROT_WRITE;
    const ringEnd = dataAgain.offset + dataAgain.bytes;
    mmap(this.#at(consumer.offset), ringEnd - consumer.offset, access, flags, -1, 0);
    mmap(this.#at(commits.offset), PAGE_BYTES, access, flags, -1, 0);
  }

  #at(offset: number): Pointer {
    return (koffi.address(this.sharedMemory.memory.buffer) as bigint) + BigInt(offset);
  }
}
