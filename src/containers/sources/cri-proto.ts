/**
 * The part of CRI v1 we use: package `runtime.v1`, api.proto of k8s.io/cri-api (Kubernetes 1.20 and later). Field numbers
 * are that file's; fields we do not read are left out and skipped on the wire. An enum travels like an int32, as which it
 * is declared here.
 *
 * As a descriptor and not as .proto text, because the loader would read text from a file only.
 */

const text = 'string';
const int64 = 'int64';
const int32 = 'int32';
const bool = 'bool';
const map = { keyType: text, type: text };

/** ContainerState of api.proto. */
export const CONTAINER_RUNNING = 1;
/** PodSandboxState of api.proto. */
export const SANDBOX_READY = 0;

const message = (
  fields: Record<string, { id: number; type: string; keyType?: string; rule?: 'repeated' }>,
) => ({
  fields,
});
const method = (name: string) => ({ requestType: `${name}Request`, responseType: `${name}Response` });

const MESSAGES = {
  VersionRequest: message({ version: { id: 1, type: text } }),
  VersionResponse: message({ runtime_name: { id: 2, type: text }, runtime_version: { id: 3, type: text } }),

  ContainerStateValue: message({ state: { id: 1, type: int32 } }),
  ContainerFilter: message({ state: { id: 2, type: 'ContainerStateValue' } }),
  ListContainersRequest: message({ filter: { id: 1, type: 'ContainerFilter' } }),
  ListContainersResponse: message({ containers: { id: 1, type: 'Container', rule: 'repeated' } }),
  ContainerMetadata: message({ name: { id: 1, type: text } }),
  ImageSpec: message({ image: { id: 1, type: text }, user_specified_image: { id: 18, type: text } }),
  Container: message({
    id: { id: 1, type: text },
    pod_sandbox_id: { id: 2, type: text },
    metadata: { id: 3, type: 'ContainerMetadata' },
    image: { id: 4, type: 'ImageSpec' },
    image_ref: { id: 5, type: text },
    labels: { id: 8, ...map },
    annotations: { id: 9, ...map },
  }),

  ContainerStatusRequest: message({ container_id: { id: 1, type: text }, verbose: { id: 2, type: bool } }),
  ContainerStatus: message({ started_at: { id: 5, type: int64 }, image: { id: 8, type: 'ImageSpec' } }),
  ContainerStatusResponse: message({ status: { id: 1, type: 'ContainerStatus' }, info: { id: 2, ...map } }),

  PodSandboxStateValue: message({ state: { id: 1, type: int32 } }),
  PodSandboxFilter: message({ state: { id: 2, type: 'PodSandboxStateValue' } }),
  ListPodSandboxRequest: message({ filter: { id: 1, type: 'PodSandboxFilter' } }),
  ListPodSandboxResponse: message({ items: { id: 1, type: 'PodSandbox', rule: 'repeated' } }),
  PodSandboxMetadata: message({ name: { id: 1, type: text }, namespace: { id: 3, type: text } }),
  PodSandbox: message({
    id: { id: 1, type: text },
    metadata: { id: 2, type: 'PodSandboxMetadata' },
    created_at: { id: 4, type: int64 },
    labels: { id: 5, ...map },
  }),

  PodSandboxStatusRequest: message({ pod_sandbox_id: { id: 1, type: text }, verbose: { id: 2, type: bool } }),
  PodSandboxStatusResponse: message({ info: { id: 2, ...map } }),
};

export type CriMethod =
  | 'Version'
  | 'ListContainers'
  | 'ListPodSandbox'
  | 'ContainerStatus'
  | 'PodSandboxStatus';

const METHODS: Readonly<Record<CriMethod, object>> = {
  Version: method('Version'),
  ListContainers: method('ListContainers'),
  ListPodSandbox: method('ListPodSandbox'),
  ContainerStatus: method('ContainerStatus'),
  PodSandboxStatus: method('PodSandboxStatus'),
};

export const RUNTIME_SERVICE = 'runtime.v1.RuntimeService';

/** What `fromJSON` of @grpc/proto-loader takes. */
export const CRI_V1: { nested: Record<string, object> } = {
  nested: { runtime: { nested: { v1: { nested: { ...MESSAGES, RuntimeService: { methods: METHODS } } } } } },
};
