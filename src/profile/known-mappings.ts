/** Where the processes of a profile have code. It is read while they run, because processes end. */
import type { ProcessMappings } from '../decoder/frame-places.ts';
import type { ProfileCalls } from './protocol.ts';
import type { RawProcess } from './wire.ts';

/** Whose mappings are one task of the thread `symbols`: 10 ms, of the two seconds that it has. */
const PROCESSES_PER_TASK = 64;
/** Times that a process is looked at whose mappings did not come in time. */
const MAX_TRIES = 3;
/** Of all processes, about 300 bytes each; frames of those beyond have no name, and are counted as such. */
const MAX_MAPPINGS = 200_000;

export type Processes = ReadonlyMap<number, RawProcess>;

/** Where processes have code, or had when they were last there. */
export class KnownMappings {
  readonly mappings = new Map<number, ProcessMappings>();
  readonly #calls: Pick<ProfileCalls, 'processMappings'>;
  readonly #seen = new Map<number, bigint>();
  readonly #tries = new Map<number, number>();
  #count = 0;

  /** @param earlier of processes that may have ended meanwhile; those that have not are read again */
  constructor(calls: Pick<ProfileCalls, 'processMappings'>, earlier: readonly ProcessMappings[] = []) {
    this.#calls = calls;
    for (const one of earlier) this.#keep(one);
  }

  /** Looks at those that are new, or run another program than before. */
  async look(processes: Processes): Promise<void> {
    const fresh = [...processes].filter(([pid, { program }]) => this.#seen.get(pid) !== program);
    for (const pid of await this.#read(fresh.map(([pid]) => pid)))
      this.#seen.set(pid, processes.get(pid)!.program);
  }

  /** Forgets the others. */
  keep(pids: { has(pid: number): boolean }): void {
    for (const known of [this.mappings, this.#seen, this.#tries])
      for (const pid of known.keys()) if (!pids.has(pid)) known.delete(pid);
    this.#count = [...this.mappings.values()].reduce((sum, { mappings }) => sum + mappings.length, 0);
  }

  /** Looks at all that are still there. */
  async lookAgain(processes: Processes): Promise<void> {
    await this.#read([...processes.keys()]);
  }

  /**
   * A process that keeps the thread from answering costs the others of its task one look: each is alone at the next.
   * @returns those of which there is an answer
   */
  async #read(pids: readonly number[]): Promise<readonly number[]> {
    const triesOf = (pid: number): number => this.#tries.get(pid) ?? 0;
    const untried = pids.filter((pid) => triesOf(pid) === 0);
    const again = pids.filter((pid) => triesOf(pid) > 0 && triesOf(pid) < MAX_TRIES);
    const answered: number[] = [];
    for (const task of [...chunks(untried, PROCESSES_PER_TASK), ...chunks(again, 1)]) {
      const found = await this.#calls.processMappings(task);
      if (!found) {
        for (const pid of task) this.#tries.set(pid, triesOf(pid) + 1);
        continue;
      }
      for (const one of found) this.#keep(one);
      for (const pid of task) this.#tries.delete(pid);
      answered.push(...task);
    }
    return answered;
  }

  #keep(found: ProcessMappings): void {
    const before = this.mappings.get(found.process);
    const all = before ? joined(before, found) : found;
    const count = this.#count - (before?.mappings.length ?? 0) + all.mappings.length;
    if (count > MAX_MAPPINGS) return;
    this.#count = count;
    this.mappings.set(found.process, all);
  }
}

function chunks(pids: readonly number[], size: number): (readonly number[])[] {
  return Array.from({ length: Math.ceil(pids.length / size) }, (_, index) =>
    pids.slice(index * size, (index + 1) * size),
  );
}

/** Later mappings, and of earlier ones what does not lie where there is another now. */
function joined(before: ProcessMappings, now: ProcessMappings): ProcessMappings {
  const { mappings } = now;
  const gone = before.mappings.filter(
    (old) => !mappings.some(({ start, end }) => start < old.end && end > old.start),
  );
  if (gone.length === 0) return now;
  return { ...now, mappings: [...mappings, ...gone].toSorted((a, b) => (a.start < b.start ? -1 : 1)) };
}
