/**
 * Programs to what their sections name, each kind in its own way:
 *
 *   tp_btf, raw_tp, tp, kprobe, fentry …   one link, made by libbpf
 *   perf_event                             a link for each online CPU (sampling.ts)
 *   iter/…                                 none: a link for each run (iterator.ts)
 *
 * The last two need a process that follows the CPUs, or reads: an object that has one of them is not pinned.
 */
import { HuatuoError } from '../error.ts';
import type { AttachPoint } from '../schema/manifest.ts';
import type { Lack } from './features.ts';
import type { Handles } from './handles.ts';
import { type Libbpf, lastErrno, type Pointer } from './libbpf.ts';
import type { ProgramChoice } from './programs.ts';
import { followCpus, type SampledEvent } from './sampling.ts';
import { prepareTracefs } from './tracefs.ts';

export interface Sampling {
  /** Of `perf_event` programs. */
  readonly event: SampledEvent;
  /** CPUs they run on now. */
  online(): readonly number[];
}

/** Whether a program runs only while there is an agent. */
export function needsAgent({ section }: AttachPoint): boolean {
  return section === 'perf_event' || section.startsWith('iter/');
}

/**
 * Attaches what was chosen and is not attached, and has sampling follow the CPUs. A program that the object can do without and
 * that the kernel does not attach is dropped from the choice.
 * @returns false: another variant has been chosen, which is to be loaded first; what is attached stays
 * @throws ATTACH_FAILED
 */
export function attachPrograms(
  api: Libbpf,
  handles: Handles,
  choice: ProgramChoice,
  sampling: Sampling,
): boolean {
  const { chosen } = choice;
  let complete = true;
  prepareTracefs(chosen.map(({ section }) => section));
  for (const point of chosen) {
    const errno = attachOne(api, handles, point, sampling);
    if (errno === undefined) continue;
    const lack = { expected: `it attached to ${point.section}`, found: errno };
    // One that is needed stays chosen, to be tried again with the next run of the collector.
    if (!choice.canDrop(point)) throw attachError(choice, point, lack);
    if (choice.hasSpare(point)) complete = false;
    choice.drop(point, lack);
    detachFromCpus(api, handles, point);
  }
  return complete;
}

/** Takes up CPUs that have come online, and lets go of those that have gone. Those that refuse are tried again next time. */
export function followOnlineCpus(
  api: Libbpf,
  handles: Handles,
  choice: ProgramChoice,
  sampling: Sampling,
): void {
  for (const point of choice.chosen)
    if (point.section === 'perf_event') sample(api, handles, point, sampling);
}

/** @returns the errno of the kernel's refusal */
function attachOne(
  api: Libbpf,
  handles: Handles,
  point: AttachPoint,
  sampling: Sampling,
): string | undefined {
  const { program: name, section } = point;
  if (section.startsWith('iter/') || handles.links.has(name)) return undefined;
  if (section === 'perf_event') return sample(api, handles, point, sampling);
  const link = api.bpf_program__attach(findProgram(api, handles.object, name));
  if (!link) return lastErrno();
  handles.addLink(name, link);
  return undefined;
}

function sample(
  api: Libbpf,
  handles: Handles,
  { program: name }: AttachPoint,
  { event, online }: Sampling,
): string | undefined {
  const program = findProgram(api, handles.object, name);
  return followCpus(api, handles, { name, program, event }, online());
}

/** @throws OBJECT_UNREADABLE when the object is not the one of the manifest */
export function findProgram(api: Libbpf, object: Pointer, name: string): Pointer {
  const program = api.bpf_object__find_program_by_name(object, name);
  if (program) return program;
  throw new HuatuoError('OBJECT_UNREADABLE', {
    expected: `a program ${name} in the object`,
    found: 'none',
    remedy: 'build object and manifest together: npm run build',
  });
}

/** A `perf_event` program may have been attached to some of the CPUs. */
function detachFromCpus(api: Libbpf, handles: Handles, { program }: AttachPoint): void {
  for (const link of [...handles.links.keys()])
    if (link.startsWith(`${program}@`)) handles.destroyLink(api, link);
}

function attachError(choice: ProgramChoice, point: AttachPoint, lack: Lack): HuatuoError {
  const tried = choice.copy();
  tried.drop(point, lack);
  const { expected, found } = tried.refusal(point);
  return new HuatuoError('ATTACH_FAILED', {
    expected: expected === lack.expected ? `program ${point.program} attached to ${point.section}` : expected,
    found,
    remedy: 'see huatuo list for what this kernel offers',
  });
}
