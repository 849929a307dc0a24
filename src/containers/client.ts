/**
 * What a thread knows of containers: a copy of the list that the thread `containers` keeps, and every answer it ever got.
 *
 *   owner(id)    known: at once ──────────────────────────────────► Owner
 *   resolve(id)  known? else ask, wait at most `wait_ms` ─────────► Owner, or undefined: no answer in time
 *
 * An answer holds for good, because a cgroup keeps its id and its place for life; what changes is the description of the
 * container, and that one is known which was not: both come unasked.
 */
import type { MessagePort } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import { atMostEntries } from '../lru.ts';
import { withDeadline } from '../promises.ts';
import type { Container, Owner, Unit } from '../sdk/container.ts';
import type { Containers } from '../sdk/context.ts';
import type { FromContainers, ResolveRequest } from './protocol.ts';

/** Most cgroups that events come from; the least recent one is asked for again. */
const MAX_OWNERS = 16_384;
/** Descriptions of containers that may still be asked for, live or gone. */
const MAX_CONTAINERS = 8_192;

/** What one answer says, without the description, which may change. */
type Known =
  | { readonly type: 'container'; readonly id: string }
  | Exclude<Owner, { readonly type: 'container' }>;

interface ClientListener {
  /** Something new is known of a container; `cgroups` are the ids that were resolved to it, each with its controller. */
  described(container: Container, cgroups: readonly ResolvedCgroup[]): void;
  /** Nothing that was resolved holds any more. */
  forgotten(): void;
}

interface ResolvedCgroup {
  readonly cgroupId: bigint;
  readonly controller: string | undefined;
}

