/** `huatuo profile`: one profile, taken by this process, with or without an agent. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EffectiveConfig } from '../config/effective.ts';
import { findContainer } from '../containers/find-container.ts';
import { findUnit } from '../containers/find-unit.ts';
import { HuatuoError } from '../error.ts';
import { ProfileOwner } from '../kernel/profile-owner.ts';
import { pageSize } from '../procfs/page-size.ts';
import { parseTaskState } from '../procfs/task-state.ts';
import { FORMAT_NAMES, formatOf } from '../profile/formats.ts';
import type { ProfileRequest, ProfileSubject } from '../profile/protocol.ts';
import { workloadSubject } from '../profile/subject.ts';
import { headline, subtitle } from '../profile/summary.ts';
import { takeProfile } from '../profile/take-profile.ts';
import { topFunctions, unnamedFiles } from '../profile/top.ts';
import type { Profile, ProfileKind } from '../sdk/profile.ts';
import { parseDuration } from '../sdk/units.ts';
import { printable } from '../text.ts';
import type { ProfileFlags } from './command-line.ts';
import { askAgent, lookAround } from './containers.ts';
import type { HeldSignals } from './early-signals.ts';
import { requireWritable, writeOutput } from './output-file.ts';

interface ProfileOutput {
  print(text: string): void;
  complain(text: string): void;
}

const FAULTS_PER_SAMPLE = 7;
const LONGEST_SECONDS = 600;
const MAX_HZ = 10_000;
/** On a host that is full of work names take their time, and who asked for a profile waits for them. */
const NAMES_MS = 60_000;

/**
 * Takes the profile and writes it; SIGINT ends it early, with what there is.
 * @param held signals that came before there was anything to end
 * @throws HuatuoError USAGE, PERMISSION_DENIED, DIRECTORY_NOT_WRITABLE, CANCELLED when it was interrupted before the first
 * sample, and what `ProfileCalls.profileStart` throws
 */
export async function profileCommand(
  config: EffectiveConfig,
  flags: ProfileFlags,
  { print, complain }: ProfileOutput,
  held: HeldSignals,
): Promise<void> {
  const owner = new ProfileOwner(config.path);
  const stop = new AbortController();
  // The next one ends the process, whatever it does.
  const interrupted = (): void => stop.abort();
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  held.release();
  try {
    const format = requireFormat(flags.output);
    const seconds = secondsOf(flags.duration);
    const kind = kindOf(flags);
    const { subject, name } = await subjectOf(config, flags, complain);
    const hz = hertz(flags.hz);
    requireWritable(flags.output);
    complain(`profile of ${name}, for ${flags.duration}. ${headline({ kind })}; Ctrl-C ends it early`);
    // What was held comes as a signal, at the next turn.
    await nextTurn();
    if (stop.signal.aborted) throw nothingSampled();
    const over = new AbortController();
    const show = progressOn(seconds);
    const progress = (passed: number): void => {
      show(passed);
      if (!isOver(config.path.procfs, flags)) return;
      if (!over.signal.aborted) complain(`${name} has ended; this is what it did until then`);
      over.abort();
    };
    const signal = AbortSignal.any([stop.signal, over.signal]);
    const time = { seconds, signal, names_ms: NAMES_MS, progress };
    const request: ProfileRequest = { kind, subject, hz, faultsPerSample: FAULTS_PER_SAMPLE };
    const profile = await takeProfile(owner.calls, request, time, pageSize(config.path.procfs));
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    if (profile.samples === 0) throw stop.signal.aborted ? nothingSampled() : nothingSeen(kind);
    writeOutput(flags.output, format(profile));
    print(subtitle(profile));
    for (const line of [...topFunctions(profile), ...unnamedFiles(profile)]) print(line);
    print(`written to ${flags.output}`);
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await owner.release();
  }
}

function nothingSampled(): HuatuoError {
  return new HuatuoError('CANCELLED', {
    expected: 'a sample before the interrupt',
    found: 'none: nothing is written',
    remedy: 'let it run for longer; it says when it begins',
  });
}

