/**
 * Looks at the init process of each new container, until it is found or has been looked for often enough. One in the pid namespace of
 * the host has no init; a process stands for it, and when that has ended another one.
 */
import { join } from 'node:path';
import { wallOffset_ns } from '../actor/clock.ts';
import { type InitProcess, processStart, readInitProcess } from '../procfs/init-process.ts';
import type { Container } from '../sdk/container.ts';
import type { ContainerRegistry } from './registry.ts';
import { walkHierarchy } from './walk.ts';

/** Looks at the processes of a container that has none yet, or whose init has not set itself up. */
const MAX_LOOKS = 20;
/** Where systemd runs inside, processes are in cgroups below: `init.scope` in the container's own, `payload/init.scope` of nspawn. */
const MAX_DIRECTORIES = 16;

/** A look reads a dozen files; ten thousand containers without processes must not keep the thread from its answers. */
const LOOKS_PER_TICK = 100;

export class InitObserver {
  readonly #registry: ContainerRegistry;
  readonly #procfs: string;
  /** How often each container has been looked at. */
  #looks: ReadonlyMap<string, number> = new Map();
  /** What stands for containers without an init, the one first that was not looked at for longest. */
  readonly #substitutes = new Map<string, InitProcess>();

  /** @param procfs mount point of procfs */
  constructor(registry: ContainerRegistry, procfs: string) {
    this.#registry = registry;
    this.#procfs = procfs;
  }

  /** Looks at containers that processes have just joined: those that live for some milliseconds are seen now or never. */
  lookAt(ids: Iterable<string>): void {
    for (const id of ids) this.#look(id, 0);
  }

  /** There are containers whose init may still be found: another tick is wanted soon. */
  get isLooking(): boolean {
    return this.#registry.unobserved.some((id) => (this.#looks.get(id) ?? 0) <= MAX_LOOKS);
  }

  /** Some containers are known by a process that may end before them: a tick is wanted from time to time. */
  get hasSubstitutes(): boolean {
    return this.#substitutes.size > 0;
  }

  /** Called at each tick: looks at those whose init process has not been seen, the least looked-at first. */
  tick(): void {
    const looks = new Map(this.#registry.unobserved.map((id) => [id, this.#looks.get(id) ?? 0]));
    const due = [...looks].filter(([, count]) => count <= MAX_LOOKS).sort(([, a], [, b]) => a - b);
    for (const [id, count] of due.slice(0, LOOKS_PER_TICK)) {
      this.#look(id, count);
      looks.set(id, count + 1);
    }
    this.#looks = looks;
    this.#replaceEnded();
  }

  /** A container that has no other process at the moment keeps the one that has ended until the next tick. */
  #replaceEnded(): void {
    for (const [id, substitute] of [...this.#substitutes].slice(0, LOOKS_PER_TICK)) {
      this.#substitutes.delete(id);
      if (this.#registry.find(id)?.initPid !== substitute.pid) continue;
      this.#substitutes.set(id, substitute);
      const hasEnded = processStart(this.#procfs, substitute.pid) !== substitute.started_seconds;
      if (hasEnded) this.#look(id, MAX_LOOKS);
    }
  }

  #look(id: string, looks: number): void {
    const container = this.#registry.find(id);
    const init = container && findInit(this.#procfs, container);
    // A runtime moves itself into the cgroup before the container's init is there, and leaves.
    if (!init || (!init.isNamespaceInit && looks < MAX_LOOKS)) return;
    if (init.isNamespaceInit) this.#substitutes.delete(id);
    else this.#substitutes.set(id, init);
    const { pid, netnsInode, started_seconds } = init;
    this.#registry.observe(id, { initPid: pid, netnsInode, startTime: sinceBoot(started_seconds) });
  }
}

/** The shallowest init of a pid namespace in whatever hierarchy knows the container's processes, else the first process. */
function findInit(procfs: string, { cgroups }: Container): InitProcess | undefined {
  let first: InitProcess | undefined;
  for (const top of new Set(Object.values(cgroups))) {
    for (const directory of directoriesOf(top)) {
      const init = readInitProcess(procfs, directory);
      if (init?.isNamespaceInit) return init;
      first ??= init;
    }
  }
  return first;
}

/** The directory and the first ones below it. */
function directoriesOf(top: string): string[] {
  try {
    const { found } = walkHierarchy(
      { number: 0, controllers: [], mountPoint: top, root: '/' },
      MAX_DIRECTORIES,
    );
    return found.map(({ path }) => join(top, path));
  } catch {
    // It has just ended.
    return [];
  }
}

/** RFC 3339, UTC. */
function sinceBoot(started_seconds: number): string {
  return new Date(Number(wallOffset_ns() / 1_000_000n) + started_seconds * 1000).toISOString();
}
