/**
 * From the bytes of an object to programs and maps in the kernel. A program that the kernel refuses gives its place to the next
 * variant, or is left out when the object can do without, and all are loaded once more: libbpf loads all programs or none.
 */
import { release } from 'node:os';
import { HuatuoError } from '../error.ts';
import type { AttachPoint } from '../schema/manifest.ts';
import { findProgram } from './attach.ts';
import type { Lack } from './features.ts';
import { Handles } from './handles.ts';
import {
  collectLog,
  errnoName,
  type Libbpf,
  lastErrno,
  loadObject,
  openOptions,
  type Pointer,
} from './libbpf.ts';
import { PAGE_BYTES } from './libc.ts';
import type { LoadRequest } from './object.ts';
import type { ProgramChoice } from './programs.ts';
import { selectMaps, usesTaskStorage } from './task-storage.ts';
import { writeOptions } from './variables.ts';

/** The verifier's log of a refused program can be megabytes; its end says why. */
const VERIFIER_LOG_BYTES = 1 << 20;
const VERIFIER_TAIL_LINES = 12;

/** @param log gets the verifier's words; must live until the object is loaded */
export function openHandles(api: Libbpf, request: LoadRequest, log: Buffer = Buffer.alloc(0)): Handles {
  const object = api.bpf_object__open_mem(request.bytes, request.bytes.byteLength, openOptions(log));
  if (object) {
    selectMaps(api, object, request.manifest.maps);
    for (const [name, entries] of Object.entries(request.mapEntries ?? {})) {
      const map = api.bpf_object__find_map_by_name(object, name);
      if (map) api.bpf_map__set_max_entries(map, entries);
    }
    return new Handles(object);
  }
  throw new HuatuoError('OBJECT_UNREADABLE', {
    expected: `a BPF object for ${request.manifest.collector}`,
    found: `${request.bytes.byteLength} bytes that libbpf refuses (${lastErrno()})`,
    remedy: 'build again: npm run build',
  });
}

/**
 * Loads the chosen programs.
 * @param choice is left without those that the kernel refuses
 * @param earlier of the same object, loaded with other variants: its maps are used instead of new ones
 * @throws what keeps the programs from being loaded that the object cannot do without: KERNEL_FEATURE_MISSING when it is a function
 * that this kernel lacks, VERIFIER_REFUSED …
 */
export async function loadFresh(
  api: Libbpf,
  request: LoadRequest,
  choice: ProgramChoice,
  earlier?: Handles,
): Promise<Handles> {
  // Most objects are taken at once. A megabyte of log for each of their programs would have V8 collect garbage all through a start.
  let log_bytes = 0;
  for (;;) {
    const log = Buffer.alloc(log_bytes);
    using opened = new DisposableStack();
    const handles = opened.adopt(openHandles(api, request, log), (those) => those.close(api));
    if (earlier) shareMaps(api, earlier.object, handles.object);
    const logs = select(api, handles, request, choice, log_bytes);
    writeOptions(api, handles.object, request.bytes, {
      ...request.options,
      page_bytes: BigInt(PAGE_BYTES),
      has_task_storage: BigInt(usesTaskStorage(request.manifest.maps)),
    });
    const result = await loadObject(handles.object);
    if (result >= 0) {
      opened.move();
      return handles;
    }
    if (log_bytes === 0) {
      log_bytes = VERIFIER_LOG_BYTES;
      continue;
    }
    const errno = errnoName(result);
    const refused = refusedPrograms(choice, logs);
    const needed = refused.find((point) => !choice.canDrop(point));
    for (const point of refused) choice.drop(point, lackOf(errno, logs.get(point)!));
    const { collector } = request.manifest;
    if (needed) throw refusedError(collector, choice.refusal(needed), textOf(logs.get(needed)!));
    if (refused.length === 0) throw loadError(collector, errno, textOf(log));
  }
}

/** The maps of one object for another one of the same bytes, which therefore has them in the same order. */
function shareMaps(api: Libbpf, from: Pointer, to: Pointer): void {
  let [source, target] = [api.bpf_object__next_map(from, null), api.bpf_object__next_map(to, null)];
  while (source && target) {
    const result = api.bpf_map__autocreate(source)
      ? api.bpf_map__reuse_fd(target, api.bpf_map__fd(source))
      : 0;
    if (result < 0) throw loadError(api.bpf_map__name(source), errnoName(result), '');
    source = api.bpf_object__next_map(from, source);
    target = api.bpf_object__next_map(to, target);
  }
}