function progressOn(seconds: number): (passed: number) => void {
  return (passed) => {
    if (process.stderr.isTTY)
      process.stderr.write(`\rhuatuo: ${Math.min(passed, seconds).toFixed(1)} of ${seconds} s`);
  };
}

function nothingSeen(kind: ProfileKind): HuatuoError {
  return new HuatuoError('NO_SAMPLES', {
    expected: 'a sample',
    found: 'none: nothing is written',
    remedy:
      kind === 'on_cpu'
        ? 'it did not run meanwhile; --off-cpu shows where it waits'
        : 'nothing of this kind happened meanwhile; take it for longer',
  });
}

function kindOf({ offCpu, alloc, block }: ProfileFlags): ProfileKind {
  if (offCpu) return 'off_cpu';
  if (alloc) return 'allocations';
  return block ? 'block' : 'on_cpu';
}

async function subjectOf(
  config: EffectiveConfig,
  { container, unit, pid }: ProfileFlags,
  complain: (text: string) => void,
): Promise<{ readonly subject: ProfileSubject; readonly name: string }> {
  if (pid !== undefined) return { subject: processOf(config.path.procfs, pid), name: `process ${pid}` };
  if (unit !== undefined) return { subject: unitOf(config.path.procfs, unit), name: printable(unit) };
  if (container === undefined) return { subject: { type: 'host' }, name: 'the host' };
  const { containers } = (await askAgent(config.web)) ?? (await lookAround(config, complain));
  const found = findContainer(container, containers);
  const { name, id } = found;
  return { subject: workloadSubject(found), name: printable(`container ${name || id.slice(0, 12)}`) };
}

/** Whether there is nothing to see any more. */
function isOver(procfs: string, { pid }: ProfileFlags): boolean {
  return pid !== undefined && !existsSync(join(procfs, pid));
}

function processOf(procfs: string, text: string): ProfileSubject {
  const isThere = /^[1-9]\d{0,9}$/.test(text) && existsSync(join(procfs, text));
  const isOver = isThere && hasEnded(procfs, text);
  if (isThere && !isOver) return { type: 'processes', pids: [Number(text)] };
  throw new HuatuoError('USAGE', {
    expected: '--pid of a process that runs',
    found: isOver ? `${text}, which has ended and waits for its parent` : printable(text),
    remedy: 'see ps; a process in a container has another id there than on the host',
  });
}

/** Whether it is a zombie. One of the kernel's threads may be profiled: it has stacks, too. */
function hasEnded(procfs: string, pid: string): boolean {
  try {
    return /^[ZX]$/.test(parseTaskState(readFileSync(join(procfs, pid, 'stat'), 'latin1')) ?? '');
  } catch {
    // What ended just now is told about when there is no sample.
    return false;
  }
}

function unitOf(procfs: string, name: string): ProfileSubject {
  const unit = findUnit(procfs, name);
  if (unit) return workloadSubject(unit);
  throw new HuatuoError('USAGE', {
    expected: '--unit with the whole name of a systemd unit that runs, such as nginx.service',
    found: printable(name),
    remedy: 'see systemctl list-units',
  });
}

function secondsOf(duration: string): number {
  const ns = parseDuration(duration);
  const seconds = ns === undefined ? Number.NaN : ns / 1e9;
  if (seconds >= 0.1 && seconds <= LONGEST_SECONDS) return seconds;
  throw new HuatuoError('USAGE', {
    expected: '--duration between 100ms and 10m',
    found: printable(duration),
    remedy: 'write 10s, 500ms or 2m',
  });
}

function hertz(text: string): number {
  const hz = Number(text);
  if (Number.isInteger(hz) && hz >= 1 && hz <= MAX_HZ) return hz;
  throw new HuatuoError('USAGE', {
    expected: `--hz with a whole number between 1 and ${MAX_HZ}`,
    found: printable(text),
    remedy: '99 is usual: it does not beat with what happens each 10 ms',
  });
}

function requireFormat(file: string): (profile: Profile) => string | Uint8Array {
  const format = formatOf(file);
  if (format) return format;
  throw new HuatuoError('USAGE', {
    expected: `--output with a name that ends in ${FORMAT_NAMES}`,
    found: printable(file),
    remedy: 'the end of the name says what is written',
  });
}