export class ContainersClient implements Containers {
  readonly #wait_ms: number;
  #port: MessagePort | undefined;
  #connected = Promise.withResolvers<void>();
  readonly #listed = Promise.withResolvers<void>();
  #requests = 0;
  readonly #asked = new Map<number, (owner: Owner) => void>();
  /** One question at a time for each cgroup. */
  readonly #open = new Map<string, Promise<Owner>>();
  readonly #live = new Map<string, Container>();
  readonly #containers = new LRUCache<string, Container>(atMostEntries(MAX_CONTAINERS));
  readonly #owners = new LRUCache<string, { readonly cgroup: ResolvedCgroup; readonly known: Known }>(
    atMostEntries(MAX_OWNERS),
  );
  #list: readonly Container[] | undefined;
  readonly #units = new Map<string, Unit>();
  #unitList: readonly Unit[] | undefined;
  #version = 0;
  #isSilent = false;
  listener: ClientListener | undefined;

  /** @param wait_ms how long `resolve` waits for an answer */
  constructor(wait_ms: number) {
    this.#wait_ms = wait_ms;
  }

  /** Takes a new port into use; the other side tells all it knows first. */
  connect(port: MessagePort): void {
    this.#port?.close();
    this.#forgetQuestions();
    this.#port = port;
    this.#live.clear();
    this.#units.clear();
    port.on('message', (message: FromContainers) => this.#receive(message));
    port.on('close', () => this.#disconnect(port));
    this.#connected.resolve();
  }

  /** Lets go of the port. */
  close(): void {
    this.#port?.close();
  }

  /** Rises whenever the list changes. */
  get version(): number {
    return this.#version;
  }

  /** Resolves when the list has been told once. */
  get listed(): Promise<void> {
    return this.#listed.promise;
  }

  list(): readonly Container[] {
    this.#list ??= [...this.#live.values()];
    return this.#list;
  }

  units(): readonly Unit[] {
    this.#unitList ??= [...this.#units.values()];
    return this.#unitList;
  }

  /** A container by its id, also a while after it is gone. */
  find(id: string): Container | undefined {
    return this.#live.get(id) ?? this.#containers.get(id);
  }

  async byCgroupId(cgroupId: bigint, controller?: string): Promise<Container | undefined> {
    const owner = await this.resolve(cgroupId, controller);
    return owner?.type === 'container' ? owner.container : undefined;
  }

  async ownerOf(cgroupId: bigint, controller?: string): Promise<Owner> {
    return (await this.resolve(cgroupId, controller)) ?? { type: 'unknown' };
  }

  /** What is known without asking. */
  owner(cgroupId: bigint, controller: string | undefined): Owner | undefined {
    const known = this.#owners.get(keyOf(cgroupId, controller))?.known;
    if (known?.type !== 'container') return known;
    const container = this.find(known.id);
    return container && { type: 'container', container };
  }

  /**
   * Waits once for a thread that does not answer, not once for each of a thousand cgroups: until it says something again,
   * questions are asked and not waited for.
   * @returns undefined when no answer came in time: the answer is remembered when it comes
   */
  async resolve(cgroupId: bigint, controller: string | undefined): Promise<Owner | undefined> {
    const known = this.owner(cgroupId, controller);
    if (known) return known;
    const answer = this.#ask(cgroupId, controller);
    if (this.#wait_ms === 0 || this.#isSilent) return undefined;
    try {
      return await withDeadline(answer, this.#wait_ms, 'owner of a cgroup');
    } catch {
      this.#isSilent = true;
      return undefined;
    }
  }

  #ask(cgroupId: bigint, controller: string | undefined): Promise<Owner> {
    const key = keyOf(cgroupId, controller);
    const open = this.#open.get(key);
    if (open) return open;
    const answer = this.#connected.promise.then(() => this.#request({ cgroupId, controller }, key));
    this.#open.set(key, answer);
    return answer;
  }

  #request({ cgroupId, controller }: ResolvedCgroup, key: string): Promise<Owner> {
    const { promise, resolve } = Promise.withResolvers<Owner>();
    const id = ++this.#requests;
    this.#asked.set(id, (owner) => {
      this.#open.delete(key);
      this.#remember({ cgroupId, controller }, owner);
      resolve(owner);
    });
    this.#port?.postMessage({
      type: 'resolve',
      id,
      cgroupId,
      ...(controller && { controller }),
    } satisfies ResolveRequest);
    return promise;
  }

  #remember(cgroup: ResolvedCgroup, owner: Owner): void {
    const known: Known = owner.type === 'container' ? { type: 'container', id: owner.container.id } : owner;
    if (owner.type === 'container') this.#containers.set(owner.container.id, owner.container);
    this.#owners.set(keyOf(cgroup.cgroupId, cgroup.controller), { cgroup, known });
  }

  #receive(message: FromContainers): void {
    this.#isSilent = false;
    if (message.type === 'resolved') {
      this.#asked.get(message.id)?.(message.owner);
      this.#asked.delete(message.id);
      return;
    }
    for (const container of message.upserts) {
      this.#live.set(container.id, container);
      this.#containers.set(container.id, container);
    }
    for (const unit of message.units) this.#units.set(unit.id, unit);
    for (const id of message.removed) {
      this.#live.delete(id);
      this.#units.delete(id);
    }
    this.#list = undefined;
    this.#unitList = undefined;
    this.#version += 1;
    this.#listed.resolve();
    if (message.reassigned) this.#owners.clear();
    if (message.reassigned) this.listener?.forgotten();
    else if (message.upserts.length > 0) this.#tell(new Set(message.upserts.map(({ id }) => id)));
  }

  /** One pass however many containers: a new port brings all of them at once. */
  #tell(described: ReadonlySet<string>): void {
    const { listener } = this;
    if (!listener) return;
    const resolved = new Map<string, ResolvedCgroup[]>();
    for (const { cgroup, known } of this.#owners.values()) {
      if (known.type !== 'container' || !described.has(known.id)) continue;
      const cgroups = resolved.get(known.id);
      if (cgroups) cgroups.push(cgroup);
      else resolved.set(known.id, [cgroup]);
    }
    for (const [id, cgroups] of resolved) {
      const container = this.find(id);
      if (container) listener.described(container, cgroups);
    }
  }

  /** Whoever waits gives up at the deadline; the next question waits for the next port. */
  #disconnect(port: MessagePort): void {
    if (port !== this.#port) return;
    this.#port = undefined;
    this.#connected = Promise.withResolvers();
    this.#forgetQuestions();
  }

  /** What was asked on the old port will not be answered. */
  #forgetQuestions(): void {
    this.#asked.clear();
    this.#open.clear();
  }
}

function keyOf(cgroupId: bigint, controller: string | undefined): string {
  return `${controller ?? ''} ${cgroupId}`;
}
