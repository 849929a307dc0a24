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
    return !this.#closed;
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
