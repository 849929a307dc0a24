/**
 * What kubelet asks of a container runtime to run a pod: the part of CRI v1 (api.proto of k8s.io/cri-api) that makes
 * containers. The agent's adapter has the part that lists them.
 */
import { Client, credentials } from '@grpc/grpc-js';
import { fromJSON, type MethodDefinition } from '@grpc/proto-loader';

type Field = Readonly<{ type: string; id: number; keyType?: string; rule?: string }>;

const text = (id: number): Field => ({ type: 'string', id });
const texts = (id: number): Field => ({ type: 'string', id, rule: 'repeated' });
const map = (id: number): Field => ({ type: 'string', id, keyType: 'string' });
const message = (type: string, id: number): Field => ({ type, id });

const MESSAGES: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  PodSandboxMetadata: { name: text(1), uid: text(2), namespace: text(3) },
  LinuxPodSandboxConfig: { cgroup_parent: text(1) },
  PodSandboxConfig: {
    metadata: message('PodSandboxMetadata', 1),
    hostname: text(2),
    labels: map(6),
    linux: message('LinuxPodSandboxConfig', 8),
  },
  RunPodSandboxRequest: { config: message('PodSandboxConfig', 1) },
  RunPodSandboxResponse: { pod_sandbox_id: text(1) },
  StopPodSandboxRequest: { pod_sandbox_id: text(1) },
  StopPodSandboxResponse: {},
  RemovePodSandboxRequest: { pod_sandbox_id: text(1) },
  RemovePodSandboxResponse: {},
  ContainerMetadata: { name: text(1) },
  ImageSpec: { image: text(1) },
  ContainerConfig: {
    metadata: message('ContainerMetadata', 1),
    image: message('ImageSpec', 2),
    command: texts(3),
    labels: map(9),
  },
  CreateContainerRequest: {
    pod_sandbox_id: text(1),
    config: message('ContainerConfig', 2),
    sandbox_config: message('PodSandboxConfig', 3),
  },
  CreateContainerResponse: { container_id: text(1) },
  StartContainerRequest: { container_id: text(1) },
  StartContainerResponse: {},
  ContainerStatusRequest: { container_id: text(1), verbose: { type: 'bool', id: 2 } },
  ContainerStatusResponse: { info: map(2) },
  ImageStatusRequest: { image: message('ImageSpec', 1) },
  Image: { id: text(1) },
  ImageStatusResponse: { image: message('Image', 1) },
};

const SERVICES = {
  RuntimeService: [
    'RunPodSandbox',
    'StopPodSandbox',
    'RemovePodSandbox',
    'CreateContainer',
    'StartContainer',
    'ContainerStatus',
  ],
  ImageService: ['ImageStatus'],
} as const;

const CALL_TIMEOUT_MS = 20_000;

interface PodSpec {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Below the mount points of the hierarchies, with a leading slash. */
  readonly cgroupParent: string;
}

interface PodContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export class CriPods implements Disposable {
  readonly #client: Client;
  readonly #definitions = fromJSON(descriptor(), { keepCase: true });

  constructor(socket: string) {
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure());
  }

  async hasImage(image: string): Promise<boolean> {
    const { image: found } = await this.#call('ImageService', 'ImageStatus', { image: { image } });
    return found !== undefined;
  }

  /**
   * Starts a pod with one container.
   * @throws the runtime's error; nothing is left then
   */
  async run(
    pod: PodSpec,
    container: PodContainerSpec,
  ): Promise<{ readonly sandbox: string; readonly id: string; readonly pid: number }> {
    const { cgroupParent, name, namespace, uid, ...rest } = pod;
    const config = { ...rest, metadata: { name, namespace, uid }, linux: { cgroup_parent: cgroupParent } };
    const { pod_sandbox_id } = await this.#call('RuntimeService', 'RunPodSandbox', { config });
    const sandbox = String(pod_sandbox_id);
    try {
      return { sandbox, ...(await this.#start(sandbox, config, container)) };
    } catch (error) {
      await this.remove(sandbox);
      throw error;
    }
  }

  async #start(
    pod_sandbox_id: string,
    sandbox_config: object,
    { name, image, args, labels }: PodContainerSpec,
  ): Promise<{ id: string; pid: number }> {
    const { container_id } = await this.#call('RuntimeService', 'CreateContainer', {
      pod_sandbox_id,
      sandbox_config,
      config: { metadata: { name }, image: { image }, command: args, labels },
    });
    await this.#call('RuntimeService', 'StartContainer', { container_id });
    const { info } = await this.#call('RuntimeService', 'ContainerStatus', { container_id, verbose: true });
    const { pid } = JSON.parse((info as Record<string, string>).info ?? '{}') as { pid: number };
    return { id: String(container_id), pid };
  }

  /** Ends a pod with its containers. */
  async remove(sandbox: string): Promise<void> {
    await this.#call('RuntimeService', 'StopPodSandbox', { pod_sandbox_id: sandbox });
    await this.#call('RuntimeService', 'RemovePodSandbox', { pod_sandbox_id: sandbox });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  #call<S extends keyof typeof SERVICES>(
    service: S,
    method: (typeof SERVICES)[S][number],
    request: object,
  ): Promise<Readonly<Record<string, unknown>>> {
    const methods = this.#definitions[`runtime.v1.${service}`] as unknown as Methods;
    const { path, requestSerialize, responseDeserialize } = methods[method] as Methods[string];
    const { promise, resolve, reject } = Promise.withResolvers<Readonly<Record<string, unknown>>>();
    this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      { deadline: Date.now() + CALL_TIMEOUT_MS },
      (error, answer) => (answer ? resolve(answer as Record<string, unknown>) : reject(error)),
    );
    return promise;
  }
}

type Methods = Readonly<Record<string, MethodDefinition<object, object>>>;

function descriptor(): { nested: Record<string, object> } {
  const messages = Object.entries(MESSAGES).map(([name, fields]) => [name, { fields }] as const);
  const services = Object.entries(SERVICES).map(([name, methods]) => {
    const calls = methods.map((one) => [
      one,
      { requestType: `${one}Request`, responseType: `${one}Response` },
    ]);
    return [name, { methods: Object.fromEntries(calls) as object }] as const;
  });
  const v1 = { nested: Object.fromEntries<object>([...messages, ...services]) };
  return { nested: { runtime: { nested: { v1 } } } };
}
