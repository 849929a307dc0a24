/** What troubles are made of: programs that are compiled twice, containers of one hierarchy, processes that wait for their turn. */
import { copyFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { TestCgroup } from '../support/cgroup.ts';
import { CompiledProgram } from '../support/compiled-program.ts';
import { RunningProgram } from '../support/running-program.ts';

/** Both builds of a program: `framed` keeps frame pointers, `lean` has none and is optimised. Processes are called like them. */
export interface Builds {
  readonly framed: string;
  readonly lean: string;
}

export interface CgroupContainer {
  readonly id: string;
  readonly cgroup: TestCgroup;
}

/** A container in one hierarchy. */
export function dressed(controller: string, digit: string, undo: AsyncDisposableStack): CgroupContainer {
  const id = process.pid.toString(16).padStart(64, digit);
  return { id, cgroup: undo.use(TestCgroup.make(controller, `/docker/${id}`)) };
}

export function compiled(program: string, undo: AsyncDisposableStack): Builds {
  const build = (name: keyof Builds, ...flags: readonly string[]): string => {
    const { path } = undo.use(new CompiledProgram(program, ...flags));
    const named = join(dirname(path), name);
    copyFileSync(path, named);
    return named;
  };
  return {
    framed: build('framed', '-O0', '-fno-omit-frame-pointer'),
    lean: build('lean', '-O2', '-fomit-frame-pointer'),
  };
}

/** Wants no CPU until it is told to go on. */
export async function stopped(
  undo: AsyncDisposableStack,
  command: string,
  ...argv: readonly string[]
): Promise<number> {
  const { pid } = undo.use(await RunningProgram.start('/usr/bin/env', command, ...argv));
  process.kill(pid, 'SIGSTOP');
  return pid;
}

/** Until they are stopped again: windows of other tracers go on. */
export function goOn(pids: readonly number[], undo: AsyncDisposableStack): void {
  for (const pid of pids) process.kill(pid, 'SIGCONT');
  undo.defer(() => {
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
  });
}
