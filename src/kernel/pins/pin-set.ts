/**
 * Sets of pins on a BPF file system: one for each pinned collector, with everything the next agent needs to go on where
 * this one stopped.
 *
 *   <pin directory>/<collector>/partial-<fingerprint>/…      being made: worth nothing
 *                              /<fingerprint>/maps/<map>     complete: `rename` is the last step of making it
 *                                            /links/<program>
 *
 * The fingerprint covers the object and its options, so a set is only ever taken over by an agent that would load the
 * same. Links go first when a set is removed: a set that lost some is seen to be incomplete, and no program is left
 * running on maps that no agent can find.
 */
import { createHash } from 'node:crypto';
import { type Dirent, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { HuatuoError } from '../../error.ts';
import { errnoName, libbpf } from '../libbpf.ts';
import { closeFd } from '../libc.ts';
import { RingPositions } from '../ring-view.ts';

const COLLECTOR = /^[a-z][a-z0-9_]*$/;
const SET = /^(?:partial-)?[0-9a-f]{16}$/;

/** A kernel object under the name it gets. `fd` stays the caller's. */
export interface Pinnable {
  readonly name: string;
  readonly fd: number;
}

/** What was taken away, for the log. */
export interface RemovedSet {
  readonly collector: string;
  readonly fingerprint: string;
  /** False: its maker died before it was whole. */
  readonly complete: boolean;
  readonly links: number;
  readonly maps: number;
  /** What waited in its ring and will not be read; 0 without ring. */
  readonly unread_bytes: number;
}

/** 16 hex digits that stand for an object file and the options it is loaded with. */
export function fingerprint(bytes: Uint8Array, options: Readonly<Record<string, bigint>>): string {
  const hash = createHash('sha256').update(bytes);
  for (const name of Object.keys(options).sort()) hash.update(`\n${name}=${options[name]}`);
  return hash.digest('hex').slice(0, 16);
}

/** The set of one collector and fingerprint, there or not. */
export class PinSet {
  readonly #collectorDirectory: string;
  readonly #fingerprint: string;

  /** @param pinDirectory on a BPF file system (bpffs.ts) */
  constructor(pinDirectory: string, collector: string, fingerprint: string) {
    this.#collectorDirectory = join(pinDirectory, collector);
    this.#fingerprint = fingerprint;
  }

  get exists(): boolean {
    return existsSync(this.#directory);
  }

  mapPath(name: string): string {
    return join(this.#directory, 'maps', fileName(name));
  }

  linkPath(name: string): string {
    return join(this.#directory, 'links', fileName(name));
  }

  /**
   * Makes the set; there must be none of this collector. A process that dies here leaves a partial one, which the next
   * start removes.
   * @throws SYSCALL_FAILED naming the object that could not be pinned (links of perf events need Linux 5.15); the
   * errno's own error for directories
   */
  create(maps: readonly Pinnable[], links: readonly Pinnable[]): void {
    const partial = join(this.#collectorDirectory, `partial-${this.#fingerprint}`);
    for (const [kind, objects] of [
      ['maps', maps],
      ['links', links],
    ] as const) {
      mkdirSync(join(partial, kind), { recursive: true, mode: 0o700 });
      for (const { name, fd } of objects) pin(fd, join(partial, kind, fileName(name)));
    }
    renameSync(partial, this.#directory);
  }

  get #directory(): string {
    return join(this.#collectorDirectory, this.#fingerprint);
  }
}

/**
 * Removes the sets of one collector, whole or not; other names in its directory are left alone.
 * @param keep fingerprint of a complete set that stays
 */
export function removePins(pinDirectory: string, collector: string, keep?: string): RemovedSet[] {
  const directory = join(pinDirectory, collector);
  const removed = directories(directory)
    .filter((name) => SET.test(name) && name !== keep)
    .map((name) => removeSet(directory, collector, name));
  removeIfEmpty(directory);
  return removed;
}

/**
 * Removes the sets of all collectors that are not among `wanted`: disabled ones, and such as are no longer to be pinned.
 * @returns an empty list also when the directory does not exist
 */
export function removeOtherPins(pinDirectory: string, wanted: ReadonlySet<string>): RemovedSet[] {
  return directories(pinDirectory)
    .filter((name) => COLLECTOR.test(name) && !wanted.has(name))
    .flatMap((name) => removePins(pinDirectory, name));
}

/** Removes a directory that has nothing in it. What is still there is another program's. */
export function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Not empty, or not there.
  }
}

function removeSet(directory: string, collector: string, name: string): RemovedSet {
  const set = join(directory, name);
  const unread_bytes = unreadBytes(join(set, 'maps', 'events'));
  const links = removeKind(join(set, 'links'));
  const maps = removeKind(join(set, 'maps'));
  removeIfEmpty(set);
  const complete = !name.startsWith('partial-');
  return { collector, fingerprint: name.slice(-16), complete, links, maps, unread_bytes };
}

function removeKind(directory: string): number {
  const pins = entries(directory).filter((entry) => entry.isFile());
  for (const { name } of pins) unlinkSync(join(directory, name));
  removeIfEmpty(directory);
  return pins.length;
}

/** Bytes between the positions of a pinned ring; 0 for what is not a ring. */
function unreadBytes(path: string): number {
  const fd = libbpf().bpf_obj_get(path);
  if (fd < 0) return 0;
  try {
    using positions = new RingPositions(fd);
    return Number(positions.producer - positions.consumer);
  } catch {
    // A damaged set may have anything under that name.
    return 0;
  } finally {
    closeFd(fd);
  }
}

function pin(fd: number, path: string): void {
  const result = libbpf().bpf_obj_pin(fd, path);
  if (result >= 0) return;
  throw new HuatuoError('SYSCALL_FAILED', {
    expected: `to pin ${path}`,
    found: errnoName(result),
    remedy: 'EINVAL: this kernel cannot pin links of that kind, set pin to false for the collector',
  });
}

/** Maps of data sections start with a dot (`.rodata`), which names here must not hold and C names do not need. */
function fileName(name: string): string {
  return name.replaceAll('.', '-');
}

function directories(path: string): string[] {
  return entries(path)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function entries(path: string): Dirent[] {
  return existsSync(path) ? readdirSync(path, { withFileTypes: true }) : [];
}
