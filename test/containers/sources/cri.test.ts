/** Against a gRPC server that speaks the same messages. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { fromJSON, type ServiceDefinition } from '@grpc/proto-loader';
import { cri } from '../../../src/containers/sources/cri.ts';
import type { CriMethod } from '../../../src/containers/sources/cri-proto.ts';
import { CRI_V1, RUNTIME_SERVICE } from './cri-api.ts';
import { brief, failsWith, soon } from './failure.ts';
import { UnixServer } from './unix-server.ts';

const ID = 'c1'.repeat(32);
const POD = '9a'.repeat(32);
const SECRET = 'PASSWORD=hunter2';

type Answer = (request: Record<string, unknown>) => object;
type Answers = Record<CriMethod, Answer>;

const POD_LABELS = {
  'io.kubernetes.pod.name': 'web-0',
  'io.kubernetes.pod.namespace': 'shop',
  app: 'web"\n',
};

/** containerd 1.7 with one pod of one container. */
const containerd = (): Answers => ({
  Version: () => ({ runtime_name: 'containerd', runtime_version: '1.7.2' }),
  ListContainers: () => ({
    containers: [
      {
        id: ID,
        pod_sandbox_id: POD,
        metadata: { name: 'nginx' },
        image: { image: `sha256:${'ab'.repeat(32)}` },
        image_ref: `sha256:${'ab'.repeat(32)}`,
        labels: { 'io.kubernetes.container.name': 'nginx' },
      },
    ],
  }),
  ListPodSandbox: () => ({
    items: [
      {
        id: POD,
        metadata: { name: 'web-0', namespace: 'shop' },
        created_at: '1700000000000000000',
        labels: POD_LABELS,
      },
    ],
  }),
  ContainerStatus: () => ({
    status: { started_at: '1700000001500000000', image: { image: 'docker.io/library/nginx:1.25' } },
    info: {
      info: JSON.stringify({
        pid: 4242,
        config: { envs: [SECRET] },
        runtimeSpec: { process: { env: [SECRET] } },
      }),
    },
  }),
  PodSandboxStatus: () => ({
    info: { info: JSON.stringify({ pid: 4200, runtimeSpec: { hostname: 'web-host' } }) },
  }),
});

class Refusal extends Error {
  readonly code: number;
  readonly details: string;
  constructor(code: number, details: string) {
    super(details);
    this.code = code;
    this.details = details;
  }
}

