/** Against an HTTP server on a unix socket, with answers as docker 24 and podman 4 give them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { engineApi } from '../../../src/containers/sources/engine-api.ts';
import { brief, failsWith, soon } from './failure.ts';
import { fixture } from './fixture.ts';
import { UnixServer } from './unix-server.ts';

const DOCKER = 'd0'.repeat(32);
const PODMAN = 'b0'.repeat(32);

type Answer = string | number | undefined;

/** Text is a body, a number a status, undefined silence. */
async function engine(answer: (path: string) => Answer): Promise<{ server: UnixServer; asked: string[] }> {
  const asked: string[] = [];
  const server = await UnixServer.http(({ url = '' }, response) => {
    asked.push(url);
    const body = answer(url);
    if (typeof body === 'number') response.writeHead(body).end('{"message":"no"}');
    else if (body !== undefined) response.end(body);
  });
  return { server, asked };
}

const list = (ids: readonly string[]): string =>
  JSON.stringify(ids.map((Id) => ({ Id, Names: [`/n-${Id}`] })));
const inspect = (Pid: number): string => JSON.stringify({ Config: { Hostname: 'h' }, State: { Pid } });
const isList = (path: string): boolean => path.startsWith('/containers/json');

class Procfs implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), 'huatuo-procfs-'));
  start(pid: number, ticks: number): void {
    mkdirSync(join(this.path, `${pid}`), { recursive: true });
    const fields = ['S', ...Array.from({ length: 18 }, () => 0), ticks, 0];
    writeFileSync(join(this.path, `${pid}`, 'stat'), `${pid} (a) b (c) ${fields.join(' ')}\n`);
  }
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

test("docker's containers are described, hostile labels as they are, without their environment", async () => {
  const { server, asked } = await engine((path) =>
    fixture(`docker-${isList(path) ? 'list' : 'inspect'}.json`),
  );
  await using _ = server;
  using source = engineApi({ name: 'docker', socket: server.path });
  assert.equal(source.present(), true);
  const found = await source.list(soon());
  assert.deepEqual(found, [
    {
      id: DOCKER,
      runtime: 'docker',
      name: 'shop-web-1',
      image: 'nginx:1.25',
      labels: { 'com.docker.compose.project': 'shop', hostile: 'a"b\nc\u0001' },
      hostname: 'web-host',
      initPid: 4242,
      startTime: '2023-11-14T22:13:21.5Z',
    },
  ]);
  assert.deepEqual(asked, ['/containers/json?all=0', `/containers/${DOCKER}/json`]);
  assert.ok(!JSON.stringify(found).includes('hunter2'));
  await server.deserted();
});

test("podman's containers have no labels and local times", async () => {
  const { server } = await engine((path) => fixture(`podman-${isList(path) ? 'list' : 'inspect'}.json`));
  await using _ = server;
  using source = engineApi({ name: 'podman', socket: server.path });
  assert.deepEqual(await source.list(soon()), [
    {
      id: PODMAN,
      runtime: 'podman',
      name: 'db',
      image: 'docker.io/library/postgres:16',
      labels: {},
      hostname: 'bdb0b0b0b0b0',
      initPid: 777,
      startTime: '2023-11-14T22:13:21.250Z',
    },
  ]);
});

test("kubelet's labels name a container of dockershim", async () => {
  const Labels = {
    'io.kubernetes.container.name': 'nginx',
    'io.kubernetes.pod.name': 'web-0',
    'io.kubernetes.pod.namespace': 'shop',
  };
  const { server } = await engine((path) =>
    isList(path) ? JSON.stringify([{ Id: 'a', Names: ['/k8s_nginx_web-0_shop_1_0'], Labels }]) : inspect(0),
  );
  await using _ = server;
  using source = engineApi({ name: 'docker', socket: server.path });
  const [found] = await source.list(soon());
  assert.deepEqual(found, {
    id: 'a',
    runtime: 'docker',
    name: 'nginx',
    podName: 'web-0',
    hostNamespace: 'shop',
    labels: Labels,
    hostname: 'h',
  });
});

test('a container is inspected once, and again when its init process is another one', async () => {
  using procfs = new Procfs();
  procfs.start(50, 1000);
  let pid = 50;
  const { server, asked } = await engine((path) => (isList(path) ? list(['a']) : inspect(pid)));
  await using _ = server;
  using source = engineApi({ name: 'docker', socket: server.path, procfs: procfs.path });
  const inspected = (): number => asked.filter((path) => !isList(path)).length;
  await source.list(soon());
  await source.list(soon());
  assert.equal(inspected(), 1);
  // The pid was used again, by another process.
  procfs.start(50, 2000);
  pid = 51;
  procfs.start(51, 3000);
  assert.equal((await source.list(soon()))[0]?.initPid, 51);
  assert.equal(inspected(), 2);
  rmSync(join(procfs.path, '51'), { recursive: true });
  await source.list(soon());
  assert.equal(inspected(), 3);
});

