/**
 * One BPF object of one collector: opened, its options set, loaded, attached, and, when it is pinned, adopted again by the
 * next agent.
 *
 *        open ──► options ──► load ──► attach ──► pin ··· detach ──► unload
 */

import { HuatuoError } from '../error.ts';
import type { ObjectManifest } from '../schema/manifest.ts';
import { Handles } from './handles.ts';
import {
  errnoName,
  type Libbpf,
  lastErrno,
  libbpf,
  loadObject,
  openOptions,
  type Pointer,
} from './libbpf.ts';
import { PAGE_BYTES, waitForRunningPrograms } from './libc.ts';
import { Pinning, type PinRequest } from './pins/pinning.ts';
import { selectMaps, usesTaskStorage } from './task-storage.ts';
import { prepareTracefs } from './tracefs.ts';
import { setSampling, writeOptions } from './variables.ts';

/** The verifier's log of a refused program can be megabytes; its end says why. */
const VERIFIER_LOG_BYTES = 1 << 20;
const VERIFIER_TAIL_LINES = 12;

export interface LoadRequest {
  readonly manifest: ObjectManifest;
  /** The bytes of `<collector>.bpf.o`, already checked against the decoder's layout. */
  readonly bytes: Uint8Array;
  /** C name of a `const volatile` variable -> value; unknown names are ignored (the object may not use them). */
  readonly options: Readonly<Record<string, bigint>>;
  /** Set: maps and links are pinned, and a set that an earlier agent pinned is adopted instead of loading. */
  readonly pin?: PinRequest;
}

export class KernelObject {
  readonly manifest: ObjectManifest;
  readonly #api: Libbpf;
  readonly #handles: Handles;
  readonly #pinning: Pinning | undefined;

  private constructor(manifest: ObjectManifest, api: Libbpf, handles: Handles, pinning: Pinning | undefined) {
    this.manifest = manifest;
    this.#api = api;
    this.#handles = handles;
    this.#pinning = pinning;
  }

  /**
   * Adopts what an earlier agent left in pins, or opens and loads the object. The verifier takes its time in another thread.
   * @throws LIBBPF_MISSING, OBJECT_UNREADABLE, VERIFIER_REFUSED, PERMISSION_DENIED, OBJECT_LOAD_FAILED
   */
  static async load(request: LoadRequest): Promise<KernelObject> {
    const api = libbpf();
    const pinning = request.pin && Pinning.prepare(request.manifest.collector, request.pin, request);
    const adopted = pinning?.hasSet ? adoptPinned(api, request, pinning) : undefined;
    if (!adopted) pinning?.clear();
    const handles = adopted ?? (await loadFresh(api, request));
    return new KernelObject(request.manifest, api, handles, pinning);
  }

  /** Attaches every program to what its section names, then pins; does nothing when that has been done. @throws ATTACH_FAILED */
  attach(): void {
    const programs = programsOf(this.#api, this.#handles.object);
    prepareTracefs(programs.map((program) => this.#api.bpf_program__section_name(program)));
    for (const program of programs.slice(this.#handles.links.length)) {
      const link = this.#api.bpf_program__attach(program);
      if (!link) throw this.#attachError(program, lastErrno());
      this.#handles.addLink(link);
    }
    if (!this.#handles.pinned) this.#pinning?.pin(this.#api, this.#handles, programs);
  }

  /** Stops the programs, pinned or not; when it resolves none runs any more and the ring is final. Maps and ring stay. */
  async detach(): Promise<void> {
    this.#unpin();
    this.#handles.destroyLinks(this.#api);
    // A program that was running when its link went may go on for a while, and what it makes must still be drained.
    await waitForRunningPrograms();
  }

  /** Frees programs, maps and ring, pinned or not; must be the last call. */
  unload(): void {
    this.#unpin();
    this.release();
  }

  /** The same, but what is pinned goes on without this process. */
  release(): void {
    this.#handles.close(this.#api);
  }

  /** File descriptor of a map; belongs to the object, do not close it. Undefined when the object has no such map. */
  mapFd(name: string): number | undefined {
    return mapFd(this.#api, this.#handles.object, name);
  }

  /**
   * Lets one of `every` events through from now on; the others are counted as rate limited.
   * @param every 1 lets all through, at most 2^32 - 1
   * @returns false when the object makes no events
   */
  setSampling(every: number): boolean {
    return setSampling(this.#api, this.#handles.object, every);
  }

  #unpin(): void {
    if (!this.#handles.pinned) return;
    this.#pinning?.clear();
    this.#handles.pinned = false;
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

function mapFd(api: Libbpf, object: Pointer, name: string): number | undefined {
  const map = api.bpf_object__find_map_by_name(object, name);
  return map ? api.bpf_map__fd(map) : undefined;
}

function programsOf(api: Libbpf, object: Pointer): Pointer[] {
  const programs: Pointer[] = [];
  let program = api.bpf_object__next_program(object, null);
  while (program) {
    programs.push(program);
    program = api.bpf_object__next_program(object, program);
  }
  return programs;
}

/** @returns undefined when the set is damaged */
function adoptPinned(api: Libbpf, request: LoadRequest, pinning: Pinning): Handles | undefined {
  const handles = new Handles(openObject(api, request, Buffer.alloc(0)));
  if (!pinning.adopt(api, handles, programsOf(api, handles.object))) return undefined;
  // The agent that left it may have been throttling.
  setSampling(api, handles.object, 1);
  return handles;
}

/** @param log gets the verifier's words; must live until the object is loaded */
function openObject(api: Libbpf, request: LoadRequest, log: Buffer): Pointer {
  const object = api.bpf_object__open_mem(request.bytes, request.bytes.byteLength, openOptions(log));
  if (object) {
    selectMaps(api, object, request.manifest.maps);
    return object;
  }
  throw new HuatuoError('OBJECT_UNREADABLE', {
    expected: `a BPF object for ${request.manifest.collector}`,
    found: `${request.bytes.byteLength} bytes that libbpf refuses (${lastErrno()})`,
    remedy: 'build again: npm run build',
  });
}

async function loadFresh(api: Libbpf, request: LoadRequest): Promise<Handles> {
  const log = Buffer.alloc(VERIFIER_LOG_BYTES);
  const handles = new Handles(openObject(api, request, log));
  writeOptions(api, handles.object, request.bytes, {
    ...request.options,
    page_bytes: BigInt(PAGE_BYTES),
    has_task_storage: BigInt(usesTaskStorage(request.manifest.maps)),
  });
  const result = await loadObject(handles.object);
  if (result >= 0) return handles;
  handles.close(api);
  throw loadError(request.manifest.collector, errnoName(result), log);
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
