/** The other end of the port is in the test's hands. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { ContainersClient } from '../../src/containers/client.ts';
import type { FromContainers, ResolveRequest } from '../../src/containers/protocol.ts';
import type { Owner } from '../../src/sdk/container.ts';
import { A, B, container } from '../support/containers-fixture.ts';
import { eventually } from '../support/eventually.ts';

const LONG_MS = 60_000;

/** What the thread `containers` is to a reader. */
class Containers {
  readonly port: MessagePort;
  readonly requests: ResolveRequest[] = [];
  #answer: ((request: ResolveRequest) => Owner) | undefined;

  constructor(port: MessagePort, answer?: (request: ResolveRequest) => Owner) {
    this.port = port;
    this.#answer = answer;
    port.on('message', (request: ResolveRequest) => {
      this.requests.push(request);
      if (this.#answer) this.send({ type: 'resolved', id: request.id, owner: this.#answer(request) });
    });
  }

  send(message: FromContainers): void {
    this.port.postMessage(message);
  }

  /** Answers what was held back too. */
  answer(owner: Owner): void {
    this.#answer = () => owner;
    for (const { id } of this.requests) this.send({ type: 'resolved', id, owner });
  }
}

const CHANGED = { type: 'changed', upserts: [], units: [], removed: [], reassigned: false } as const;
const HOST: Owner = { type: 'host', cgroupPath: '/' };

function ownerOf(one = container()): Owner {
  return { type: 'container', container: one };
}

function connect(
  t: TestContext,
  client: ContainersClient,
  answer?: (request: ResolveRequest) => Owner,
): Containers {
  const { port1, port2 } = new MessageChannel();
  client.connect(port1);
  t.after(() => port2.close());
  return new Containers(port2, answer);
}

async function told(
  client: ContainersClient,
  containers: Containers,
  message: FromContainers,
): Promise<void> {
  const { version } = client;
  containers.send(message);
  await eventually('the change to be known', () => client.version > version);
}

test('a cgroup is asked for once, with its controller, and its owner is known from then on', async (t) => {
  const client = new ContainersClient(LONG_MS);
  const containers = connect(t, client, () => ownerOf());
  assert.equal(client.owner(7n, 'memory'), undefined);
  const owners = await Promise.all([1, 2, 3].map(() => client.resolve(7n, 'memory')));
  assert.deepEqual(owners, [ownerOf(), ownerOf(), ownerOf()]);
  assert.deepEqual(containers.requests, [{ type: 'resolve', id: 1, cgroupId: 7n, controller: 'memory' }]);
  assert.deepEqual(client.owner(7n, 'memory'), ownerOf());
  assert.equal(client.owner(7n, 'cpu'), undefined);
  assert.equal((await client.byCgroupId(7n, 'memory'))?.id, A);
});

test("that a cgroup is the host's or a unit's is remembered too", async (t) => {
  const client = new ContainersClient(LONG_MS);
  const unit: Owner = { type: 'unit', name: 'x.service', cgroupPath: '/system.slice/x.service' };
  const containers = connect(t, client, ({ cgroupId }) => (cgroupId === 1n ? HOST : unit));
  for (const _ of [1, 2]) {
    assert.equal(await client.byCgroupId(1n), undefined);
    assert.deepEqual(await client.resolve(2n, undefined), unit);
  }
  assert.equal(containers.requests.length, 2);
});

test('what no answer came for, and what nothing tells, is unknown and never the host', async (t) => {
  const client = new ContainersClient(0);
  const silent = connect(t, client);
  assert.deepEqual(await client.ownerOf(7n, 'memory'), { type: 'unknown' });
  silent.answer({ type: 'unknown' });
  await eventually('the answer', () => client.owner(7n, 'memory') !== undefined);
  assert.deepEqual(await client.ownerOf(7n, 'memory'), { type: 'unknown' });
  assert.equal(await client.byCgroupId(7n, 'memory'), undefined);
  await told(client, silent, { ...CHANGED, reassigned: true });
  silent.answer(ownerOf());
  await client.ownerOf(7n, 'memory');
  await eventually('a better answer', () => client.owner(7n, 'memory')?.type === 'container');
});

test('who waits no longer gets nothing; the answer is known when it comes, and the question is not repeated', async (t) => {
  const client = new ContainersClient(1);
  const containers = connect(t, client);
  assert.equal(await client.resolve(7n, undefined), undefined);
  assert.equal(await client.resolve(7n, undefined), undefined);
  containers.answer(ownerOf());
  await eventually('the late answer', () => client.owner(7n, undefined));
  assert.equal(containers.requests.length, 1);
});

test('one that waits for nothing asks all the same', async (t) => {
  const client = new ContainersClient(0);
  connect(t, client, () => ownerOf());
  assert.equal(await client.resolve(7n, undefined), undefined);
  await eventually('the answer', () => client.owner(7n, undefined));
});

test('a question from before there is anybody to ask is put when there is', async (t) => {
  const client = new ContainersClient(LONG_MS);
  const answer = client.resolve(7n, undefined);
  connect(t, client, () => ownerOf());
  assert.deepEqual(await answer, ownerOf());
});

test('the list is what was told: new, described, gone; the gone are found for a while', async (t) => {
  const client = new ContainersClient(LONG_MS);
  const containers = connect(t, client);
  await told(client, containers, { ...CHANGED, upserts: [container(), container({ id: B })] });
  assert.deepEqual(
    client.list().map(({ id }) => id),
    [A, B],
  );
  assert.equal(client.list(), client.list(), 'the same list until it changes');
  await told(client, containers, { ...CHANGED, upserts: [container({ name: 'web' })], removed: [B] });
  assert.deepEqual(
    client.list().map(({ name }) => name),
    ['web'],
  );
  assert.equal(client.find(B)?.id, B);
});

test('an owner is described as newly as the container is', async (t) => {
  const client = new ContainersClient(LONG_MS);
  const heard: unknown[] = [];
  client.listener = {
    described: ({ name }, cgroups) =>
      void heard.push([name, cgroups.toSorted((a, b) => Number(a.cgroupId - b.cgroupId))]),
    forgotten: () => void heard.push('forgotten'),
  };
  const containers = connect(t, client, () => ownerOf());
  await client.resolve(7n, 'memory');
  await client.resolve(8n, undefined);
  await told(client, containers, { ...CHANGED, upserts: [container({ name: 'web' }), container({ id: B })] });
  const owner = client.owner(7n, 'memory');
  assert.equal(owner?.type === 'container' && owner.container.name, 'web');
  const cgroups = [
    { cgroupId: 7n, controller: 'memory' },
    { cgroupId: 8n, controller: undefined },
  ];
  assert.deepEqual(heard, [['web', cgroups]]);
  await told(client, containers, { ...CHANGED, removed: [A] });
  assert.equal(client.owner(7n, 'memory')?.type, 'container');
});

test('when a cgroup belongs to another owner everything is asked again', async (t) => {
  const client = new ContainersClient(LONG_MS);
  let forgotten = 0;
  client.listener = { described: () => {}, forgotten: () => void forgotten++ };
  let owner: Owner = HOST as Owner;
  const containers = connect(t, client, () => owner);
  assert.deepEqual(await client.resolve(7n, undefined), HOST);
  owner = ownerOf();
  await told(client, containers, { ...CHANGED, reassigned: true });
  assert.equal(forgotten, 1);
  assert.deepEqual(await client.resolve(7n, undefined), owner);
});

test('a successor is asked what its predecessor did not answer, whether or not that has closed its port', async (t) => {
  for (const closes of [true, false]) {
    const client = new ContainersClient(1);
    const silent = connect(t, client);
    assert.equal(await client.resolve(7n, undefined), undefined);
    if (closes) silent.port.close();
    const successor = connect(t, client, () => ownerOf());
    await eventually('an answer', () => client.resolve(7n, undefined));
    assert.deepEqual(
      successor.requests.map(({ cgroupId }) => cgroupId),
      [7n],
    );
  }
});

test("what is known stays known while nobody is there, and a successor's list replaces it", async (t) => {
  const client = new ContainersClient(LONG_MS);
  const containers = connect(t, client, () => ownerOf());
  await told(client, containers, { ...CHANGED, upserts: [container(), container({ id: B })] });
  await client.resolve(7n, undefined);
  containers.port.close();
  assert.deepEqual(await client.resolve(7n, undefined), ownerOf());
  assert.equal(client.list().length, 2);
  const successor = connect(t, client);
  await told(client, successor, { ...CHANGED, upserts: [container({ id: B })] });
  assert.deepEqual(
    client.list().map(({ id }) => id),
    [B],
  );
});

test('an answer nobody asked for changes nothing', async (t) => {
  const client = new ContainersClient(LONG_MS);
  const containers = connect(t, client);
  containers.send({ type: 'resolved', id: 77, owner: ownerOf() });
  await told(client, containers, CHANGED);
  assert.deepEqual(client.list(), []);
});

test('a thread that does not answer is waited for once, until it says something again', async (t) => {
  const client = new ContainersClient(50);
  const containers = connect(t, client);
  assert.equal(await client.resolve(1n, 'memory'), undefined);
  // With a wait of its own each, this would take longer than the test may.
  for (let id = 2n; id < 5000n; id++) assert.equal(await client.resolve(id, 'memory'), undefined);
  await told(client, containers, CHANGED);
  await eventually('the questions to arrive', () => containers.requests.length === 4999);
  containers.answer(HOST);
  assert.deepEqual(await eventually('an answer', () => client.owner(4999n, 'memory')), HOST);
});
