/**
 * One BPF object of one collector: opened, its options set, loaded, attached, and adopted again by the next worker.
 *
 *        open ──► options ──► load ──► attach ──► detach ──► unload
 *          └────── Handles (shared memory) remember how far it came ──────┘
 */

import type { ObjectManifest } from '../build/manifest.ts';
import { HuatuoError } from '../error.ts';
import { type Handles, MAX_LINKS } from './handles.ts';
import { errnoName, type Libbpf, lastErrno, libbpf, openOptions, type Pointer } from './libbpf.ts';
import { PAGE_BYTES } from './libc.ts';
import { writeOptions } from './options.ts';

/** The verifier's log of a refused program can be megabytes; its end says why. */
const VERIFIER_LOG_BYTES = 1 << 20;
const VERIFIER_TAIL_LINES = 12;

export interface LoadRequest {
  readonly manifest: ObjectManifest;
  /** The bytes of `<collector>.bpf.o`, already checked against the decoder's layout. */
  readonly bytes: Uint8Array;
  /** C name of a `const volatile` variable -> value; unknown names are ignored (the object may not use them). */
  readonly options: Readonly<Record<string, bigint>>;
}

export class KernelObject {
  readonly manifest: ObjectManifest;
  readonly #api: Libbpf;
  readonly #handles: Handles;

  private constructor(manifest: ObjectManifest, api: Libbpf, handles: Handles) {
    this.manifest = manifest;
    this.#api = api;
    this.#handles = handles;
  }

  /**
   * Adopts the object a predecessor left in `handles`, or opens and loads it. Blocks for as long as the verifier
   * takes: call it in the collector's own thread.
   * @throws OBJECT_UNREADABLE, VERIFIER_REFUSED, PERMISSION_DENIED, OBJECT_LOAD_FAILED
   */
  static load(handles: Handles, request: LoadRequest): KernelObject {
    const api = libbpf();
    if (handles.state === 'opened') handles.close(api);
    if (handles.state === 'empty') loadFresh(api, handles, request);
    return new KernelObject(request.manifest, api, handles);
  }

  /** Attaches every program to what its section names; does nothing when a predecessor already did. */
  attach(): void {
    const programs = this.#programs();
    // A predecessor that died halfway attached the first ones in this same order.
    for (const program of programs.slice(this.#handles.links.length)) {
      const link = this.#api.bpf_program__attach(program);
      if (!link) throw this.#attachError(program, lastErrno());
      this.#handles.addLink(link);
    }
  }

  detach(): void {
    this.#handles.destroyLinks(this.#api);
  }

  unload(): void {
    this.#handles.close(this.#api);
  }

  get attached(): boolean {
    return this.#handles.links.length > 0;
  }

  /** File descriptor of a map; belongs to the object, do not close it. Undefined when the object has no such map. */
  mapFd(name: string): number | undefined {
    return mapFd(this.#api, this.#handles.object, name);
  }

  #programs(): Pointer[] {
    const programs: Pointer[] = [];
    let program = this.#api.bpf_object__next_program(this.#handles.object, null);
    while (program && programs.length < MAX_LINKS) {
      programs.push(program);
      program = this.#api.bpf_object__next_program(this.#handles.object, program);
    }
    return programs;
  }

  #attachError(program: Pointer, errno: string): HuatuoError {
    const section = this.#api.bpf_program__section_name(program);
    return new HuatuoError('ATTACH_FAILED', {
      expected: `program ${this.#api.bpf_program__name(program)} attached to ${section}`,
      found: errno,
      remedy: 'see huatuo list for what this kernel offers',
    });
  }
}

/** File descriptor of a map of a loaded object, or undefined. */
export function mapFd(api: Libbpf, object: Pointer, name: string): number | undefined {
  const map = api.bpf_object__find_map_by_name(object, name);
  return map ? api.bpf_map__fd(map) : undefined;
}

function loadFresh(api: Libbpf, handles: Handles, request: LoadRequest): void {
  const name = request.manifest.collector;
  const log = Buffer.alloc(VERIFIER_LOG_BYTES);
  const object = api.bpf_object__open_mem(request.bytes, request.bytes.byteLength, openOptions(log));
  if (!object) {
    throw new HuatuoError('OBJECT_UNREADABLE', {
      expected: `a BPF object for ${name}`,
      found: `${request.bytes.byteLength} bytes that libbpf refuses (${lastErrno()})`,
      remedy: 'build again: npm run build',
    });
  }
  handles.opened(object);
  writeOptions(api, object, request.bytes, { ...request.options, page_bytes: BigInt(PAGE_BYTES) });
  const result = api.bpf_object__load(object);
  if (result < 0) {
    handles.close(api);
    throw loadError(name, errnoName(result), log);
  }
  handles.loaded();
}

function loadError(name: string, errno: string, log: Buffer): HuatuoError {
  const end = log.indexOf(0);
  const text = log.toString('utf8', 0, end < 0 ? log.byteLength : end).trimEnd();
  if (text !== '') {
    const tail = text.split('\n').slice(-VERIFIER_TAIL_LINES).join('\n');
    return new HuatuoError('VERIFIER_REFUSED', {
      expected: `${name} to pass the verifier`,
      found: `${errno}:\n${tail}\n`,
      remedy: 'this kernel does not accept the program; disable the collector and report the lines above',
    });
  }
  if (errno === 'EPERM' || errno === 'EACCES') {
    return new HuatuoError('PERMISSION_DENIED', {
      expected: `permission to load ${name}`,
      found: errno,
      remedy: 'run as root, and check kernel lockdown and the container profile (bpf, perfmon)',
    });
  }
  return new HuatuoError('OBJECT_LOAD_FAILED', {
    expected: `${name} to load`,
    found: errno,
    remedy: 'ENOMEM: raise the memory limit; ESRCH, ENOENT: this kernel lacks a type the program reads',
  });
}
