/** The thread `containers` of a harness: it knows what the test says, until the test takes that back. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { ContainersClient } from '../../src/containers/client.ts';
import type { FromContainers, ResolveRequest } from '../../src/containers/protocol.ts';
import type { Container, Unit } from '../../src/sdk/container.ts';
import { container as registered } from './containers-fixture.ts';
import { eventually } from './eventually.ts';

/** Longer than any test: every question is answered. */
const WAIT_MS = 60_000;

/** One whose files are in these directories. @param cgroupIds inodes that programs report of its tasks */
export function container(
  id: string,
  cgroups: Readonly<Record<string, string>>,
  cgroupIds: readonly bigint[] = [],
): Container {
  return registered({ id, runtime: 'unknown', name: `name-${id}`, cgroups, cgroupIds });
}

export class HarnessContainers implements Disposable {
  /** The collector's end. */
  readonly client: ContainersClient = new ContainersClient(WAIT_MS);
  readonly #port: MessagePort;
  /** Those that are gone too: they stay resolvable for a while. */
  readonly #known = new Set<Container>();

  /** @param hostCgroups paths of cgroups that are no container's, by inode; of others it is the root's */
  constructor(hostCgroups: ReadonlyMap<bigint, string> = new Map()) {
    const { port1, port2 } = new MessageChannel();
    this.client.connect(port1);
    this.#port = port2;
    port2.on('message', ({ id, cgroupId }: ResolveRequest) => {
      const owner = [...this.#known].find(({ cgroupIds }) => cgroupIds.includes(cgroupId));
      this.#say({
        type: 'resolved',
        id,
        owner: owner
          ? { type: 'container', container: owner }
          : { type: 'host', cgroupPath: hostCgroups.get(cgroupId) ?? '/' },
      });
    });
  }

  /** Resolves when the collector knows of them. Their cgroups must not have been asked for before. */
  async add(...containers: readonly Container[]): Promise<void> {
    for (const one of containers) this.#known.add(one);
    await this.#change(containers, []);
  }

  /** Units with series. */
  async addUnits(units: readonly Unit[]): Promise<void> {
    await this.#change([], [], units);
  }

  /** As when they have ended. */
  async remove(...containers: readonly Container[]): Promise<void> {
    await this.#change(
      [],
      containers.map(({ id }) => id),
    );
  }

  async #change(
    upserts: readonly Container[],
    removed: readonly string[],
    units: readonly Unit[] = [],
  ): Promise<void> {
    const { version } = this.client;
    this.#say({ type: 'changed', upserts, units, removed, reassigned: false });
    await eventually('the collector to hear of its containers', () => this.client.version > version);
  }

  #say(message: FromContainers): void {
    this.#port.postMessage(message);
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}
