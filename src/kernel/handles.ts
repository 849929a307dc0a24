/**
 * What the agent holds of the kernel for one object. It belongs to the main thread, so no worker that dies can leave anything
 * unknown.
 *
 * `pinned` says that a complete set of pins holds maps and links too (pins.ts): letting go of them here then stops nothing.
 */
import type { Libbpf, Pointer } from './libbpf.ts';
import { closeFd } from './libc.ts';

export class Handles {
  readonly object: Pointer;
  readonly #links: Pointer[] = [];
  pinned = false;

  /** @param object from here on owned by the handles */
  constructor(object: Pointer) {
    this.object = object;
  }

  /** In the order of the object's programs. */
  get links(): readonly Pointer[] {
    return this.#links;
  }

  addLink(link: Pointer): void {
    this.#links.push(link);
  }

  /** Lets go of every link: programs are detached, unless the links are pinned. Maps and ring stay. */
  destroyLinks(api: Libbpf): void {
    for (const link of this.#links.splice(0).reverse()) {
      if (this.pinned) releaseLink(api, link);
      else api.bpf_link__destroy(link);
    }
  }

  /** Lets go of everything, and must be the last call. What is pinned goes on without this process. */
  close(api: Libbpf): void {
    this.destroyLinks(api);
    api.bpf_object__close(this.object);
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
