import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type PodContainers, podContainers } from '../../../src/containers/sources/kubelet-pods.ts';
import { MAX_DETAILS } from '../../../src/containers/sources/source.ts';

const FIXTURES = join(import.meta.dirname, '../../../../test/fixtures/kubelet');

function parsed(name: string): PodContainers {
  const found = podContainers(JSON.parse(readFileSync(join(FIXTURES, name), 'utf8')));
  assert.ok(found, `${name} is a list of pods`);
  return { ...found, containers: found.containers.filter(({ of }) => of === undefined) };
}

/** Names with types, in the order of the answer. */
function types(name: string): string[] {
  return parsed(name).containers.map((one) => `${one.name} ${one.type}`);
}

const id = (two: string): string => two.repeat(32);

test('a pod under containerd: all its fields, the finished init container too, nothing of one that waits', () => {
  const { containers, leftOut } = parsed('containerd.json');
  const shop = {
    podName: 'shop-7d9c5b6f4-x2x9p',
    hostNamespace: 'store',
    hostname: 'shop-7d9c5b6f4-x2x9p',
    labels: { app: 'shop', 'pod-template-hash': '7d9c5b6f4' },
    qos: 'burstable',
    type: 'normal',
    runtime: 'containerd',
  };
  assert.deepEqual(containers, [
    {
      ...shop,
      id: id('a1'),
      name: 'web',
      image: 'registry.example/web:1.4',
      startTime: '2024-03-05T09:00:12Z',
    },
    { ...shop, id: id('a2'), name: 'migrate', image: 'registry.example/migrate:1.4' },
    {
      ...shop,
      id: id('a3'),
      name: 'worker',
      image: 'registry.example/worker:2',
      podName: 'batch-0',
      hostname: 'batch-host',
      labels: {},
      qos: 'guaranteed',
      startTime: '2024-03-05T09:00:00.000Z',
    },
  ]);
  assert.deepEqual(leftOut, { malformed: 0, overLimit: 0 });
});

test('environment variables of a pod are in the answer and not in what is kept', () => {
  assert.match(readFileSync(join(FIXTURES, 'containerd.json'), 'utf8'), /hunter2/);
  assert.doesNotMatch(JSON.stringify(parsed('containerd.json')), /hunter2/);
});

test('CRI-O and the docker shim are recognised; what is not known is left out', () => {
  const runtimes = ['crio.json', 'dockershim.json'].flatMap((name) =>
    parsed(name).containers.map((one) => [one.runtime, one.id, one.qos]),
  );
  assert.deepEqual(runtimes, [
    ['cri-o', id('b1'), 'guaranteed'],
    ['docker', id('c1'), undefined],
  ]);
});

test('pods from a file, from a URL and owned by the node are static; on the host network they have its name', () => {
  assert.deepEqual(types('static.json'), ['etcd static', 'probe static', 'mirror static']);
  assert.deepEqual(
    parsed('static.json').containers.map(({ hostname }) => hostname),
    ['node-a', 'manifest-node-a', 'mirror-node-a'],
  );
});

test('containers of a DaemonSet are daemonSet, a mesh proxy among them too', () => {
  assert.deepEqual(types('daemonset.json'), ['proxy daemonSet', 'istio-proxy daemonSet']);
});

test('side-cars are mesh proxies and init containers that always restart, not other init containers', () => {
  assert.deepEqual(types('sidecar.json'), [
    'pay normal',
    'istio-proxy sidecar',
    'linkerd-proxy sidecar',
    'logs sidecar',
    'setup normal',
  ]);
});

test('an ephemeral container belongs to its pod', () => {
  assert.deepEqual(
    parsed('ephemeral.json').containers.map(({ name, id, podName }) => [name, id, podName]),
    [
      ['web', id('11'), 'web-1'],
      ['debugger-x7', id('12'), 'web-1'],
    ],
  );
});

test('hostile labels stay as they are; pods of wrong types are counted and cost no other pod', () => {
  const { containers, leftOut } = parsed('hostile.json');
  assert.deepEqual(leftOut, { malformed: 3, overLimit: 0 });
  const [quotes, numbered, rkt, docker, ...none] = containers;
  assert.deepEqual(none, []);
  assert.deepEqual([numbered?.podName, numbered?.labels], ['numbered', {}]);
  assert.deepEqual(quotes?.labels, {
    'quote"key': 'va"l\\ue',
    line: 'one\ntwo\r\u0000\u2028end',
    lone: '\ud800',
    constructor: 'x',
  });
  assert.equal(Object.getPrototypeOf(quotes?.labels), Object.prototype);
  assert.deepEqual(
    [rkt?.id, rkt?.runtime, rkt?.startTime, rkt?.qos],
    [id('25'), undefined, undefined, undefined],
  );
  assert.deepEqual([docker?.id, docker?.startTime], [id('26'), undefined]);
});

