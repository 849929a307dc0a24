/**
 * The lists of containers and units in shared memory: written once for each change, read by the threads of the pool, which parse it
 * only when it is another one than last time.
 */
import { deserialize, serialize } from 'node:v8';
import type { Container, Owner, Unit } from '../sdk/container.ts';
import type { Containers } from '../sdk/context.ts';
import type { ContainersClient } from './client.ts';

interface Lists {
  readonly containers: readonly Container[];
  readonly units: readonly Unit[];
}

/** Crosses threads without a copy. */
export interface ContainersSnapshot {
  readonly version: number;
  readonly bytes: SharedArrayBuffer;
}

/** Makes snapshots of what one client knows. */
export class SnapshotWriter {
  readonly #client: ContainersClient;
  #last: ContainersSnapshot | undefined;

  constructor(client: ContainersClient) {
    this.#client = client;
  }

  get(): ContainersSnapshot {
    const { version } = this.#client;
    if (this.#last?.version === version) return this.#last;
    const lists: Lists = { containers: this.#client.list(), units: this.#client.units() };
    const serialized = serialize(lists);
    const bytes = new SharedArrayBuffer(serialized.byteLength);
    new Uint8Array(bytes).set(serialized);
    this.#last = { version, bytes };
    return this.#last;
  }
}

/** `ctx.containers` of a thread that only ever sees snapshots. */
export class SnapshotContainers implements Containers {
  #version = -1;
  #lists: Lists = { containers: [], units: [] };

  /** Takes a newer one into use. */
  use({ version, bytes }: ContainersSnapshot): void {
    if (version === this.#version) return;
    this.#lists = deserialize(new Uint8Array(bytes)) as Lists;
    this.#version = version;
  }

  list(): readonly Container[] {
    return this.#lists.containers;
  }

  units(): readonly Unit[] {
    return this.#lists.units;
  }

  async ownerOf(cgroupId: bigint, controller?: string): Promise<Owner> {
    const container = await this.byCgroupId(cgroupId, controller);
    return container ? { type: 'container', container } : { type: 'unknown' };
  }

  /** Knows the containers' own cgroups, not those inside of them. */
  async byCgroupId(cgroupId: bigint, controller?: string): Promise<Container | undefined> {
    return this.#lists.containers.find(({ cgroups, cgroupIds }) =>
      Object.keys(cgroups).some(
        (name, index) =>
          cgroupIds[index] === cgroupId &&
          (controller === undefined || name === (controller in cgroups ? controller : 'unified')),
      ),
    );
  }
}
