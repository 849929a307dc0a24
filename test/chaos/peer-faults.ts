/** What those do who talk to the agent, and whom it talks to. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SourceStatus } from '../../src/containers/sources/runner.ts';
import { sampleValue } from '../support/prometheus-text.ts';
import type { EngineFailure } from './engine.ts';
import { actor, flowing, patiently, type Scene } from './scene.ts';

/** More than the server takes. */
const SLOW_CLIENTS = 100;
/** As the answer says. */
const RETRY_AFTER_MS = 1000;
const HUGE_HEADER_BYTES = 10_000_000;

export async function failEngine(scene: Scene, fault: `engine ${EngineFailure}`): Promise<number> {
  const { agent, engine } = scene;
  const docker = (wanted: SourceStatus['state']): Promise<SourceStatus> =>
    patiently(scene, `docker to be ${wanted}: ${fault}`, async () => {
      const { containers } = await agent.status();
      return containers?.sources.find(({ name, state }) => name === 'docker' && state === wanted);
    });
  const { restarts } = await actor(scene, 'containers');
  engine.failure = fault.slice('engine '.length) as EngineFailure;
  try {
    const { error } = await docker('failed');
    assert.equal(error?.code, 'CONTAINER_SOURCE_FAILED', `${error?.message}`);
    await flowing(scene);
  } finally {
    engine.failure = undefined;
  }
  const start_ms = performance.now();
  await docker('ok');
  const after = await actor(scene, 'containers');
  assert.deepEqual([after.state, after.restarts], ['running', restarts], 'an answer ends no thread');
  return performance.now() - start_ms;
}

/** They are in the middle of a head, or have asked for pages and read none. */
export async function holdConnections(scene: Scene): Promise<number> {
  const { port } = scene;
  const clients: Socket[] = [];
  const start_ms = performance.now();
  try {
    for (let n = 0; n < SLOW_CLIENTS; n++) {
      const client = connect({ port, host: '127.0.0.1' });
      client.on('error', () => undefined).pause();
      clients.push(client);
      await once(client, 'connect');
      client.write(
        n % 2 === 0
          ? 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX: '
          : 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(100),
      );
    }
    // So many scrapes at once that one more may be told to come again; none is left without an answer.
    for (let scrape = 0; scrape < 3; scrape++)
      await patiently(scene, 'a scrape', async () => {
        const { status } = await ask(scene, '/metrics');
        if (status === 503) await sleep(RETRY_AFTER_MS);
        return status === 200;
      });
    const page = await patiently(scene, 'the count of what was ended', () => scene.agent.metrics('agent'));
    const ended = ['idle', 'unread', 'refused'].map((reason) =>
      sampleValue(page, 'huatuo_http_server_connections_ended_total', { reason }),
    );
    assert.ok(Math.max(...ended) > 0, `none was ended: ${ended}`);
  } finally {
    for (const client of clients) client.destroy();
  }
  await flowing(scene);
  return performance.now() - start_ms;
}

/** A page that resolves its own name to this host, one that posts to it, and a client that sends a header without an end. */
export async function askWithMalice(scene: Scene): Promise<number> {
  const { agent } = scene;
  const said = agent.stderr.length;
  const start_ms = performance.now();
  const foreign = await ask(scene, '/api/v1/status', { headers: { host: 'evil.example' } });
  assert.deepEqual([foreign.status, /UNKNOWN_HOST.*web\.hosts/.test(foreign.body)], [421, true]);
  const origin = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
  const posted = await ask(scene, '/-/reload', { method: 'POST', headers: origin });
  assert.equal(posted.status, 403);
  assert.match(await sendHeader(scene, HUGE_HEADER_BYTES), /^(HTTP\/1\.1 431|$)/);
  assert.equal((await ask(scene, '/metrics')).status, 200);
  assert.doesNotMatch(agent.stderr.slice(said), /reloaded/);
  await flowing(scene);
  return performance.now() - start_ms;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Once, over a connection of its own: what a client of this server gets who does not try again. */
async function ask(
  { port }: Scene,
  path: string,
  asked: Asked = {},
): Promise<{ readonly status: number; readonly body: string }> {
  const sent = request({ host: '127.0.0.1', port, path, agent: false, ...asked });
  sent.end();
  const [response] = await once(sent, 'response');
  return { status: response.statusCode, body: await text(response) };
}

/** @returns what the server says until the connection ends; nothing when it ends it while we still send */
async function sendHeader({ port }: Scene, bytes: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined).setEncoding('latin1');
  let answer = '';
  socket.on('data', (chunk: string) => {
    answer += chunk;
  });
  socket.write(`GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(bytes)}`);
  await new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return answer;
}
