/**
 * The part of CRI v1 we use: package `runtime.v1`, api.proto of k8s.io/cri-api (Kubernetes 1.20 and later). Field numbers
 * are that file's.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { INT64, list, message, type Shape, TEXT, TEXT_MAP } from './protobuf.ts';
import { MAX_DETAILS } from './source.ts';

export const RUNTIME_SERVICE = 'runtime.v1.RuntimeService';

/** ContainerState of api.proto. */
export const CONTAINER_RUNNING = 1;
/** PodSandboxState of api.proto. */
export const SANDBOX_READY = 0;

const IMAGE_SPEC: Shape = { image: [1, TEXT], user_specified_image: [18, TEXT] };
const CONTAINER: Shape = {
  id: [1, TEXT],
  pod_sandbox_id: [2, TEXT],
  metadata: [3, message({ name: [1, TEXT] })],
  image: [4, message(IMAGE_SPEC)],
  image_ref: [5, TEXT],
  labels: [8, TEXT_MAP],
};
const POD_SANDBOX: Shape = {
  id: [1, TEXT],
  metadata: [2, message({ name: [1, TEXT], namespace: [3, TEXT] })],
  created_at: [4, INT64],
  labels: [5, TEXT_MAP],
};

export type CriMethod =
  | 'Version'
  | 'ListContainers'
  | 'ListPodSandbox'
  | 'ContainerStatus'
  | 'PodSandboxStatus';

/** What is read of the answers. */
export const ANSWERS: Readonly<Record<CriMethod, Shape>> = {
  Version: { runtime_name: [2, TEXT] },
  ListContainers: { containers: [1, list(CONTAINER, MAX_DETAILS)] },
  ListPodSandbox: { items: [1, list(POD_SANDBOX, MAX_DETAILS)] },
  ContainerStatus: {
    status: [1, message({ started_at: [5, INT64], image: [8, message(IMAGE_SPEC)] })],
    info: [2, TEXT_MAP],
  },
  PodSandboxStatus: { info: [2, TEXT_MAP] },
};

/** ListContainersRequest or ListPodSandboxRequest, which have the same numbers: `filter.state.state`. */
export function listRequest(state: number): Uint8Array {
  const filter = new BinaryWriter().tag(1, WireType.LengthDelimited).fork();
  const value = filter.tag(2, WireType.LengthDelimited).fork();
  return value.tag(1, WireType.Varint).int32(state).join().join().finish();
}

/** ContainerStatusRequest or PodSandboxStatusRequest, which have the same numbers: the id, and `verbose`. */
export function statusRequest(id: string): Uint8Array {
  const request = new BinaryWriter().tag(1, WireType.LengthDelimited).string(id);
  return request.tag(2, WireType.Varint).bool(true).finish();
}
