/**
 * From the bytes of an object to programs and maps in the kernel. A program that the object can do without is left out when
 * the kernel refuses it, and the others are loaded once more: libbpf loads all programs of an object or none.
 */
import { HuatuoError } from '../error.ts';
import type { AttachPoint } from '../schema/manifest.ts';
import { findProgram } from './attach.ts';
import { Handles } from './handles.ts';
import { collectLog, errnoName, type Libbpf, lastErrno, loadObject, openOptions } from './libbpf.ts';
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
 * @param choice is left without those that the kernel refuses and the object can do without
 * @throws what keeps the others from being loaded
 */
export async function loadFresh(api: Libbpf, request: LoadRequest, choice: ProgramChoice): Promise<Handles> {
  for (;;) {
    const log = Buffer.alloc(VERIFIER_LOG_BYTES);
    const handles = openHandles(api, request, log);
    const logs = select(api, handles, request, choice);
    writeOptions(api, handles.object, request.bytes, {
      ...request.options,
      page_bytes: BigInt(PAGE_BYTES),
      has_task_storage: BigInt(usesTaskStorage(request.manifest.maps)),
    });
    const result = await loadObject(handles.object);
    if (result >= 0) return handles;
    handles.close(api);
    const refused = dropRefused(choice, logs, errnoName(result));
    if (!refused) throw loadError(request.manifest.collector, errnoName(result), textOf(log));
  }
}

/** @returns logs of the programs that the object can do without */
function select(
  api: Libbpf,
  handles: Handles,
  { manifest }: LoadRequest,
  choice: ProgramChoice,
): Map<AttachPoint, Buffer> {
  const chosen = new Set(choice.chosen);
  const logs = new Map<AttachPoint, Buffer>();
  for (const point of manifest.attachPoints) {
    const program = findProgram(api, handles.object, point.program);
    api.bpf_program__set_autoload(program, chosen.has(point));
    if (!chosen.has(point) || !choice.canDrop(point)) continue;
    const log = Buffer.alloc(VERIFIER_LOG_BYTES);
    collectLog(api, program, log);
    logs.set(point, log);
  }
  return logs;
}

/** Drops the program of which the verifier spoke; all that can be, when the load failed before. @returns whether there was one */
function dropRefused(choice: ProgramChoice, logs: ReadonlyMap<AttachPoint, Buffer>, errno: string): boolean {
  const spoken = [...logs].filter(([, log]) => textOf(log) !== '');
  for (const [point, log] of spoken.length > 0 ? spoken : logs) {
    const words = tailOf(textOf(log));
    choice.drop(point, {
      expected: 'the kernel to load it',
      found: words === '' ? errno : `${errno}:\n${words}`,
    });
  }
  return logs.size > 0;
}

function textOf(log: Buffer): string {
  const end = log.indexOf(0);
  return log.toString('utf8', 0, end < 0 ? log.byteLength : end).trimEnd();
}

function tailOf(text: string): string {
  return text.split('\n').slice(-VERIFIER_TAIL_LINES).join('\n');
}

function loadError(name: string, errno: string, text: string): HuatuoError {
  if (text !== '') {
    return new HuatuoError('VERIFIER_REFUSED', {
      expected: `${name} to pass the verifier`,
      found: `${errno}:\n${tailOf(text)}\n`,
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