test('at most eight containers are inspected at a time', async () => {
  const ids = Array.from({ length: 50 }, (_, at) => `c${at}`);
  let now = 0;
  let most = 0;
  await using server = await UnixServer.http(({ url = '' }, response) => {
    most = Math.max(most, ++now);
    setImmediate(() => {
      now--;
      response.end(isList(url) ? list(ids) : inspect(1));
    });
  });
  using source = engineApi({ name: 'docker', socket: server.path });
  const found = await source.list(soon());
  assert.deepEqual(
    found.map(({ id }) => id),
    ids,
  );
  assert.ok(most <= 8, `${most} at a time`);
});

test('a container that ended meanwhile is left out; one that cannot be inspected keeps what the list says', async () => {
  const answers: Record<string, Answer> = {
    gone: 404,
    broken: 500,
    torn: '{"State":',
    odd: '{"State":{"Pid":"x"}}',
  };
  const { server } = await engine((path) =>
    isList(path)
      ? list(['gone', 'broken', 'torn', 'odd', 'good'])
      : (answers[path.split('/')[2] ?? ''] ?? inspect(9)),
  );
  await using _ = server;
  using source = engineApi({ name: 'docker', socket: server.path });
  const found = await source.list(soon());
  assert.deepEqual(
    found.map(({ id, initPid }) => [id, initPid]),
    [
      ['broken', undefined],
      ['torn', undefined],
      ['odd', undefined],
      ['good', 9],
    ],
  );
  assert.deepEqual(source.leftOut, { malformed: 3, overLimit: 0 });
});

test('a bad entry costs itself only, a list of bad entries is a failure', async () => {
  let answer = '[{"Id":"a","Labels":{"x":1}},{"Id":7},null,{"Id":"b"}]';
  const { server } = await engine((path) => (isList(path) ? answer : inspect(9)));
  await using _ = server;
  using source = engineApi({ name: 'docker', socket: server.path });
  assert.deepEqual(
    (await source.list(soon())).map(({ id }) => id),
    ['b'],
  );
  assert.deepEqual(source.leftOut, { malformed: 3, overLimit: 0 });
  answer = '[{"Id":7},{}]';
  await failsWith(source.list(soon()), /found Id: .*expected string, received number/);
  answer = '{"message":"page not found"}';
  await failsWith(source.list(soon()), /found object/);
  answer = 'null';
  await failsWith(source.list(soon()), /found null/);
});

test('an id cannot lead to another path of the API', async () => {
  const { server, asked } = await engine((path) => (isList(path) ? list(['../../x?y=']) : inspect(9)));
  await using _ = server;
  using source = engineApi({ name: 'docker', socket: server.path });
  await source.list(soon());
  assert.equal(asked[1], '/containers/..%2F..%2Fx%3Fy%3D/json');
});

test('an engine that hangs in an inspect is left at the deadline, with all its connections', {
  timeout: 20_000,
}, async () => {
  const { server } = await engine((path) => (isList(path) ? list(['a', 'b', 'c']) : undefined));
  await using _ = server;
  using source = engineApi({ name: 'docker', socket: server.path });
  await failsWith(source.list(brief()), /given up/);
  await server.deserted();
});

test('closing the source ends a list under way', { timeout: 20_000 }, async () => {
  const { server } = await engine(() => undefined);
  await using _ = server;
  const source = engineApi({ name: 'docker', socket: server.path });
  const listing = source.list(soon());
  source[Symbol.dispose]();
  await failsWith(listing, /the source was closed/);
});

test('an error of the engine is told', async () => {
  const { server } = await engine(() => 500);
  await using _ = server;
  using source = engineApi({ name: 'podman', socket: server.path });
  await failsWith(
    source.list(soon()),
    /^expected the list of containers as JSON from podman at .*HTTP status 500/,
  );
});

test('nobody at the socket: not present, and a failure when asked all the same', async () => {
  using source = engineApi({ name: 'docker', socket: '/nonexistent/docker.sock' });
  assert.equal(source.present(), false);
  await failsWith(source.list(soon()), /ENOENT/);
  using file = engineApi({ name: 'docker', socket: '/etc/passwd' });
  assert.equal(file.present(), false);
});
