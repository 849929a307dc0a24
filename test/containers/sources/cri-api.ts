/**
 * The part of CRI v1 that the runtime of these tests speaks: package `runtime.v1`, api.proto of k8s.io/cri-api. Written
 * down apart from what the agent reads of it, with fields and enums that it does not read.
 */
import type { CriMethod } from '../../../src/containers/sources/cri-proto.ts';

const text = 'string';
const map = { keyType: text, type: text };

type Field = Readonly<{ id: number; type: string; keyType?: string; rule?: 'repeated' }>;

const message = (fields: Readonly<Record<string, Field>>) => ({ fields });
const method = (name: string) => ({ requestType: `${name}Request`, responseType: `${name}Response` });

const MESSAGES = {
  VersionRequest: message({ version: { id: 1, type: text } }),
  VersionResponse: message({
    version: { id: 1, type: text },
    runtime_name: { id: 2, type: text },
    runtime_version: { id: 3, type: text },
    runtime_api_version: { id: 4, type: text },
  }),

  ContainerStateValue: message({ state: { id: 1, type: 'int32' } }),
  ContainerFilter: message({ id: { id: 1, type: text }, state: { id: 2, type: 'ContainerStateValue' } }),
  ListContainersRequest: message({ filter: { id: 1, type: 'ContainerFilter' } }),
  ListContainersResponse: message({ containers: { id: 1, type: 'Container', rule: 'repeated' } }),
  ContainerMetadata: message({ name: { id: 1, type: text }, attempt: { id: 2, type: 'uint32' } }),
  ImageSpec: message({
    image: { id: 1, type: text },
    annotations: { id: 2, ...map },
    user_specified_image: { id: 18, type: text },
  }),
  Container: message({
    id: { id: 1, type: text },
    pod_sandbox_id: { id: 2, type: text },
    metadata: { id: 3, type: 'ContainerMetadata' },
    image: { id: 4, type: 'ImageSpec' },
    image_ref: { id: 5, type: text },
    state: { id: 6, type: 'int32' },
    created_at: { id: 7, type: 'int64' },
    labels: { id: 8, ...map },
    annotations: { id: 9, ...map },
  }),

  ContainerStatusRequest: message({ container_id: { id: 1, type: text }, verbose: { id: 2, type: 'bool' } }),
  ContainerStatus: message({
    id: { id: 1, type: text },
    created_at: { id: 4, type: 'int64' },
    started_at: { id: 5, type: 'int64' },
    finished_at: { id: 6, type: 'int64' },
    exit_code: { id: 7, type: 'int32' },
    image: { id: 8, type: 'ImageSpec' },
  }),
  ContainerStatusResponse: message({ status: { id: 1, type: 'ContainerStatus' }, info: { id: 2, ...map } }),

  PodSandboxStateValue: message({ state: { id: 1, type: 'int32' } }),
  PodSandboxFilter: message({ id: { id: 1, type: text }, state: { id: 2, type: 'PodSandboxStateValue' } }),
  ListPodSandboxRequest: message({ filter: { id: 1, type: 'PodSandboxFilter' } }),
  ListPodSandboxResponse: message({ items: { id: 1, type: 'PodSandbox', rule: 'repeated' } }),
  PodSandboxMetadata: message({
    name: { id: 1, type: text },
    uid: { id: 2, type: text },
    namespace: { id: 3, type: text },
    attempt: { id: 4, type: 'uint32' },
  }),
  PodSandbox: message({
    id: { id: 1, type: text },
    metadata: { id: 2, type: 'PodSandboxMetadata' },
    state: { id: 3, type: 'int32' },
    created_at: { id: 4, type: 'int64' },
    labels: { id: 5, ...map },
    annotations: { id: 6, ...map },
  }),

  PodSandboxStatusRequest: message({
    pod_sandbox_id: { id: 1, type: text },
    verbose: { id: 2, type: 'bool' },
  }),
  PodSandboxStatusResponse: message({ info: { id: 2, ...map } }),
};

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
