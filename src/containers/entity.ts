/** One container or systemd unit: its cgroups, what was seen of it, and how it looks when everything known is put together. */

import type { Hierarchy } from '../procfs/cgroup-hierarchies.ts';
import type { Container, ContainerQos, ContainerRuntime, Unit, Workload } from '../sdk/container.ts';
import type { ContainerDetails } from './sources/source.ts';
import { type Cgroup, directoryOf } from './walk.ts';

export type Ownership =
  | {
      readonly kind: 'container';
      readonly id: string;
      readonly name: string;
      readonly runtime: ContainerRuntime;
      readonly qos: ContainerQos;
      /** As its path has it. */
      readonly podUid?: string;
      /** Its own cgroup, a prefix of the paths of all its cgroups. */
      readonly path: string;
    }
  | { readonly kind: 'unit'; readonly name: string; readonly path: string };

type Seen = Pick<Container, 'initPid' | 'netnsInode' | 'startTime'>;
type CgroupRef = Pick<Cgroup, 'hierarchy' | 'inode'>;

/** A container's own directory in one hierarchy. */
interface Top extends CgroupRef {
  readonly controllers: readonly string[];
  /** Absolute; undefined where the agent does not see it. */
  readonly directory: string | undefined;
}

/** How docker and podman show the ids that they draw by lot; a machine's name is shown whole. */
const DRAWN_ID = /^[0-9a-f]{64}$/;
const SHORT_ID = 12;

export class Entity {
  readonly ownership: Ownership;
  readonly #live = new Set<string>();
  readonly #tops = new Map<number, Top>();
  #seen: Seen = {};
  #container: Container | undefined;
  /** A unit with series of its own. */
  readonly hasSeries: boolean;

  /** @param hasSeries of a unit; a container always has */
  constructor(ownership: Ownership, hasSeries: boolean) {
    this.ownership = ownership;
    this.hasSeries = hasSeries;
  }

  get isEmpty(): boolean {
    return this.#live.size === 0;
  }

  /** Whether its init process has been looked at; that of a unit is of no interest. */
  get isObserved(): boolean {
    return this.ownership.kind === 'unit' || this.#seen.initPid !== undefined;
  }

  holds(ref: CgroupRef): boolean {
    return this.#live.has(key(ref));
  }

  /** @param isTop whether this is the directory with its limits, not one below it */
  add(cgroup: Cgroup, hierarchy: Hierarchy | undefined, isTop: boolean): void {
    const { inode } = cgroup;
    this.#live.add(key(cgroup));
    if (!isTop || !hierarchy) return;
    const { controllers } = hierarchy;
    const directory = directoryOf(hierarchy, cgroup.path);
    this.#tops.set(cgroup.hierarchy, { hierarchy: cgroup.hierarchy, inode, controllers, directory });
    this.changed();
  }

  /** The directory is gone, and what is asked about it later still means this entity. */
  remove(ref: CgroupRef): void {
    this.#live.delete(key(ref));
  }

  /** The directory turned out to have another owner. */
  drop(ref: CgroupRef): void {
    this.remove(ref);
    if (this.#tops.get(ref.hierarchy)?.inode === ref.inode) this.#tops.delete(ref.hierarchy);
    this.changed();
  }

  observe(seen: Seen): void {
    this.#seen = { ...this.#seen, ...seen };
    this.changed();
  }

  /** What is known of it is not what `container` has put together. */
  changed(): void {
    this.#container = undefined;
  }

  /**
   * @param details what the sources know, the most trusted one first; asked only when something has changed
   * @param allowed keys of labels that are kept
   * @returns undefined for a unit
   */
  container(
    details: (id: string, podUid: string | undefined) => readonly ContainerDetails[],
    allowed: readonly string[],
  ): Container | undefined {
    const { ownership } = this;
    if (ownership.kind !== 'container') return undefined;
    this.#container ??= {
      ...describe(ownership, details(ownership.id, ownership.podUid), allowed),
      ...this.#seen,
      ...this.#directories(),
    };
    return this.#container;
  }

  /** @returns undefined for what is no unit, and for a unit without series */
  get unit(): Unit | undefined {
    const { ownership, hasSeries } = this;
    if (ownership.kind !== 'unit' || !hasSeries) return undefined;
    return { id: ownership.name, ...this.#directories() };
  }

  /** Inode of its own cgroup, also when that is gone. */
  topIn(hierarchy: number): bigint | undefined {
    return this.#tops.get(hierarchy)?.inode;
  }

  #directories(): Pick<Workload, 'cgroups' | 'cgroupIds'> {
    const cgroups: Record<string, string> = {};
    const cgroupIds: bigint[] = [];
    for (const { controllers, directory, inode } of this.#tops.values()) {
      for (const controller of controllers) {
        if (directory === undefined) continue;
        cgroups[controller] = directory;
        cgroupIds.push(inode);
      }
    }
    return { cgroups, cgroupIds };
  }
}

function describe(
  { id, runtime, qos }: Extract<Ownership, { readonly kind: 'container' }>,
  details: readonly ContainerDetails[],
  allowed: readonly string[],
): Omit<Container, 'cgroups' | 'cgroupIds'> {
  const short = DRAWN_ID.test(id) ? id.slice(0, SHORT_ID) : id;
  const first = <Key extends keyof ContainerDetails>(field: Key): ContainerDetails[Key] | undefined =>
    details.find((one) => one[field] !== undefined)?.[field];
  const labels = Object.assign({}, ...details.toReversed().map((one) => one.labels ?? {})) as Record<
    string,
    string
  >;
  const [initPid, startTime] = [first('initPid'), first('startTime')];
  return {
    id,
    runtime: runtime === 'unknown' ? (first('runtime') ?? runtime) : runtime,
    hostname: first('hostname') || short,
    name: first('name') || short,
    image: first('image') ?? '',
    podName: first('podName') ?? '',
    hostNamespace: first('hostNamespace') ?? '',
    labels: Object.fromEntries(
      allowed.flatMap((name) => (Object.hasOwn(labels, name) ? [[name, labels[name]!]] : [])),
    ),
    type: first('type') ?? 'normal',
    qos: qos === 'unknown' ? (first('qos') ?? qos) : qos,
    ...(initPid !== undefined && { initPid }),
    ...(startTime !== undefined && { startTime }),
  };
}

function key({ hierarchy, inode }: CgroupRef): string {
  return `${hierarchy} ${inode}`;
}