/** @returns a log for each program that is loaded, where logs are wanted */
function select(
  api: Libbpf,
  handles: Handles,
  { manifest }: LoadRequest,
  choice: ProgramChoice,
  log_bytes: number,
): Map<AttachPoint, Buffer> {
  const chosen = new Set(choice.chosen);
  const logs = new Map<AttachPoint, Buffer>();
  for (const point of manifest.attachPoints) {
    const program = findProgram(api, handles.object, point.program);
    api.bpf_program__set_autoload(program, chosen.has(point));
    if (log_bytes === 0 || !chosen.has(point)) continue;
    const log = Buffer.alloc(log_bytes);
    collectLog(api, program, log);
    logs.set(point, log);
  }
  return logs;
}

/** The program of which the verifier spoke; when the load failed before it did, all that the object can do without. */
function refusedPrograms(choice: ProgramChoice, logs: ReadonlyMap<AttachPoint, Buffer>): AttachPoint[] {
  const loaded = [...logs.keys()];
  const spoken = loaded.filter((point) => textOf(logs.get(point)!) !== '');
  return spoken.length > 0 ? spoken : loaded.filter((point) => choice.canDrop(point));
}

function lackOf(errno: string, log: Buffer): Lack {
  const words = tailOf(textOf(log));
  return { expected: 'the verifier to accept it', found: words === '' ? errno : `${errno}:\n${words}` };
}

function textOf(log: Buffer): string {
  const end = log.indexOf(0);
  return log.toString('utf8', 0, end < 0 ? log.byteLength : end).trimEnd();
}

function tailOf(text: string): string {
  return text.split('\n').slice(-VERIFIER_TAIL_LINES).join('\n');
}

/** What the verifier says of a function that this kernel lacks. libbpf has a larger number stand for types and members that it lacks. */
const UNKNOWN_HELPER = /^(?:invalid func|unknown func|program of this type cannot use helper) \w+#\d{1,5}\b/m;

/** @param words the verifier's on the last variant, which is the one for the oldest kernels */
function refusedError(name: string, lack: Lack, words: string): HuatuoError {
  if (!UNKNOWN_HELPER.test(words)) return verifierError(name, lack);
  return new HuatuoError('KERNEL_FEATURE_MISSING', {
    expected: `a kernel with the functions that ${name} calls (${lack.expected})`,
    found: `Linux ${release()}: ${lack.found.trimEnd()}\n`,
    remedy: 'use a newer kernel; the table of collectors says since which one it is complete',
  });
}

function verifierError(name: string, { expected, found }: Lack): HuatuoError {
  return new HuatuoError('VERIFIER_REFUSED', {
    expected: `${name} to pass the verifier (${expected})`,
    found: `${found.trimEnd()}\n`,
    remedy: 'this kernel does not accept the program; disable the collector and report the lines above',
  });
}

function loadError(name: string, errno: string, text: string): HuatuoError {
  if (text !== '') {
    return verifierError(name, { expected: 'its types and programs', found: `${errno}:\n${tailOf(text)}` });
  }
  if (errno === 'EPERM' || errno === 'EACCES') {
    return new HuatuoError('PERMISSION_DENIED', {
      expected: `permission to load ${name}`,
      found: errno,
      remedy: 'run as root, and check kernel lockdown and the container profile (bpf, perfmon)',
    });
  }
  if (errno === 'E2BIG') {
    return new HuatuoError('KERNEL_FEATURE_MISSING', {
      expected: `a kernel with maps as large as those of ${name}`,
      found: errno,
      remedy: 'use Linux 5.11 or later: before, a key of a map has at most 512 bytes',
    });
  }
  return new HuatuoError('OBJECT_LOAD_FAILED', {
    expected: `${name} to load`,
    found: errno,
    remedy: 'ENOMEM: raise the memory limit; ESRCH, ENOENT: this kernel lacks a type the program reads',
  });
}