test('every pod is told by its uid, and a static one by its config hash too, also without a status of its containers', () => {
  const hash = '0123456789abcdef0123456789abcdef';
  const mirror = {
    metadata: {
      name: 'kube-apiserver-node-1',
      namespace: 'kube-system',
      uid: 'cccccccc-0000-4000-8000-000000000003',
      labels: { app: 'kube-apiserver' },
      annotations: { 'kubernetes.io/config.hash': hash, 'kubernetes.io/config.source': 'file' },
    },
    spec: { nodeName: 'node-1', hostNetwork: true },
  };
  const web = {
    metadata: { name: 'web-0', namespace: 'shop', uid: 'bbbb' },
    spec: {},
    status: { qosClass: 'Burstable' },
  };
  const shared = {
    of: 'pod',
    podName: 'kube-apiserver-node-1',
    hostNamespace: 'kube-system',
    labels: { app: 'kube-apiserver' },
    hostname: 'node-1',
    type: 'static',
  };
  assert.deepEqual(podContainers({ items: [mirror, web] })?.containers, [
    { ...shared, id: mirror.metadata.uid },
    { ...shared, id: hash },
    {
      id: 'bbbb',
      of: 'pod',
      podName: 'web-0',
      hostNamespace: 'shop',
      labels: {},
      qos: 'burstable',
      hostname: 'web-0',
      type: 'normal',
    },
  ]);
});

test('a part of a pod that is malformed costs itself alone', () => {
  const statuses = [
    { name: 7 },
    { name: 'web', image: {}, containerID: `containerd://${id('a1')}`, state: 'running' },
  ];
  const pod = {
    metadata: { name: 'web-0', namespace: 'shop', labels: { app: 7 }, ownerReferences: 'x' },
    spec: { hostname: [], hostNetwork: 'yes', initContainers: {} },
    status: { qosClass: 1, containerStatuses: statuses, initContainerStatuses: 'none' },
  };
  assert.deepEqual(podContainers({ items: [pod] }), {
    containers: [
      {
        id: id('a1'),
        name: 'web',
        runtime: 'containerd',
        podName: 'web-0',
        hostNamespace: 'shop',
        labels: {},
        hostname: 'web-0',
        type: 'normal',
      },
    ],
    leftOut: { malformed: 0, overLimit: 0 },
  });
});

test('no pods are null in Go; what has no list of pods is none', () => {
  assert.deepEqual(podContainers({ kind: 'PodList', items: null }), {
    containers: [],
    leftOut: { malformed: 0, overLimit: 0 },
  });
  for (const other of [
    {},
    [],
    null,
    'x',
    { items: {} },
    { kind: 'Status', message: 'Forbidden' },
    { items: [{}, 7] },
  ])
    assert.equal(podContainers(other), undefined);
});

test('an answer with more than MAX_DETAILS containers is cut, and says by how many', () => {
  const pod = (status: object): object => ({
    metadata: { name: 'many', namespace: 'n' },
    spec: {},
    status,
  });
  const containerStatuses = Array.from({ length: MAX_DETAILS }, (_, i) => ({
    name: 'c',
    containerID: `containerd://${i.toString(16).padStart(64, '0')}`,
  }));
  const found = podContainers({
    items: [pod({ containerStatuses }), pod({ containerStatuses: containerStatuses.slice(0, 3) })],
  });
  assert.deepEqual([found?.containers.length, found?.leftOut.overLimit], [MAX_DETAILS, 3]);
});

/** JSON that is likely to get past the first checks: keys of pods with any value behind them. */
const anyPod = fc.letrec<{ value: fc.JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium' },
    fc.jsonValue(),
    fc.constantFrom(`cri-o://${id('ab')}`, 'DaemonSet', 'Always', null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom(
        ...[
          'metadata',
          'spec',
          'status',
          'name',
          'namespace',
          'labels',
          'annotations',
          'ownerReferences',
          'kind',
        ],
        ...[
          'containerStatuses',
          'initContainerStatuses',
          'containerID',
          'state',
          'running',
          'startedAt',
          '__proto__',
        ],
      ),
      tie('value'),
    ) as fc.Arbitrary<fc.JsonValue>,
  ),
})).value;

test('arbitrary JSON never throws, and each pod is either read or counted', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => void podContainers(value)));
  const good = {
    metadata: { name: 'a', namespace: 'b' },
    spec: {},
    status: { containerStatuses: [{ name: 'c', containerID: 'docker://x' }] },
  };
  fc.assert(
    fc.property(fc.array(anyPod, { maxLength: 5 }), (others) => {
      const found = podContainers({ items: [...others, good] });
      assert.ok(found && found.leftOut.malformed <= others.length);
      assert.equal(found.containers.at(-1)?.id, 'x');
    }),
  );
});
