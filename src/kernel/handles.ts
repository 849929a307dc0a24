/**
 * What the agent holds of the kernel for one object. It belongs to the main thread, so no worker that dies can leave anything
 * unknown.
 *
 * `pinned` says that a complete set of pins holds maps and links too (pins.ts): letting go of them here then stops nothing.
 */
import type { Libbpf, Pointer } from './libbpf.ts';
import { closeFd } from './libc.ts';

export class Handles {
  readonly #links = new Map<string, Pointer>();
  /** The newest is in use; those before it keep the fds of maps that have been handed out. */
  readonly #objects: Pointer[];
  /** Of the newest object, by name: each look-up in it makes a pointer that has to be collected, and a scrape needs them all. */
  readonly #mapFds = new Map<string, number | undefined>();
  readonly #programFds = new Map<string, number>();
  #closed = false;
  pinned = false;

  /** @param object from here on owned by the handles */
  constructor(object: Pointer) {
    this.#objects = [object];
  }

  /** Of libbpf, with maps and programs. */
  get object(): Pointer {
    return this.#objects.at(-1)!;
  }

  /**
   * Takes over the object of other handles, which has the same maps and other programs. Links stay.
   * @returns false when these handles were closed meanwhile: then the others are closed too
   */
  takeOver(api: Libbpf, { object }: Handles): boolean {
    if (this.#closed) api.bpf_object__close(object);
    else this.#objects.push(object);
    this.#mapFds.clear();
    this.#programFds.clear();
    return !this.#closed;
  }

  /** @returns undefined when there is no such map; the fd is the object's */
  mapFd(api: Libbpf, name: string): number | undefined {
    if (!this.#mapFds.has(name)) {
      const map = api.bpf_object__find_map_by_name(this.object, name);
      this.#mapFds.set(name, map ? api.bpf_map__fd(map) : undefined);
    }
    return this.#mapFds.get(name);
  }

  /** @param find gives the program, which is loaded. @returns its fd, which is the object's */
  programFd(api: Libbpf, name: string, find: () => Pointer): number {
    const known = this.#programFds.get(name);
    if (known !== undefined) return known;
    const fd = api.bpf_program__fd(find());
    this.#programFds.set(name, fd);
    return fd;
  }

  /** By name: the program's, with the CPU behind it for one that is attached to each (`sample@3`). */
  get links(): ReadonlyMap<string, Pointer> {
    return this.#links;
  }

  addLink(name: string, link: Pointer): void {
    this.#links.set(name, link);
  }

  /** Detaches one program, or one CPU of it. */
  destroyLink(api: Libbpf, name: string): void {
    const link = this.#links.get(name);
    if (link === undefined) return;
    this.#links.delete(name);
    if (this.pinned) releaseLink(api, link);
    else api.bpf_link__destroy(link);
  }

  /** Lets go of every link: programs are detached, unless the links are pinned. Maps and ring stay. */
  destroyLinks(api: Libbpf): void {
    for (const name of [...this.#links.keys()].reverse()) this.destroyLink(api, name);
  }

  /** Lets go of everything, and must be the last call. What is pinned goes on without this process. */
  close(api: Libbpf): void {
    this.destroyLinks(api);
    this.#closed = true;
    for (const object of this.#objects) api.bpf_object__close(object);
  }
}

/**
 * Frees a link without detaching: to destroy the link of a perf event (`tp/…`) switches the event off, pinned or not. A
 * disconnected link keeps its fd open, so that is closed here; a perf event's own fd stays until the process ends.
 */
function releaseLink(api: Libbpf, link: Pointer): void {
  const fd = api.bpf_link__fd(link);
  api.bpf_link__disconnect(link);
  api.bpf_link__destroy(link);
  closeFd(fd);
}
