/** What kubelet's `/pods` (a Kubernetes `v1.PodList`) says about containers; nothing here opens a connection. */
import * as z from 'zod/mini';
import type { ContainerQos, ContainerRuntime, ContainerType } from '../../sdk/container.ts';
import { known, utcTime } from './facts.ts';
import { type ContainerDetails, type LeftOut, MAX_DETAILS } from './source.ts';

export interface PodContainers {
  readonly containers: readonly ContainerDetails[];
  /** `malformed` counts pods, `overLimit` containers. */
  readonly leftOut: LeftOut;
}

/**
 * Only what is used is looked at: another field, of whatever type, never costs a pod, and one of these that is malformed
 * costs itself alone. Go writes an empty list as null.
 */
const text = z.catch(z.nullish(z.string()), undefined);
const texts = z.catch(z.nullish(z.record(z.string(), z.string())), undefined);

const containerStatus = z.object({
  name: z.string(),
  image: text,
  containerID: text,
  state: z.catch(z.nullish(z.object({ running: z.nullish(z.object({ startedAt: text })) })), undefined),
});
const statuses = z.catch(z.nullish(z.array(z.unknown())), undefined);

const podShape = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: text,
    labels: texts,
    annotations: texts,
    ownerReferences: z.catch(z.nullish(z.array(z.object({ kind: z.string() }))), undefined),
  }),
  spec: z.object({
    hostname: text,
    nodeName: text,
    hostNetwork: z.catch(z.nullish(z.boolean()), undefined),
    initContainers: z.catch(
      z.nullish(z.array(z.object({ name: z.string(), restartPolicy: text }))),
      undefined,
    ),
  }),
  // A pod that was just taken on has no status.
  status: z.catch(
    z.nullish(
      z.object({
        qosClass: text,
        containerStatuses: statuses,
        initContainerStatuses: statuses,
        ephemeralContainerStatuses: statuses,
      }),
    ),
    undefined,
  ),
});
const podList = z.object({ items: z.nullable(z.array(z.unknown())) });

type Pod = z.infer<typeof podShape>;

/** `containerd://<id>`, as in `v1.ContainerStatus.containerID`; empty before the container was made. */
const CONTAINER_ID = /^([a-z][a-z0-9+.-]*):\/\/([\w.-]+)$/;

const RUNTIMES: ReadonlyMap<string, ContainerRuntime> = new Map(
  (['docker', 'containerd', 'cri-o'] as const).map((runtime) => [runtime, runtime]),
);

const QOS: ReadonlyMap<string, ContainerQos> = new Map([
  ['Guaranteed', 'guaranteed'],
  ['Burstable', 'burstable'],
  ['BestEffort', 'besteffort'],
]);

/** Proxies that a mesh injects as ordinary containers, so that only the name tells. */
const MESH_PROXIES: ReadonlySet<string> = new Set(['istio-proxy', 'linkerd-proxy']);

/** Of a pod that kubelet read from a file: under it, and not under the uid that the API server gave, are its cgroups. */
const CONFIG_HASH = 'kubernetes.io/config.hash';

/**
 * All containers with an id, in the order of the answer: of each pod the ordinary ones, the init containers, the ephemeral
 * ones. Those that ended are among them while kubelet remembers their id. Behind them each pod by its uid and by its config
 * hash, one of which is in the paths of its cgroups: for sandboxes, which are in no list, and for static pods, whose
 * containers have no status in older kubelets, and in newer ones not at once.
 * @param answer parsed JSON, from whoever answered
 * @returns undefined when this is no list of pods, or one in which no pod has the shape of a pod
 */
export function podContainers(answer: unknown): PodContainers | undefined {
  const list = podList.safeParse(answer);
  if (!list.success) return undefined;
  const items = list.data.items ?? [];
  const pods = items.map((item) => podShape.safeParse(item)).flatMap(({ data }) => data ?? []);
  if (pods.length === 0 && items.length > 0) return undefined;
  const containers = pods.flatMap(containersOf);
  const overall = pods.flatMap(podDetails);
  return {
    containers: [...containers.slice(0, MAX_DETAILS), ...overall.slice(0, MAX_DETAILS)],
    leftOut: {
      malformed: items.length - pods.length,
      overLimit: Math.max(0, containers.length - MAX_DETAILS) + Math.max(0, overall.length - MAX_DETAILS),
    },
  };
}

type Shared = 'podName' | 'hostNamespace' | 'labels' | 'qos' | 'hostname';

/** What every container of a pod has of it. */
function shared({ metadata, spec, status }: Pod): { [K in Shared]: ContainerDetails[K] | undefined } {
  // A pod on the host's network has the host's name: kubelet gives it no other.
  const hostname = spec.hostNetwork ? spec.nodeName : spec.hostname || metadata.name;
  return {
    podName: metadata.name,
    hostNamespace: metadata.namespace,
    labels: metadata.labels ?? {},
    qos: QOS.get(status?.qosClass ?? ''),
    hostname: hostname ?? undefined,
  };
}

function podDetails(pod: Pod): ContainerDetails[] {
  const { uid, annotations } = pod.metadata;
  const uids = new Set([uid, annotations?.[CONFIG_HASH]].filter((one) => !!one));
  return [...uids].map((id) => known({ id: id as string, of: 'pod', ...shared(pod), type: typeOf(pod, '') }));
}

function containersOf(pod: Pod): ContainerDetails[] {
  const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = pod.status ?? {};
  return [containerStatuses, initContainerStatuses, ephemeralContainerStatuses]
    .flatMap((some) => some ?? [])
    .flatMap((one) => containerStatus.safeParse(one).data ?? [])
    .flatMap(({ name, image, containerID, state }) => {
      const [, scheme, id] = CONTAINER_ID.exec(containerID ?? '') ?? [];
      if (scheme === undefined || id === undefined) return [];
      return known({
        id,
        name,
        runtime: RUNTIMES.get(scheme),
        image: image ?? undefined,
        ...shared(pod),
        type: typeOf(pod, name),
        startTime: utcTime(state?.running?.startedAt),
      });
    });
}

/**
 * Who made the pod comes before what the container does in it, as HuaTuo dashboards expect: a side-car of a DaemonSet counts
 * as `daemonSet`.
 */
function typeOf({ metadata, spec }: Pod, container: string): ContainerType {
  const source = metadata.annotations?.['kubernetes.io/config.source'];
  const owners = (metadata.ownerReferences ?? []).map(({ kind }) => kind);
  if (source === 'file' || source === 'http' || owners.includes('Node')) return 'static';
  if (owners.includes('DaemonSet')) return 'daemonSet';
  const init = spec.initContainers?.find(({ name }) => name === container);
  // An init container that is restarted for ever is how Kubernetes 1.28 and later spell a side-car.
  return init?.restartPolicy === 'Always' || MESH_PROXIES.has(container) ? 'sidecar' : 'normal';
}