class Runtime implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'huatuo-cri-'));
  readonly socket: string = join(this.#directory, 'cri.sock');
  readonly #server = new Server();
  /** Methods in the order in which they were called, with their requests. */
  readonly calls: [CriMethod, Record<string, unknown>][] = [];

  static async start(answers: Answers): Promise<Runtime> {
    const runtime = new Runtime();
    const service = fromJSON(CRI_V1, { keepCase: true, longs: String })[RUNTIME_SERVICE] as ServiceDefinition;
    const handlers = (Object.keys(answers) as CriMethod[]).map((name) => [
      name,
      (call: ServerUnaryCall<Record<string, unknown>, object>, done: sendUnaryData<object>): void => {
        runtime.calls.push([name, call.request]);
        try {
          done(null, answers[name](call.request));
        } catch (error) {
          done(error as Refusal);
        }
      },
    ]);
    runtime.#server.addService(service, Object.fromEntries(handlers));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    runtime.#server.bindAsync(`unix:${runtime.socket}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
    await promise;
    return runtime;
  }

  called(method: CriMethod): number {
    return this.calls.filter(([name]) => name === method).length;
  }

  [Symbol.dispose](): void {
    this.#server.forceShutdown();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

test('a running container and its sandbox are described, without their environment', async () => {
  using runtime = await Runtime.start(containerd());
  using source = cri({ socket: runtime.socket });
  assert.equal(source.present(), true);
  const found = await source.list(soon());
  assert.deepEqual(found, [
    {
      id: ID,
      runtime: 'containerd',
      name: 'nginx',
      image: 'docker.io/library/nginx:1.25',
      hostname: 'web-host',
      podName: 'web-0',
      hostNamespace: 'shop',
      labels: { ...POD_LABELS, 'io.kubernetes.container.name': 'nginx' },
      initPid: 4242,
      startTime: '2023-11-14T22:13:21.500Z',
    },
    {
      id: POD,
      runtime: 'containerd',
      name: 'POD',
      hostname: 'web-host',
      podName: 'web-0',
      hostNamespace: 'shop',
      labels: POD_LABELS,
      initPid: 4200,
      startTime: '2023-11-14T22:13:20.000Z',
    },
  ]);
  assert.deepEqual(source.leftOut, { malformed: 0, overLimit: 0 });
  assert.ok(!JSON.stringify(found).includes('hunter2'));
});

test('only what runs is asked for, and each status once', async () => {
  using runtime = await Runtime.start(containerd());
  using source = cri({ socket: runtime.socket });
  const first = await source.list(soon());
  assert.deepEqual(await source.list(soon()), first);
  assert.equal(runtime.called('ListContainers'), 2);
  assert.equal(runtime.called('ContainerStatus'), 1);
  assert.equal(runtime.called('PodSandboxStatus'), 1);
  const requests = Object.fromEntries(runtime.calls);
  assert.deepEqual(requests.ListContainers, { filter: { state: { state: 1 } } });
  assert.deepEqual(requests.ListPodSandbox, { filter: { state: { state: 0 } } });
  assert.deepEqual(requests.ContainerStatus, { container_id: ID, verbose: true });
});

test('CRI-O is told from containerd, and the image name the user wrote is preferred', async () => {
  using runtime = await Runtime.start({
    ...containerd(),
    Version: () => ({ runtime_name: 'cri-o' }),
    ContainerStatus: () => ({
      status: { image: { image: 'sha256:12', user_specified_image: 'quay.io/a/b:1' } },
    }),
  });
  using source = cri({ socket: runtime.socket });
  const [container] = await source.list(soon());
  assert.equal(container?.runtime, 'cri-o');
  assert.equal(container?.image, 'quay.io/a/b:1');
  assert.equal(container?.initPid, undefined);
});

test('nothing running is an empty list', async () => {
  using runtime = await Runtime.start({
    ...containerd(),
    ListContainers: () => ({}),
    ListPodSandbox: () => ({}),
  });
  using source = cri({ socket: runtime.socket });
  assert.deepEqual(await source.list(soon()), []);
});

test('a container that ended meanwhile is left out; one whose status is unreadable keeps what the list says', async () => {
  const gone = 'd2'.repeat(32);
  using runtime = await Runtime.start({
    ...containerd(),
    ListContainers: () => ({
      containers: [{ id: gone }, { id: ID, metadata: { name: 'nginx' } }, { id: '' }],
    }),
    ContainerStatus: ({ container_id: id }) => {
      if (id === gone) throw new Refusal(5, 'no such container');
      return { status: {}, info: { info: '{"pid":' } };
    },
  });
  using source = cri({ socket: runtime.socket });
  const found = await source.list(soon());
  assert.deepEqual(
    found.map(({ id }) => id),
    [ID, POD],
  );
  assert.deepEqual(found[0], { id: ID, runtime: 'containerd', name: 'nginx', labels: {} });
  assert.deepEqual(source.leftOut, { malformed: 2, overLimit: 0 });
});

test('an answer of containers without ids is a failure', async () => {
  using runtime = await Runtime.start({
    ...containerd(),
    ListContainers: () => ({ containers: [{ id: '' }] }),
  });
  using source = cri({ socket: runtime.socket });
  await failsWith(source.list(soon()), /found id: /);
});

test('a runtime that knows v1alpha2 only is named, with the version to update to', async () => {
  using runtime = await Runtime.start({
    ...containerd(),
    Version: () => {
      throw new Refusal(12, 'unknown service runtime.v1.RuntimeService');
    },
  });
  using source = cri({ socket: runtime.socket });
  await failsWith(source.list(soon()), /no runtime\.v1\.RuntimeService .*; update to containerd 1\.6/);
});

test('an answer of more than 16 MiB is refused', async () => {
  using runtime = await Runtime.start({
    ...containerd(),
    ListContainers: () => ({ containers: [{ id: ID, labels: { big: 'x'.repeat(17 << 20) } }] }),
  });
  using source = cri({ socket: runtime.socket });
  await failsWith(source.list(soon()), /gRPC status 8/);
});

test('an internal error of the runtime is told', async () => {
  using runtime = await Runtime.start({
    ...containerd(),
    ListPodSandbox: () => {
      throw new Refusal(13, 'boltdb is closed');
    },
  });
  using source = cri({ socket: runtime.socket });
  await failsWith(source.list(soon()), /ListPodSandbox .*gRPC status 13: boltdb is closed/);
});

test('a socket that accepts and never answers is left at the deadline', { timeout: 20_000 }, async () => {
  await using server = await UnixServer.raw();
  using source = cri({ socket: server.path });
  await failsWith(source.list(brief()), /given up/);
  await server.deserted();
});

test('a runtime that connects and never answers a call is left at the deadline', {
  timeout: 20_000,
}, async () => {
  using runtime = await Runtime.start({ ...containerd(), Version: () => ({}) });
  // In between, so that the test sees the connection.
  await using proxy = await UnixServer.raw((client) => {
    const upstream = connect(runtime.socket);
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    let bytes = 0;
    // The handshake passes, answers do not.
    upstream.on('data', (chunk) => {
      bytes += chunk.length;
      if (bytes < 60) client.write(chunk);
    });
    client.pipe(upstream);
  });
  using source = cri({ socket: proxy.path });
  await failsWith(source.list(brief()), /given up/);
  await proxy.deserted();
});

test('a list leaves no connection', { timeout: 20_000 }, async () => {
  using runtime = await Runtime.start(containerd());
  await using proxy = await UnixServer.raw((client) => {
    const upstream = connect(runtime.socket);
    upstream.on('error', () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  using source = cri({ socket: proxy.path });
  assert.equal((await source.list(soon())).length, 2);
  await proxy.deserted();
});

test('HTTP/1 instead of gRPC is a failure', { timeout: 20_000 }, async () => {
  await using server = await UnixServer.http((_, response) => response.end('<html>'));
  using source = cri({ socket: server.path });
  await failsWith(source.list(AbortSignal.timeout(2_000)), /gRPC status|given up/);
  await server.deserted();
});

test('nobody at the socket: not present, and a failure when asked all the same', async () => {
  using source = cri({ socket: '/nonexistent/cri.sock' });
  assert.equal(source.present(), false);
  await failsWith(source.list(soon()), /gRPC status 14/);
});

test('a closed source asks nobody', async () => {
  using runtime = await Runtime.start(containerd());
  const source = cri({ socket: runtime.socket });
  source[Symbol.dispose]();
  await failsWith(source.list(soon()), /the source was closed/);
  assert.equal(runtime.calls.length, 0);
});
