/**
 * containerd and CRI-O (and docker through cri-dockerd), by the Container Runtime Interface v1 on their unix socket.
 *
 *   Version ─► ListContainers(running), ListPodSandbox(ready) ─► for those not seen before:
 *              ContainerStatus(verbose): pid, start time, image by name     PodSandboxStatus(verbose): host name
 *
 * An id stands for one start of a container here, kubelet makes a new container for every attempt, so a status is asked for
 * once. The verbose part is JSON in a string, meant for people; containerd, CRI-O and cri-dockerd all give `pid`, the first
 * two `runtimeSpec` too. Sandboxes are listed as containers called POD, as cAdvisor's metrics have it: their cgroups look like
 * those of containers.
 */
import type * as z from 'zod/mini';
import type { ContainerRuntime } from '../../sdk/container.ts';
import { checkedList } from './answers.ts';
import { eachBounded } from './bounded.ts';
import {
  CONTAINER,
  type CriContainer,
  type CriSandbox,
  type CriStatus,
  imageName,
  runtimeOf,
  SANDBOX,
  statusOf,
  timeOf,
} from './cri-answers.ts';
import { CriClient } from './cri-client.ts';
import { CONTAINER_RUNNING, listRequest, SANDBOX_READY, statusRequest } from './cri-proto.ts';
import { known } from './facts.ts';
import { isSocket } from './files.ts';
import { GRPC } from './grpc-status.ts';
import { ClosableSource, type ContainerDetails, type DetailSource, MAX_DETAILS } from './source.ts';

const STATUSES_AT_A_TIME = 8;
const SANDBOX_NAME = 'POD';

interface CriOptions {
  /** Path of the unix socket: /run/containerd/containerd.sock, /run/crio/crio.sock. */
  readonly socket: string;
}

/** The running containers and pod sandboxes of a CRI runtime. It holds no connection between lists. */
export function cri(options: CriOptions): DetailSource {
  return new Cri(options.socket);
}

class Cri extends ClosableSource {
  readonly name = 'cri';
  readonly #source: string;
  readonly #statuses = new Map<string, CriStatus>();

  constructor(socket: string) {
    super(socket);
    this.#source = `the CRI runtime at ${socket}`;
  }

  present(): boolean {
    return isSocket(this.place);
  }

  async list(signal: AbortSignal): Promise<readonly ContainerDetails[]> {
    using client = new CriClient(this.place, this.#source, this.until(signal));
    const runtime = runtimeOf(await client.call('Version'));
    const containers = this.#checked(
      await client.call('ListContainers', listRequest(CONTAINER_RUNNING)),
      'containers',
      CONTAINER,
    );
    const sandboxes = this.#checked(
      await client.call('ListPodSandbox', listRequest(SANDBOX_READY)),
      'items',
      SANDBOX,
    );
    const missing = await this.#learn(client, containers.entries, sandboxes.entries);
    const pods = new Map(sandboxes.entries.map((sandbox) => [sandbox.id, sandbox]));
    const all = [
      ...containers.entries.map((one) => this.#container(one, pods.get(one.pod_sandbox_id ?? ''), runtime)),
      ...sandboxes.entries.map((one) => this.#sandbox(one, runtime)),
    ].filter(({ id }) => this.#statuses.has(id) || missing.malformed.has(id));
    this.leftOut = {
      malformed: containers.leftOut.malformed + sandboxes.leftOut.malformed + missing.malformed.size,
      overLimit:
        containers.leftOut.overLimit + sandboxes.leftOut.overLimit + Math.max(0, all.length - MAX_DETAILS),
    };
    return all.slice(0, MAX_DETAILS);
  }

  #checked<T>(answer: object, field: string, shape: z.ZodMiniType<T>): ReturnType<typeof checkedList<T>> {
    // An empty list is not on the wire at all.
    return checkedList(this.#source, (answer as Record<string, unknown>)[field] ?? [], shape);
  }

  /** Asks for the statuses that are not known yet. What ended meanwhile has none afterwards. */
  async #learn(
    client: CriClient,
    containers: readonly CriContainer[],
    sandboxes: readonly CriSandbox[],
  ): Promise<{ readonly malformed: ReadonlySet<string> }> {
    const requests = [
      ...sandboxes.map(({ id }) => ({ id, method: 'PodSandboxStatus' }) as const),
      ...containers.map(({ id }) => ({ id, method: 'ContainerStatus' }) as const),
    ];
    const running = new Set(requests.map(({ id }) => id));
    for (const id of this.#statuses.keys()) if (!running.has(id)) this.#statuses.delete(id);
    const malformed = new Set<string>();
    const unknown = requests.filter(({ id }) => !this.#statuses.has(id));
    await eachBounded(unknown, STATUSES_AT_A_TIME, async ({ id, method }) => {
      try {
        const status = statusOf(await client.call(method, statusRequest(id)));
        if (status) this.#statuses.set(id, status);
        else malformed.add(id);
      } catch (error) {
        const code = statusCode(error);
        if (code === undefined || OF_THE_CONNECTION.has(code)) throw error;
        if (code !== GRPC.NOT_FOUND) malformed.add(id);
      }
    });
    return { malformed };
  }

  #container(
    one: CriContainer,
    pod: CriSandbox | undefined,
    runtime: ContainerRuntime | undefined,
  ): ContainerDetails {
    const status = this.#statuses.get(one.id);
    return known({
      id: one.id,
      runtime,
      name: one.metadata?.name,
      image: status?.image || imageName(one.image) || one.image_ref,
      hostname: (pod && this.#statuses.get(pod.id)?.hostname) ?? status?.hostname,
      podName: pod?.metadata?.name ?? one.labels['io.kubernetes.pod.name'],
      hostNamespace: pod?.metadata?.namespace ?? one.labels['io.kubernetes.pod.namespace'],
      labels: { ...pod?.labels, ...one.labels },
      initPid: status?.initPid,
      startTime: status?.startTime,
    });
  }

  #sandbox(one: CriSandbox, runtime: ContainerRuntime | undefined): ContainerDetails {
    const status = this.#statuses.get(one.id);
    return known({
      id: one.id,
      runtime,
      name: SANDBOX_NAME,
      hostname: status?.hostname,
      podName: one.metadata?.name,
      hostNamespace: one.metadata?.namespace,
      labels: one.labels,
      initPid: status?.initPid,
      startTime: timeOf(one.created_at),
    });
  }
}

/** Statuses that say nothing about the one container that was asked for. */
const OF_THE_CONNECTION: ReadonlySet<number> = new Set([
  GRPC.CANCELLED,
  GRPC.DEADLINE_EXCEEDED,
  GRPC.PERMISSION_DENIED,
  GRPC.UNIMPLEMENTED,
  GRPC.UNAVAILABLE,
]);

function statusCode(error: unknown): number | undefined {
  const code = ((error as Error).cause as { code?: unknown } | undefined)?.code;
  return typeof code === 'number' ? code : undefined;
}
